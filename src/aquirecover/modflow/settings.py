"""How MODFLOW 6 solves: its IMS options, chosen by the kind of problem unless given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# Closure of heads in outer and linear iterations, m.
CLOSURE = {"usual": (1e-6, 1e-7), "tight": (1e-9, 1e-10)}
# Closure of residuals, as a share of the flow through the model: the budgets of quiet periods must close as well.
RESIDUAL = 1e-12


@dataclass(frozen=True)
class ModflowSettings:
    """How MODFLOW 6 solves a problem; what is left out is chosen by the kind of problem."""

    __pydantic_config__ = {"extra": "forbid", "use_attribute_docstrings": True}  # noqa: RUF012 - read by pydantic, not a field

    closure: Literal["usual", "tight"] = "usual"
    """`usual`: heads to 1e-6 m; `tight`: to 1e-9 m, for comparisons."""
    outer_dvclose: float = 0.0
    """Largest head change of the last outer iteration, m; 0 leaves it to `closure`."""
    inner_dvclose: float = 0.0
    """Largest head change of the last linear iteration, m; 0 leaves it to `closure`."""
    inner_rclose: float = 0.0
    """Largest residual of a cell after the last linear iteration, m³/d; 0: a 1e-12th of the flow through the model."""
    outer_maximum: int = 500
    """Outer iterations of a step after which the run fails."""
    inner_maximum: int = 1000
    """Linear iterations of an outer one."""
    linear_acceleration: Literal["auto", "cg", "bicgstab"] = "auto"
    """Krylov method; `auto` is `cg` for confined problems and `bicgstab` for Newton's method."""
    relaxation_factor: float = -1.0
    """Of the incomplete factorisation, from 0 to 1; below 0 it is 0.99 for confined problems and 1 for Newton's method."""
    preconditioner_levels: int = 0
    """Level of fill of the incomplete factorisation."""
    under_relaxation: Literal["auto", "none", "simple", "cooley", "dbd"] = "auto"
    """Of the outer iterations; `auto` is `dbd` (delta-bar-delta) for Newton's method and `none` otherwise."""
    newton_under_relaxation: bool = True
    """Newton's method keeps heads above the bottom of the model."""

    def __post_init__(self) -> None:
        """Refuse values that make no sense."""
        for name in ("outer_dvclose", "inner_dvclose", "inner_rclose"):
            if not getattr(self, name) >= 0.0:
                raise ValueError(f"{name} = {getattr(self, name):g}: must be 0 or more.")
        for name in ("outer_maximum", "inner_maximum"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} = {getattr(self, name)}: must be 1 or more.")
        if not self.relaxation_factor <= 1.0:
            raise ValueError(f"relaxation_factor = {self.relaxation_factor:g}: must be 1 or less.")
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
        outer, inner = CLOSURE[self.closure]
        residual = self.inner_rclose or max(RESIDUAL * scales[0], scales[1])
        close = "DVCLOSE" if release >= (6, 1, 1) else "HCLOSE"
        relaxation = self.relaxation_factor if self.relaxation_factor >= 0.0 else 1.0 if newton else 0.99
        acceleration, under = self.linear_acceleration, self.under_relaxation
        if acceleration == "auto":
            acceleration = "bicgstab" if newton else "cg"
        if under == "auto":
            under = "dbd" if newton else "none"
        return [
            "BEGIN options",
            "  PRINT_OPTION SUMMARY",
            f"  COMPLEXITY {'MODERATE' if newton else 'SIMPLE'}",
            "END options",
            "",
            "BEGIN nonlinear",
            f"  OUTER_{close} {self.outer_dvclose or outer!r}",
            f"  OUTER_MAXIMUM {self.outer_maximum}",
            *_under_relaxation(under),
            "  BACKTRACKING_NUMBER 0",
            "END nonlinear",
            "",
            "BEGIN linear",
            f"  INNER_MAXIMUM {self.inner_maximum}",
            f"  INNER_{close} {self.inner_dvclose or inner!r}",
            f"  INNER_RCLOSE {residual!r}",
            f"  LINEAR_ACCELERATION {acceleration.upper()}",
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
