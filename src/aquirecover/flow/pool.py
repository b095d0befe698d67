"""Arrays of one shape that are used again and again, so that nothing is allocated in the loop over time."""

from __future__ import annotations

from typing import Any

import numpy as np

from aquirecover.flow.arrays import FloatArray


class ArrayPool:
    """Lends arrays and takes each back when neither it nor a view of it is held any longer.

    A new array costs more than what most loops do with it, since the system hands out memory page by page.

    Parameters
    ----------
    shape : tuple of int
        Of every array.
    value : float, optional
        What every array holds at first.
    """

    def __init__(self, shape: tuple[int, ...], value: float | None = None) -> None:
        self._shape = shape
        self._value = value
        self._free: list[_Memory] = []

    def empty(self) -> FloatArray:
        """Return an array with the first value, or with what was written into it when it was lent before."""
        return np.asarray(_Loan(self._free.pop() if self._free else self._new(), self._free))

    def _new(self) -> _Memory:
        return _Memory(np.empty(self._shape) if self._value is None else np.full(self._shape, self._value))


class _Memory:
    """Memory, and how numpy finds it."""

    def __init__(self, array: FloatArray) -> None:
        self.array = array
        self.interface: dict[str, Any] = array.__array_interface__


class _Loan:
    """Holds lent memory; arrays and their views refer to it, so that it ends with the last of them."""

    def __init__(self, memory: _Memory, free: list[_Memory]) -> None:
        self.__array_interface__ = memory.interface
        self._memory = memory
        self._free = free

    def __del__(self) -> None:
        """Give the memory back."""
        self._free.append(self._memory)
