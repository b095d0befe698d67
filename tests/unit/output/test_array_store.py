"""Stored arrays come back bit by bit, or not at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aquirecover.output.array_store import ArrayStore

KEY = "0" * 64


def _saved(folder: Path) -> tuple[ArrayStore, dict[str, np.ndarray]]:
    store = ArrayStore(folder / "new")
    arrays = {"head": np.random.default_rng(1).random((40, 50)), "well": np.array(["W1", "Kiến Xương"]), "none": np.zeros(0)}
    store.keep(KEY, arrays)
    return store, arrays


def test_what_was_saved_comes_back(tmp_path: Path) -> None:
    store, arrays = _saved(tmp_path)
    found = ArrayStore(store.folder).load(KEY)
    assert found is not None
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
    assert [path.name for path in store.folder.iterdir()] == [f"{KEY}.npz"]


def test_what_was_not_saved_is_absent(tmp_path: Path) -> None:
    store = ArrayStore(tmp_path / "none")
    assert store.load(KEY) is None
    assert store.damaged == []
    assert not store.folder.exists()


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_file_that_was_cut_off_is_absent(tmp_path: Path, share: float) -> None:
    store, arrays = _saved(tmp_path)
    content = store.path(KEY).read_bytes()
    store.path(KEY).write_bytes(content[: int(share * len(content))])
    assert store.load(KEY) is None
    assert store.damaged == [store.path(KEY)]
    store.keep(KEY, arrays)
    assert store.load(KEY) is not None


@pytest.mark.parametrize("place", range(0, 100, 7))
def test_a_bit_that_was_altered_does_not_pass(tmp_path: Path, place: int) -> None:
    store, arrays = _saved(tmp_path)
    content = bytearray(store.path(KEY).read_bytes())
    content[(len(content) * place) // 100] ^= 0x10
    store.path(KEY).write_bytes(content)
    found = store.load(KEY)
    # headers of the archive have fields that no reader needs; the numbers are those that were saved, or none
    if found is not None:
        for name, array in arrays.items():
            np.testing.assert_array_equal(found[name], array)


def test_numbers_of_another_key_do_not_pass(tmp_path: Path) -> None:
    store, _ = _saved(tmp_path)
    other = "1" * 64
    store.path(KEY).rename(store.path(other))
    assert store.load(other) is None
    assert store.damaged == [store.path(other)]
