"""The priors of a model: every value of its file that says what is known of it before calibration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from aquirecover.case.messages import did_you_mean
from aquirecover.case.model_config import ModelConfig
from aquirecover.case.sections import Section
from aquirecover.case.values import Value
from aquirecover.errors import ConfigError, Finding
from aquirecover.study.priors import Prior


@dataclass(frozen=True)
class ModelPrior:
    """The prior of a value of a model file.

    Parameters
    ----------
    prior : Prior
        Named by the path of the value, as ``layers.qp1.k``.
    key : str
        Path of the number that is moved, as ``layers.qp1.k.value``; the multiplier of a value that varies in space or time.
    unit : str
        Of the number.
    certainty, source : str
        As the model says.
    """

    prior: Prior
    key: str
    unit: str
    certainty: str
    source: str


def model_priors(model: ModelConfig, wanted: Sequence[str] | None = None) -> list[ModelPrior]:
    """Return the priors of a model, in the order of its file.

    Parameters
    ----------
    model : ModelConfig
        The model with all overrides.
    wanted : sequence of str, optional
        Paths of values, or of sections for all values in them.

    Raises
    ------
    ConfigError
        When there are none, or nothing of what is wanted.
    """
    found = [_prior_of(path, value) for path, value in _values(model, ()) if value.prior is not None]
    names = [one.prior.name for one in found]
    missing = [name for name in wanted or () if not any(_within(known, name) for known in names)]
    if missing:
        message = f"{missing[0]}: no value there has a prior. {did_you_mean(missing[0], names)}"
        raise ConfigError([Finding("risk.priors", message)])
    if not found:
        message = "the model has no priors: say what is known of its values, as prior: {distribution: uniform, low: 1, high: 5}."
        raise ConfigError([Finding("risk", message)])
    return [one for one in found if wanted is None or any(_within(one.prior.name, name) for name in wanted)]


def _within(name: str, section: str) -> bool:
    return name == section or name.startswith(f"{section}.")


def _values(node: object, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Value]]:
    """Yield the values of a section with their paths."""
    if isinstance(node, Value):
        yield path, node
    elif isinstance(node, Section):
        for key, field in node.keys().items():
            yield from _values(getattr(node, field), (*path, key))
    elif isinstance(node, Mapping):
        for key, inner in node.items():
            yield from _values(inner, (*path, str(key)))
    elif isinstance(node, tuple):
        for index, inner in enumerate(node):
            yield from _values(inner, (*path, str(index)))


def _prior_of(path: tuple[str, ...], value: Value) -> ModelPrior:
    assert value.prior is not None
    name = ".".join(path)
    whole = value.kind == "value"
    number = float(value.value) if whole and value.value is not None else value.multiplier
    prior = Prior(name, value.prior.distribution, value.prior.low, value.prior.high, number)
    key = f"{name}.{'value' if whole else 'multiplier'}"
    return ModelPrior(prior, key, value.unit if whole else "1", value.certainty or "", value.source or "")
