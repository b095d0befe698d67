"""Values of MODFLOW 6 time series in time steps, against integrals by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aquirecover.errors import InputFileError
from aquirecover.modflow.imports.folder import SourceFolder
from aquirecover.modflow.imports.mf6_files import read_block_file
from aquirecover.modflow.imports.series import TimeSeries, read_series

TIME, VALUE = np.array([0.0, 2.0, 3.0, 10.0]), np.array([1.0, 5.0, -3.0, 4.0])


def series(method: str) -> TimeSeries:
    return TimeSeries("s", method, TIME, VALUE, "s.ts")


def test_stepwise_is_averaged() -> None:
    found = series("stepwise").on_steps(np.array([0.0, 1.0, 2.5, 10.0]))
    np.testing.assert_allclose(found, [1.0, (1.0 * 1.0 + 0.5 * 5.0) / 1.5, (0.5 * 5.0 - 7.0 * 3.0) / 7.5], rtol=1e-15)


def test_linear_is_averaged() -> None:
    found = series("linear").on_steps(np.array([0.0, 2.0, 3.0, 10.0]))
    np.testing.assert_allclose(found, [3.0, 1.0, 0.5], rtol=1e-15)


def test_linearend_is_taken_at_the_end() -> None:
    np.testing.assert_allclose(series("linearend").on_steps(np.array([0.0, 1.0, 6.5])), [3.0, 0.5], rtol=1e-15)


def test_a_step_without_length_has_the_value_of_its_time() -> None:
    assert series("stepwise").on_steps(np.array([2.0, 2.0])).tolist() == [5.0]
    assert series("linear").on_steps(np.array([2.0, 2.0])).tolist() == [5.0]


@given(st.lists(st.floats(0.01, 9.99), min_size=1, max_size=12, unique=True), st.sampled_from(["stepwise", "linear"]))
def test_means_are_those_of_a_fine_sum(inner: list[float], method: str) -> None:
    edges = np.array([0.0, *sorted(inner), 10.0])
    fine = np.linspace(0.0, 1.0, 4001)
    middle = edges[:-1, None] + np.diff(edges)[:, None] * 0.5 * (fine[1:] + fine[:-1])
    steps = VALUE[np.searchsorted(TIME, middle, side="right") - 1]
    values = np.interp(middle, TIME, VALUE) if method == "linear" else steps
    np.testing.assert_allclose(series(method).on_steps(edges), values.mean(axis=1), atol=4e-3)


def test_a_constant_stays_itself_to_the_last_bit() -> None:
    flat = TimeSeries("s", "stepwise", np.array([0.0, 100.0]), np.array([0.1, 7.0]), "s.ts")
    assert set(flat.on_steps(np.geomspace(1e-3, 100.0, 50)).tolist()) == {0.1}


@pytest.mark.parametrize("method", ["stepwise", "linear", "linearend"])
@pytest.mark.parametrize("edges", [[-1.0, 1.0], [9.0, 11.0]])
def test_a_series_must_cover_its_use(method: str, edges: list[float]) -> None:
    with pytest.raises(InputFileError, match=r"s.ts: the time series s goes from 0 to 10: it does not cover the time from"):
        series(method).on_steps(np.array(edges))


def read(folder: Path, text: str) -> dict[str, TimeSeries]:
    (folder / "s.ts").write_text(text)
    return read_series(read_block_file(SourceFolder(folder.resolve()), folder.resolve() / "s.ts"))


def test_files_of_several_series(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "# tides\nBEGIN attributes\n  NAMES Tide 'flow 2'\n  METHODS linear stepwise\n  SFACS 2.0 1\nEND attributes\n"
        "BEGIN timeseries\n 0.0, 1.0 ,5D0\n 2.5 3.0E+30 6\n 5 2 3.0E+30\nEND timeseries\n",
    )
    assert list(found) == ["tide", "flow 2"]
    assert (found["tide"].time.tolist(), found["tide"].value.tolist()) == ([0.0, 5.0], [2.0, 4.0])
    assert (found["flow 2"].time.tolist(), found["flow 2"].value.tolist()) == ([0.0, 2.5], [5.0, 6.0])


@pytest.mark.parametrize(
    ("attributes", "rows", "message"),
    [
        ("NAME a", "0 1", "s.ts: the block ATTRIBUTES must have NAMES, and METHODS of stepwise, linear, linearend for each"),
        ("NAME a\nMETHOD cubic", "0 1", "methods cubic"),
        ("NAMES a b\nMETHODS linear linear", "0 1", r"s.ts:6: has 2 numbers: must be a time and 2 values"),
        ("NAME a\nMETHOD linear", "0 x", "s.ts:6: 'x' is no number"),
        ("NAME a\nMETHOD linear", "", "s.ts: the block TIMESERIES holds no values"),
        ("NAME a\nMETHOD linear", "0 3e30", "s.ts: the time series a holds no values"),
    ],
)
def test_broken_files_are_refused(tmp_path: Path, attributes: str, rows: str, message: str) -> None:
    with pytest.raises(InputFileError, match=message):
        read(tmp_path, f"BEGIN attributes\n{attributes}\nEND attributes\nBEGIN timeseries\n{rows}\nEND timeseries\n")
