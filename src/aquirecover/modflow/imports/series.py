"""Time series of MODFLOW 6 (TS6): the value that each time step uses.

``stepwise`` and ``linear`` series are averaged over the step, ``linearend`` ones are taken at its end (mf6io, time-variable
input).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aquirecover.errors import InputFileError
from aquirecover.flow.arrays import FloatArray
from aquirecover.modflow.imports.mf6_files import BlockFile

NO_DATA = 3.0e30
METHODS = ("stepwise", "linear", "linearend")


@dataclass(frozen=True, eq=False)
class TimeSeries:
    """One series.

    Parameters
    ----------
    name : str
        In lower case.
    method : str
        ``stepwise``, ``linear`` or ``linearend``.
    time, value : ndarray
        Ascending times and values, shape ``(n,)``.
    source : str
        File, for messages.
    """

    name: str
    method: str
    time: FloatArray
    value: FloatArray
    source: str

    def on_steps(self, edges: FloatArray) -> FloatArray:
        """Return the value of each time step, shape ``(n_step,)``, between edges of shape ``(n_step + 1,)``.

        Raises
        ------
        InputFileError
            When the series does not cover the steps, which MODFLOW refuses too.
        """
        slack = 1e-9 * max(1.0, abs(float(edges[-1])))
        if edges[0] < self.time[0] - slack or edges[-1] > self.time[-1] + slack:
            raise InputFileError(
                f"{self.source}: the time series {self.name} goes from {self.time[0]:g} to {self.time[-1]:g}: it does not cover "
                f"the time from {edges[0]:g} to {edges[-1]:g} in which it is used."
            )
        begin, end = edges[:-1], edges[1:]
        if self.method == "linearend":
            return np.asarray(np.interp(end, self.time, self.value))
        return self._mean(begin, end, slack)

    def _mean(self, begin: FloatArray, end: FloatArray, slack: float) -> FloatArray:
        """Return the mean over spans of time; within one piece of the series without rounding from integrals."""
        first = np.clip(np.searchsorted(self.time, begin + slack, side="right") - 1, 0, self.time.size - 1)
        last = np.clip(np.searchsorted(self.time, end - slack, side="left") - 1, 0, self.time.size - 1)
        middle = 0.5 * (begin + end)
        one = self.value[first] if self.method == "stepwise" else np.interp(middle, self.time, self.value)
        length = end - begin
        spans = np.where(length > 0.0, length, 1.0)
        mean = (self._integral(end) - self._integral(begin)) / spans
        return np.where((first >= last) | (length <= 0.0), one, mean)

    def _integral(self, time: FloatArray) -> FloatArray:
        """Return the integral from the first time of the series."""
        width = np.diff(self.time)
        left, right = self.value[:-1], self.value[1:]
        areas = width * (left if self.method == "stepwise" else 0.5 * (left + right))
        total = np.concatenate(([0.0], np.cumsum(areas)))
        piece = np.clip(np.searchsorted(self.time, time, side="right") - 1, 0, self.time.size - 1)
        within = time - self.time[piece]
        if self.method == "stepwise":
            return np.asarray(total[piece] + self.value[piece] * within)
        return np.asarray(total[piece] + 0.5 * within * (self.value[piece] + np.interp(time, self.time, self.value)))


def read_series(file: BlockFile) -> dict[str, TimeSeries]:
    """Return the series of a TS6 file by name.

    Raises
    ------
    InputFileError
        When names, methods or numbers are missing or wrong.
    """
    attributes: dict[str, list[str]] = {}
    for _, words in file.block("ATTRIBUTES").lines():
        attributes[words[0].upper()] = words[1:]
    names = [name.lower() for name in attributes.get("NAMES", attributes.get("NAME", []))]
    methods = [m.lower() for m in attributes.get("METHODS", attributes.get("METHOD", ["missing"]) * len(names))]
    factors = [_number(text, file.shown) for text in attributes.get("SFACS", attributes.get("SFAC", ["1"]) * len(names))]
    if not names or len(methods) != len(names) or len(factors) != len(names) or set(methods) - set(METHODS):
        raise InputFileError(
            f"{file.shown}: the block ATTRIBUTES must have NAMES, and METHODS of {', '.join(METHODS)} for each, found "
            f"{len(names)} names with methods {', '.join(methods)}."
        )
    rows = []
    for line, words in file.block("TIMESERIES").lines():
        if len(words) < len(names) + 1:
            raise InputFileError(f"{file.shown}:{line}: has {len(words)} numbers: must be a time and {len(names)} values.")
        rows.append([_number(text, f"{file.shown}:{line}") for text in words[: len(names) + 1]])
    if not rows:
        raise InputFileError(f"{file.shown}: the block TIMESERIES holds no values.")
    table = np.array(rows)
    found = {}
    for place, (name, method, factor) in enumerate(zip(names, methods, factors, strict=True), 1):
        known = table[:, place] != NO_DATA
        if not known.any():
            raise InputFileError(f"{file.shown}: the time series {name} holds no values.")
        found[name] = TimeSeries(name, method, table[known, 0], factor * table[known, place], file.shown)
    return found


def _number(text: str, where: str) -> float:
    try:
        return float(text.lower().replace("d", "e"))
    except ValueError:
        raise InputFileError(f"{where}: {text!r} is no number.") from None
