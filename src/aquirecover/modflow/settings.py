"""How MODFLOW 6 solves: its IMS options, chosen by the kind of problem unless given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# Closure of heads, m, and of residuals, as a share of the flow through the model.
CLOSURE = {"usual": (1e-6, 1e-7, 1e-12), "tight": (1e-9, 1e-10, 1e-12)}


@dataclass(frozen=True)
class ModflowSettings:
    """How MODFLOW 6 solves a problem; what is left out is chosen by the kind of problem."""

    __pydantic_config__ = {"extra": "forbid", "use_attribute_docstrings": True}  # noqa: RUF012 - read by pydantic, not a field

    closure: Literal["usual", "tight"] = "usual"
    """``usual``: heads to 1e-6 m; ``tight``: to 1e-9 m, for comparisons."""
    outer_dvclose: float | None = None
    """Largest head change of the last outer iteration, m; by `closure`."""
    inner_dvclose: float | None = None
    """Largest head change of the last linear iteration, m; by `closure`."""
    inner_rclose: float | None = None
    """Largest residual of a cell after the last linear iteration, m³/d; by `closure` and the flow through the model."""
    outer_maximum: int = 500
    """Outer iterations of a step after which the run fails."""
    inner_maximum: int = 1000
    """Linear iterations of an outer one."""
    linear_acceleration: Literal["cg", "bicgstab"] | None = None
    """Krylov method; ``cg`` for confined problems, ``bicgstab`` for Newton's method."""
    relaxation_factor: float | None = None
    """Of the incomplete factorisation, from 0 to 1; 0.99 for confined problems, 1 for Newton's method."""
    preconditioner_levels: int = 0
    """Level of fill of the incomplete factorisation."""
    under_relaxation: Literal["none", "simple", "cooley", "dbd"] | None = None
    """Of the outer iterations; ``dbd`` (delta-bar-delta) for Newton's method, else ``none``."""
    newton_under_relaxation: bool = True
    """Newton's method keeps heads above the bottom of the model."""

    def __post_init__(self) -> None:
        """Refuse values that make no sense."""
        for name in ("outer_dvclose", "inner_dvclose", "inner_rclose"):
            value = getattr(self, name)
            if value is not None and not value > 0.0:
                raise ValueError(f"{name} = {value:g}: must be greater than 0.")
        for name in ("outer_maximum", "inner_maximum"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} = {getattr(self, name)}: must be 1 or more.")
        if self.relaxation_factor is not None and not 0.0 <= self.relaxation_factor <= 1.0:
            raise ValueError(f"relaxation_factor = {self.relaxation_factor:g}: must lie between 0 and 1.")
        if self.preconditioner_levels < 0:
            raise ValueError(f"preconditioner_levels = {self.preconditioner_levels}: must be 0 or more.")

    def ims(self, newton: bool, scales: tuple[float, float], release: tuple[int, int, int]) -> list[str]:
        """Return the lines of an IMS file.

        Parameters
        ----------
        newton : bool
            The problem is solved by Newton's method.
        scales : tuple of float
            About how much water flows through the model, and what rounding leaves in a cell, m³/d.
        release : tuple of int
            Of the program: closure had other names before 6.1.1.
        """
        outer, inner, share = CLOSURE[self.closure]
        residual = self.inner_rclose or max(share * scales[0], scales[1])
        close = "DVCLOSE" if release >= (6, 1, 1) else "HCLOSE"
        relaxation = self.relaxation_factor if self.relaxation_factor is not None else 1.0 if newton else 0.99
        return [
            "BEGIN options",
            "  PRINT_OPTION SUMMARY",
            f"  COMPLEXITY {'MODERATE' if newton else 'SIMPLE'}",
            "END options",
            "",
            "BEGIN nonlinear",
            f"  OUTER_{close} {self.outer_dvclose or outer!r}",
            f"  OUTER_MAXIMUM {self.outer_maximum}",
            *_under_relaxation(self.under_relaxation or ("dbd" if newton else "none")),
            "  BACKTRACKING_NUMBER 0",
            "END nonlinear",
            "",
            "BEGIN linear",
            f"  INNER_MAXIMUM {self.inner_maximum}",
            f"  INNER_{close} {self.inner_dvclose or inner!r}",
            f"  INNER_RCLOSE {residual!r}",
            f"  LINEAR_ACCELERATION {(self.linear_acceleration or ('bicgstab' if newton else 'cg')).upper()}",
            f"  RELAXATION_FACTOR {relaxation!r}",
            f"  PRECONDITIONER_LEVELS {self.preconditioner_levels}",
            "  PRECONDITIONER_DROP_TOLERANCE 0.0",
            "  NUMBER_ORTHOGONALIZATIONS 0",
            # with these switched on a run was seen to end normally with a budget error of 132 %
            "  SCALING_METHOD NONE",
            "  REORDERING_METHOD NONE",
            "END linear",
        ]


def _under_relaxation(kind: str) -> list[str]:
    """Return the lines of a kind of under-relaxation, with parameters for Newton's method (mf6io.pdf, IMS)."""
    values = {"THETA": 0.9, "KAPPA": 1e-4, "GAMMA": 0.0, "MOMENTUM": 0.0}
    needed = {"none": (), "simple": ("GAMMA",), "cooley": ("GAMMA",), "dbd": tuple(values)}[kind]
    if kind in ("simple", "cooley"):
        values["GAMMA"] = 0.9
    return [f"  UNDER_RELAXATION {kind.upper()}", *(f"  UNDER_RELAXATION_{name} {values[name]!r}" for name in needed)]
