"""Registry of quantities: name, dims, unit, long names, valid range; and unit strings turned into metres and days.

One table feeds validation, file attributes, axis labels and documentation.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

CELL = ("layer", "y", "x")


@dataclass(frozen=True)
class Variable:
    """A quantity and what may be said about it.

    Parameters
    ----------
    name : str
        As in files and code.
    unit : str
        In the notation of CF and UDUNITS: ``m3 d-1``.
    long_name, long_name_vi : str
        For axes and reports, in English and Vietnamese.
    dims : tuple of str
        In the order of the vocabulary; of one field, without time.
    valid_min, valid_max : float
        Range of meaningful values, both ends included.
    positive : bool
        The value must be greater than zero.
    """

    name: str
    unit: str
    long_name: str
    long_name_vi: str
    dims: tuple[str, ...] = CELL
    valid_min: float = -math.inf
    valid_max: float = math.inf
    positive: bool = False

    @property
    def label(self) -> str:
        """Axis label: ``Head (m)``."""
        return f"{self.long_name} ({plain_unit(self.unit)})" if self.unit != "1" else self.long_name

    def broken_rule(self, value: float) -> str:
        """Return the rule that `value` breaks, as ``must be 0 or more``, or an empty string."""
        if not math.isfinite(value):
            return "must be a finite number"
        if self.positive and value <= 0.0:
            return "must be greater than 0"
        if value < self.valid_min:
            return f"must be {self.valid_min:g} or more"
        if value > self.valid_max:
            return f"must be {self.valid_max:g} or less"
        return ""


def plain_unit(unit: str) -> str:
    """Return a unit as people write it: ``m3 d-1`` becomes ``m³/d``."""
    powers = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
    above: list[str] = []
    below: list[str] = []
    for symbol, sign, power in re.findall(r"([A-Za-z%]+|1(?![\d-]))(-?)(\d*)", unit):
        text = symbol + (power.translate(powers) if power not in ("", "1") else "")
        (below if sign else above).append(text)
    numerator = "·".join(above) or "1"
    return numerator + ("/" + "/".join(below) if below else "")


def _table(*variables: Variable) -> dict[str, Variable]:
    return {variable.name: variable for variable in variables}


# The upper limits of k, conductance and rates keep what the rounding of heads may hide far below the other flows of a model.
WELL, ITEM, PLAN = ("well",), ("item",), ("y", "x")

VARIABLES = _table(
    Variable("k", "m d-1", "Hydraulic conductivity", "Hệ số thấm", positive=True, valid_max=1e7),
    Variable("k22", "m d-1", "Hydraulic conductivity along y", "Hệ số thấm theo y", positive=True, valid_max=1e7),
    Variable("k33", "m d-1", "Vertical hydraulic conductivity", "Hệ số thấm đứng", positive=True, valid_max=1e7),
    Variable("specific_storage", "m-1", "Specific storage", "Hệ số nhả nước đàn hồi riêng", valid_min=0.0, valid_max=1.0),
    Variable("specific_yield", "1", "Specific yield", "Hệ số nhả nước trọng lực", valid_min=0.0, valid_max=1.0),
    Variable("leakance", "d-1", "Leakance", "Hệ số thấm xuyên", valid_min=0.0),
    Variable("top", "m", "Top of the model", "Cao độ mặt trên", PLAN),
    Variable("bottom", "m", "Bottom of the layer", "Cao độ đáy lớp"),
    Variable("thickness", "m", "Thickness", "Chiều dày", positive=True),
    Variable("ground", "m", "Ground surface", "Cao độ mặt đất", PLAN),
    Variable("head", "m", "Head", "Cao độ mực nước"),
    Variable("initial_head", "m", "Initial head", "Mực nước ban đầu"),
    Variable("reference_head", "m", "Reference head", "Mực nước tham chiếu"),
    Variable("drawdown", "m", "Drawdown", "Hạ thấp mực nước"),
    Variable("depth_to_water", "m", "Depth to water below ground", "Độ sâu mực nước", valid_min=-1e3),
    Variable("head_limit", "m", "Lowest head allowed", "Giới hạn mực nước"),
    Variable("stage", "m", "Stage", "Mực nước sông", ITEM),
    Variable("bottom_elevation", "m", "Bottom of the river bed", "Cao độ đáy lòng sông", ITEM),
    Variable("elevation", "m", "Elevation", "Cao độ", ITEM),
    Variable("surface", "m", "Evapotranspiration surface", "Mặt bốc hơi", ITEM),
    Variable("boundary_head", "m", "Boundary head", "Mực nước biên", ITEM),
    Variable("conductance", "m2 d-1", "Conductance", "Độ dẫn", ITEM, valid_min=0.0, valid_max=1e12),
    Variable("hydraulic_characteristic", "d-1", "Hydraulic characteristic", "Đặc trưng thấm của tường chắn", ITEM, valid_min=0.0),
    Variable("pumping_rate", "m3 d-1", "Pumping rate", "Lưu lượng khai thác", WELL, valid_min=0.0, valid_max=1e9),
    Variable("pumping_rate_actual", "m3 d-1", "Delivered pumping rate", "Lưu lượng khai thác thực tế", WELL, valid_min=0.0),
    Variable("injection_rate", "m3 d-1", "Injection rate", "Lưu lượng bổ cập", WELL, valid_min=0.0, valid_max=1e9),
    Variable("permit", "m3 d-1", "Permitted pumping rate", "Lưu lượng cấp phép", WELL, valid_min=0.0),
    Variable("recharge_rate", "m d-1", "Recharge rate", "Lượng bổ cập", ITEM, valid_min=-1.0, valid_max=10.0),
    Variable("rate", "m d-1", "Evapotranspiration rate", "Lượng bốc hơi", ITEM, valid_min=0.0, valid_max=10.0),
    Variable("extinction_depth", "m", "Extinction depth", "Độ sâu tắt bốc hơi", ITEM, positive=True),
    Variable("period_length", "d", "Length of the stress period", "Độ dài thời đoạn", ("period",), valid_min=0.0),
    Variable("budget_inflow", "m3 d-1", "Inflow", "Lượng vào", ("term",), valid_min=0.0),
    Variable("budget_outflow", "m3 d-1", "Outflow", "Lượng ra", ("term",), valid_min=0.0),
    Variable("budget_error", "1", "Budget error", "Sai số cân bằng", ()),
    Variable("recovery_fraction", "1", "Recovery fraction", "Tỷ lệ phục hồi"),
    Variable("residual_drawdown", "m", "Residual drawdown", "Hạ thấp còn lại"),
    Variable("time_to_recovery", "d", "Time to recovery", "Thời gian phục hồi", valid_min=0.0),
    Variable("recovery_rate", "m d-1", "Recovery rate", "Tốc độ phục hồi"),
    Variable("recovered_volume", "m3", "Recovered volume", "Thể tích phục hồi"),
)

# Symbol of a unit → factor, power of metre, power of day. The units that pint would be too slow to start for.
_SYMBOLS: dict[str, tuple[Fraction, int, int]] = {
    "1": (Fraction(1), 0, 0),
    "%": (Fraction(1, 100), 0, 0),
    **dict.fromkeys(("mm", "millimetre", "millimeter"), (Fraction(1, 1000), 1, 0)),
    **dict.fromkeys(("cm", "centimetre", "centimeter"), (Fraction(1, 100), 1, 0)),
    "dm": (Fraction(1, 10), 1, 0),
    **dict.fromkeys(("m", "metre", "meter"), (Fraction(1), 1, 0)),
    **dict.fromkeys(("km", "kilometre", "kilometer"), (Fraction(1000), 1, 0)),
    "ha": (Fraction(10_000), 2, 0),
    **dict.fromkeys(("L", "l", "litre", "liter"), (Fraction(1, 1000), 3, 0)),
    **dict.fromkeys(("s", "sec", "second"), (Fraction(1, 86_400), 0, 1)),
    **dict.fromkeys(("min", "minute"), (Fraction(1, 1440), 0, 1)),
    **dict.fromkeys(("h", "hr", "hour"), (Fraction(1, 24), 0, 1)),
    **dict.fromkeys(("d", "day"), (Fraction(1), 0, 1)),
    "week": (Fraction(7), 0, 1),
    "month": (Fraction(1461, 48), 0, 1),
    **dict.fromkeys(("yr", "year"), (Fraction(1461, 4), 0, 1)),
}
_POWERS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻−·×", "0123456789--**")
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?", re.ASCII)
_FACTOR = re.compile(r"\s*([*/]?)\s*(1(?!\d)|%|[A-Za-z]+)(?:(?:\^|\*\*)?([-+]?\d{1,2}))?(?!\d)")


class QuantityError(ValueError):
    """A text that is no quantity of the wanted unit.

    Parameters
    ----------
    text : str
        What the user wrote.
    rule : str
        The rule it breaks and the remedy, as ``must convert to m3/d.``
    """

    def __init__(self, text: str, rule: str) -> None:
        self.rule = rule
        super().__init__(f"{text!r} {rule}")


def base_unit(unit: str) -> str:
    """Return the unit of a number in files as people type it: ``m3 d-1`` becomes ``m3/d``."""
    return plain_unit(unit).translate(str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789"))


@cache
def _factor(unit: str) -> tuple[Fraction, int, int] | None:
    """Return factor and powers of metre and day of a unit made of `_SYMBOLS`, or None when it holds anything else."""
    factor, metre, day, position = Fraction(1), 0, 0, 0
    while position < len(unit):
        match = _FACTOR.match(unit, position)
        if match is None:
            return None
        known = _SYMBOLS.get(match[2]) or (_SYMBOLS.get(match[2].removesuffix("s")) if len(match[2]) > 3 else None)
        if known is None:
            return None
        power = int(match[3] or 1) * (-1 if match[1] == "/" else 1)
        factor, metre, day = factor * known[0] ** power, metre + known[1] * power, day + known[2] * power
        position = match.end()
    return factor, metre, day


def to_number(text: str, unit: str) -> float:
    """Convert a quantity such as ``"25 L/s"`` into metres and days.

    Parameters
    ----------
    text : str
        A number, or a number and a unit as ``m3/d``, ``m^3/d``, ``m³/d`` or ``m3 d-1``. A bare number is in `unit`.
    unit : str
        Unit wanted, as ``m3 d-1``; a ratio ``1`` also accepts ``%``.

    Raises
    ------
    QuantityError
        When the text is no quantity or its unit measures something else.
    """
    plain = text.strip().translate(_POWERS)
    if plain.lower().lstrip("+-.") in ("nan", "inf", "infinity"):
        return float(plain.replace(".", ""))
    number = _NUMBER.match(plain)
    if number is None:
        raise QuantityError(text, f"must be a number, or a number and a unit{_example(unit)}.")
    value, symbols = float(number[0]), plain[number.end() :].strip()
    if not symbols:
        return value
    found, wanted = _factor(symbols), _factor(unit)
    if found is None or wanted is None:
        return _by_pint(text, value, symbols, unit)
    if found[1:] != wanted[1:]:
        raise QuantityError(text, f"has the wrong unit: must convert to {_words(unit)}.")
    ratio = found[0] / wanted[0]
    return value * ratio.numerator / ratio.denominator


def _example(unit: str) -> str:
    return "" if unit == "1" else f" as '1 {base_unit(unit)}'"


def _words(unit: str) -> str:
    return "a plain number or %" if unit in ("1", "%") else base_unit(unit)


@cache
def _registry() -> Any:
    import pint

    return pint.get_application_registry()  # type: ignore[no-untyped-call]


def _by_pint(text: str, value: float, symbols: str, unit: str) -> float:
    """Convert `value` with a unit that is not in the own table."""
    import pint

    garbage = QuantityError(text, f"has a unit that is not known: write a number and a unit{_example(unit)}.")
    if not re.fullmatch(r"[^\W\d][\w\s*/^().-]{0,60}", symbols) or re.search(r"\d{3}|\*\*.*\*\*.*\*\*|\^.*\^.*\^", symbols):
        raise garbage
    factors = [f"{symbol}**{sign}{power or 1}" for symbol, sign, power in re.findall(r"([a-z]+)(-?)(\d*)", unit)]
    try:
        found = _registry().Quantity(value, _registry().parse_units(re.sub(r"([A-Za-z])(-?\d)", r"\1**\2", symbols)))
        return float(found.to(" * ".join(factors) or "dimensionless").magnitude)
    except pint.errors.DimensionalityError as error:
        raise QuantityError(text, f"has the wrong unit: must convert to {_words(unit)}.") from error
    except Exception as error:  # pint's own parser raises many kinds, tokenize's and the builtin ones among them
        raise garbage from error
