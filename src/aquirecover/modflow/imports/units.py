"""Units of a MODFLOW model, and what turns its numbers into metres and days."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from aquirecover.errors import ConfigError, Finding
from aquirecover.flow.arrays import FloatArray
from aquirecover.variables import VARIABLES

# Metres of a length unit and days of a time unit; the foot is the international one and a year has 365.25 days, as in MODFLOW.
LENGTHS = {"feet": Fraction(3048, 10000), "metres": Fraction(1), "centimetres": Fraction(1, 100)}
TIMES = {
    "seconds": Fraction(1, 86400),
    "minutes": Fraction(1, 1440),
    "hours": Fraction(1, 24),
    "days": Fraction(1),
    "years": Fraction(1461, 4),
}
# ITMUNI and LENUNI of MODFLOW-2005 (TM6-A16, discretization file); 0 is undefined.
LENGTH_NUMBERS = {1: "feet", 2: "metres", 3: "centimetres"}
TIME_NUMBERS = {1: "seconds", 2: "minutes", 3: "hours", 4: "days", 5: "years"}


@dataclass(frozen=True)
class Units:
    """The units of a model.

    Parameters
    ----------
    length, time : str
        Keys of `LENGTHS` and `TIMES`.
    """

    length: str
    time: str

    def factor(self, quantity: str) -> float:
        """Return what a number of a registered quantity, as ``conductance``, is multiplied with."""
        powers = dict(re.findall(r"([a-z]+)(-?\d*)", VARIABLES[quantity].unit))
        metre, day = (int(powers[unit] or 1) if unit in powers else 0 for unit in ("m", "d"))
        return float(LENGTHS[self.length] ** metre * TIMES[self.time] ** day)

    def convert(self, quantity: str, values: FloatArray) -> FloatArray:
        """Return values of a registered quantity in metres and days, untouched where they are so already."""
        factor = self.factor(quantity)
        return values if factor == 1.0 else values * factor

    @property
    def metric(self) -> bool:
        """Whether nothing is to be converted."""
        return (self.length, self.time) == ("metres", "days")


def choose_units(found: tuple[str, str], wanted: tuple[str, str], source: str) -> Units:
    """Return the units of a model: those that the caller names, else those of its files.

    Parameters
    ----------
    found, wanted : tuple of str
        Length and time unit, each empty where it is not known.
    source : str
        File that should hold them, for the message.

    Raises
    ------
    ConfigError
        When a unit is not known.
    """
    chosen = tuple(own or other for own, other in zip(wanted, found, strict=True))
    findings = []
    for unit, kind, known in zip(chosen, ("length", "time"), (LENGTHS, TIMES), strict=True):
        if not unit:
            message = f"{source} does not say the unit of {kind}: name it with --{kind}-unit ({', '.join(known)})."
            findings.append(Finding(f"{kind} unit", message))
    if findings:
        raise ConfigError(findings)
    return Units(*chosen)
