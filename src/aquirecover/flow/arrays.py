"""Array types, and the one way in which a number or array given by a user becomes a read-only field."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


def field_of(value: ArrayLike, shape: tuple[int, int, int], name: str) -> FloatArray:
    """Return a read-only copy of `value` as a field of one value per cell; what is alike takes memory once.

    Parameters
    ----------
    value : array_like
        A scalar, one value per layer ``(n_layer,)``, or anything that broadcasts to `shape`.
    shape : tuple of int
        ``(n_layer, n_y, n_x)``.
    name : str
        Used in the error message.

    Returns
    -------
    ndarray
        Shape `shape`, float64, read-only.

    Raises
    ------
    ValueError
        When `value` does not broadcast to `shape`.
    """
    array = np.asarray(value, dtype=np.float64)
    if array.ndim == 1 and array.size == shape[0]:
        array = array[:, None, None]
    try:
        return np.broadcast_to(array.copy(), shape)
    except ValueError:
        raise ValueError(f"{name} has shape {array.shape}: must broadcast to (n_layer, n_y, n_x) = {shape}.") from None


def column_of(value: ArrayLike, n: int, name: str) -> FloatArray:
    """Return a read-only copy of `value` as one float per item, shape ``(n,)``; a scalar is repeated.

    Raises
    ------
    ValueError
        When `value` does not broadcast to ``(n,)``.
    """
    array = np.asarray(value, dtype=np.float64)
    try:
        result = np.broadcast_to(array, (n,)).copy()
    except ValueError:
        raise ValueError(f"{name} has shape {array.shape}: must be a number or have shape ({n},).") from None
    result.flags.writeable = False
    return result


def series_of(value: ArrayLike, n: int, name: str) -> FloatArray:
    """Return a read-only copy of `value` per item ``(n,)``, or per period and item ``(n_period, n)``.

    A scalar is repeated for each item; a 2-d array keeps its first axis, the stress periods.

    Raises
    ------
    ValueError
        When the last axis of `value` is not `n` long.
    """
    array = np.asarray(value, dtype=np.float64)
    if array.ndim < 2:
        return column_of(array, n, name)
    if array.ndim > 2 or array.shape[1] not in (1, n):
        raise ValueError(f"{name} has shape {array.shape}: must be ({n},) or (n_period, {n}).")
    result = np.broadcast_to(array, (array.shape[0], n)).copy()
    result.flags.writeable = False
    return result


def cells_of(value: ArrayLike, name: str) -> IntArray:
    """Return a read-only copy of `value` as flat cell numbers, shape ``(n,)``, int64.

    Raises
    ------
    ValueError
        When `value` holds anything but whole numbers.
    """
    array = np.atleast_1d(np.asarray(value))
    if array.size and not np.issubdtype(array.dtype, np.integer):
        raise ValueError(f"{name} has dtype {array.dtype}: cell numbers are whole numbers (use Grid.locate or Grid.cell).")
    result = array.astype(np.int64).ravel()
    result.flags.writeable = False
    return result
