"""Memory comes back when nothing looks at it any longer, and never before."""

from __future__ import annotations

import numpy as np

from aquirecover.flow.pool import ArrayPool


def _place(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]


def test_an_array_is_used_again_once_its_last_view_is_gone() -> None:
    pool = ArrayPool((2, 3))
    array = pool.empty()
    place, view = _place(array), array.ravel()[2:].reshape(2, 2)
    del array
    other = pool.empty()
    assert _place(other) != place
    assert not np.shares_memory(other, view)
    del view
    assert _place(pool.empty()) == place


def test_arrays_are_like_any_other() -> None:
    array = ArrayPool((2, 3)).empty()
    assert (array.shape, array.dtype, array.flags.c_contiguous, array.flags.writeable) == ((2, 3), np.float64, True, True)
    array[:] = 1.0
    assert array.sum() == 6.0
    assert ArrayPool((0,)).empty().size == 0


def test_what_was_not_written_stays_as_it_was_at_first() -> None:
    pool = ArrayPool((2, 2), 1.0)
    array = pool.empty()
    array[0] = 5.0
    del array
    assert pool.empty().tolist() == [[5.0, 5.0], [1.0, 1.0]]
