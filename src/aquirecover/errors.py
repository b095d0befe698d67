"""Errors that a user may meet, each with the exit code of the command line, and a collector that reports them all at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Finding:
    """One thing wrong with the input.

    Parameters
    ----------
    key : str
        Path of the value, as ``wells.W3.pumping_rate[2030-01-01]``.
    message : str
        The value, the rule it breaks and the remedy, in one or two sentences.
    location : str
        ``file:line:column`` where it is known, else empty.
    """

    key: str
    message: str
    location: str = ""

    def __str__(self) -> str:
        """Return ``file:line:column key: message``."""
        key = f"{self.key}: " if self.key else ""
        return f"{self.location} {key}{self.message}".strip()


class AquirecoverError(Exception):
    """Base of all errors of this package; ``exit_code`` is what the command line returns for it."""

    exit_code = 1


class ConfigError(AquirecoverError):
    """A model, scenario or problem that breaks a rule; carries every finding.

    Parameters
    ----------
    findings : iterable of Finding
        All that was found wrong, in the order of the file.
    """

    exit_code = 3

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__("\n".join(str(finding) for finding in self.findings))


class InputFileError(AquirecoverError):
    """An input file that is missing, unreadable, too large or outside the workspace."""

    exit_code = 4


class BackendError(AquirecoverError):
    """An engine that is not installed or did not finish."""

    exit_code = 4


class NumericalError(AquirecoverError):
    """A run that failed numerically; nothing of it is written as a result."""

    exit_code = 5


class ConvergenceError(NumericalError):
    """A step that did not converge; the message carries period, step, cell, value, rule and remedy."""


class BudgetError(NumericalError):
    """A step whose water budget does not close."""


class OutputExistsError(AquirecoverError):
    """A result that would be overwritten."""

    exit_code = 6


class ResourceError(AquirecoverError):
    """A run that needs more memory, disk or time than there is."""

    exit_code = 7


@dataclass
class Collector:
    """Gather findings so that one report shows them all."""

    findings: list[Finding] = field(default_factory=list)

    def add(self, key: str, message: str, location: str = "") -> None:
        """Add one finding."""
        self.findings.append(Finding(key, message, location))

    def extend(self, findings: Iterable[Finding]) -> None:
        """Add findings that were collected elsewhere."""
        self.findings.extend(findings)

    def raise_if_any(self) -> None:
        """Raise a `ConfigError` with everything that was found, or return when there is nothing."""
        if self.findings:
            raise ConfigError(self.findings)
