"""Stress periods and time steps, and dated series sampled on them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from aquirecover.flow.arrays import BoolArray, FloatArray, IntArray, column_of

DAYS_PER_YEAR = 365.25


@dataclass(frozen=True, eq=False)
class Schedule:
    """Stress periods, each divided into time steps; every stress is constant within a period.

    Parameters
    ----------
    period_length : array_like
        Shape ``(n_period,)``, d; a steady period may have length 0.
    n_steps : array_like of int
        Time steps of each period.
    step_multiplier : array_like
        Ratio of a step's length to the one before it.
    steady : array_like of bool
        Periods without storage.
    start : str
        Date of time zero, ISO 8601; empty when times are days alone.
    save_step : array_like of bool, optional
        Steps after which the head of every cell is kept, shape ``(n_step,)``; the last step of each period by default.
    """

    period_length: FloatArray
    n_steps: IntArray
    step_multiplier: FloatArray
    steady: BoolArray
    start: str
    save_step: BoolArray

    def __init__(
        self,
        period_length: ArrayLike,
        n_steps: ArrayLike = 1,
        step_multiplier: ArrayLike = 1.0,
        steady: ArrayLike = False,
        start: str = "",
        save_step: ArrayLike | None = None,
    ) -> None:
        length = np.array(period_length, dtype=np.float64, ndmin=1)
        n = length.size
        wanted = column_of(n_steps, n, "n_steps")
        if not (wanted == np.round(wanted)).all():
            raise ValueError("n_steps must be whole numbers.")
        steps = wanted.astype(np.int64)
        fields: dict[str, np.ndarray] = {
            "period_length": length,
            "n_steps": steps,
            "step_multiplier": column_of(step_multiplier, n, "step_multiplier").copy(),
            "steady": np.broadcast_to(np.asarray(steady, dtype=bool), (n,)).copy(),
        }
        if save_step is None:
            save = np.zeros(int(steps.sum()), dtype=bool)
            save[np.cumsum(steps)[steps > 0] - 1] = True
        else:
            save = np.broadcast_to(np.asarray(save_step, dtype=bool), (int(steps.sum()),)).copy()
        fields["save_step"] = save
        for name, array in fields.items():
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        object.__setattr__(self, "start", start)

    @property
    def n_period(self) -> int:
        """Number of stress periods."""
        return int(self.period_length.size)

    @property
    def n_step(self) -> int:
        """Number of time steps of all periods."""
        return int(self.n_steps.sum())

    @cached_property
    def step_period(self) -> IntArray:
        """Zero-based period of each step, shape ``(n_step,)``."""
        return np.repeat(np.arange(self.n_period), self.n_steps)

    @cached_property
    def step_length(self) -> FloatArray:
        """Length of each step, shape ``(n_step,)``, d."""
        pieces = []
        for length, n, ratio in zip(self.period_length, self.n_steps, self.step_multiplier, strict=True):
            weight = ratio ** np.arange(n)
            pieces.append(length * weight / weight.sum())
        return np.concatenate(pieces)

    @cached_property
    def period_start(self) -> FloatArray:
        """Start of each period, shape ``(n_period,)``, d after time zero."""
        return np.concatenate(([0.0], np.cumsum(self.period_length)[:-1]))

    @cached_property
    def step_time(self) -> FloatArray:
        """End of each step, shape ``(n_step,)``, d after time zero."""
        offset = np.concatenate(([0], np.cumsum(self.n_steps)))
        time = np.empty(self.n_step)
        for period, begin in enumerate(self.period_start):
            steps = slice(offset[period], offset[period + 1])
            time[steps] = begin + np.cumsum(self.step_length[steps])
            # the end of a period is exactly the start of the next one, whatever the rounding of the steps
            time[offset[period + 1] - 1] = begin + self.period_length[period]
        return time

    def date_of(self, time: ArrayLike) -> np.ndarray:
        """Return dates (``datetime64[s]``) of times in days after time zero.

        Raises
        ------
        ValueError
            When the schedule has no start date.
        """
        if not self.start:
            raise ValueError("schedule.start is empty: give the date of time zero to turn times into dates.")
        seconds = np.round(np.asarray(time, dtype=np.float64) * 86400.0).astype("timedelta64[s]")
        dates: np.ndarray = np.datetime64(self.start, "s") + seconds
        return dates

    def anniversary(self, time: float, years: ArrayLike) -> FloatArray:
        """Return the same day of other years, so that leap years leave no trace in yearly sums.

        Parameters
        ----------
        time : float
            d after time zero.
        years : array_like of int
            Years later, negative ones earlier, shape ``(n,)``.

        Returns
        -------
        ndarray
            Shape ``(n,)``, d after time zero; multiples of 365.25 d away without a start date. 29 February counts as 1 March.
        """
        later = np.asarray(years, dtype=np.int64)
        if not self.start:
            return time + DAYS_PER_YEAR * later.astype(np.float64)
        date = self.date_of(time)
        month = date.astype("datetime64[M]")
        dates = (month + 12 * later).astype("datetime64[s]") + (date - month.astype("datetime64[s]"))
        return np.asarray(time + (dates - date) / np.timedelta64(86400, "s"), dtype=np.float64)


def sample_steps(since: ArrayLike, value: ArrayLike, period_start: ArrayLike) -> FloatArray:
    """Sample a step function on stress periods: the value in force at each period's start.

    Parameters
    ----------
    since : array_like
        Times from which a value holds, ascending, shape ``(n,)``; d.
    value : array_like
        Shape ``(n, ...)``; the first value also holds before the first time.
    period_start : array_like
        Shape ``(n_period,)``; d.

    Returns
    -------
    ndarray
        Shape ``(n_period, ...)``.
    """
    time = np.asarray(since, dtype=np.float64)
    found = np.searchsorted(time, np.asarray(period_start, dtype=np.float64) + 1e-6, side="right") - 1
    return np.asarray(value, dtype=np.float64)[np.maximum(found, 0)]
