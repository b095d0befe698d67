"""What cannot be imported: each with its own message, and nothing left behind."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aquirecover.errors import AquirecoverError, BackendError, ConfigError, InputFileError, OutputExistsError, ResourceError
from aquirecover.importing import import_modflow
from aquirecover.modflow.export import export_model
from aquirecover.modflow.imports.reader import Imported, ImportOptions, read_modflow
from aquirecover.processes import host_name
from modflow_models import Mf6Model, change
from small_problems import random_problem
from twri_files import write_twri, write_twri6

Read = Callable[..., Imported]
Make = Callable[..., Mf6Model]


def refused(path: Path, kind: type[AquirecoverError] = InputFileError, **options: Any) -> str:
    """Return what is said about a model that must be refused with an error of a kind; nothing may be left of it."""
    there = sorted(path.parent.rglob("*"))
    target = path.parent / "imported" if (path.parent / "imported").exists() else path.parent / "made" / "for" / "it"
    with pytest.raises(kind) as caught:
        import_modflow(path, target, ImportOptions(**options))
    assert type(caught.value) is kind
    assert sorted(path.parent.rglob("*")) == there
    return str(caught.value)


# --- where the model is ---------------------------------------------------------------------------------------------


def test_no_such_place(tmp_path: Path) -> None:
    assert refused(tmp_path / "nowhere").endswith("nowhere: no such file or folder.")


def test_a_folder_without_a_name_file(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    assert "holds no name file (mfsim.nam of MODFLOW 6, or *.nam)" in refused(tmp_path / "model")


def test_a_folder_with_several_name_files(tmp_path: Path) -> None:
    write_twri(tmp_path / "twri")
    (tmp_path / "twri" / "other.nam").write_text("")
    assert "holds several name files: name one of other.nam, twri.nam." in refused(tmp_path / "twri")


def test_a_folder_that_is_not_empty(tmp_path: Path) -> None:
    write_twri(tmp_path / "twri")
    (tmp_path / "imported").mkdir()
    (tmp_path / "imported" / "mine.txt").write_text("precious")
    assert "is there already and not empty" in refused(tmp_path / "twri", OutputExistsError)


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    write_twri(tmp_path / "twri")
    (tmp_path / "imported").mkdir()
    assert import_modflow(tmp_path / "twri", tmp_path / "imported").scenario.is_file()


def test_without_flopy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_twri(tmp_path / "twri")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert 'python -m pip install "aquirecover[modflow]"' in refused(tmp_path / "twri", BackendError)


# --- which program ----------------------------------------------------------------------------------------------------


def test_modflow_96(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    for name in ("old.bas", "old.bcf"):
        (tmp_path / "old" / name).write_text("1\n")
    (tmp_path / "old" / "old.nam").write_text("LIST 6 old.lst\nBAS 5 old.bas\nBCF 11 old.bcf\n")
    text = refused(tmp_path / "old")
    assert text.startswith("old.nam: this is a model of MODFLOW-96 (BAS, BCF)")
    assert "MF96TO2K" in text


def test_modflow_usg(tmp_path: Path) -> None:
    (tmp_path / "usg").mkdir()
    (tmp_path / "usg" / "a.disu").write_text("1\n")
    (tmp_path / "usg" / "a.nam").write_text("LIST 6 a.lst\nDISU 5 a.disu\n")
    assert "MODFLOW-USG, whose cells are not in rows and columns" in refused(tmp_path / "usg")


def test_gms_files(tmp_path: Path) -> None:
    write_twri(tmp_path / "twri")
    change(tmp_path / "twri" / "twri.bas", "CONSTANT 1\n", 'HDF5 1 -1 "twri.h5" "Arrays/ibound3" 1 0 225\n')
    text = refused(tmp_path / "twri")
    assert text.startswith("twri.bas:35: the values are in an HDF5 file of GMS")
    assert "MODFLOW > Export Native MF2K Text" in text


def test_a_file_of_one_model_of_a_simulation(tmp_path: Path) -> None:
    write_twri6(tmp_path / "twri")
    assert "twri.nam: is a file of one model of MODFLOW 6: name the mfsim.nam" in _at(tmp_path / "twri" / "twri.nam")


def _at(path: Path) -> str:
    with pytest.raises(InputFileError) as caught:
        read_modflow(path)
    return str(caught.value)


def test_another_name_of_a_simulation(tmp_path: Path) -> None:
    write_twri6(tmp_path).rename(tmp_path / "sim.nam")
    assert "must be called mfsim.nam" in _at(tmp_path / "sim.nam")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\0\1\2", "is no name file: it is not text"),
        (b"hello world\n", "a.nam:1: 'hello world' is no entry of a name file: must be type, unit and file."),
        (b"# nothing\n", "a.nam: names no DIS and no BAS6 file: it is no name file of MODFLOW-2005 or NWT."),
    ],
)
def test_what_is_no_name_file(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.nam").write_bytes(content)
    assert message in _at(tmp_path / "a.nam")


def test_several_flow_models(small: Make) -> None:
    folder = small().write()
    change(folder / "mfsim.nam", "gwf6  small.nam  small", "gwf6  small.nam  small\n  gwf6  small.nam  other")
    assert "mfsim.nam: has 2 flow models (small, other): a simulation of one flow model is imported." in refused(folder)


# --- what is not supported --------------------------------------------------------------------------------------------


def unsupported_model(make: Make) -> Path:
    """Write a model with multi-aquifer wells, alternative means, an option of storage, and evapotranspiration in segments."""
    k = np.where(np.arange(24).reshape(2, 3, 4) % 2 == 0, 3.0, 6.0)
    model = make(
        gwf={"newtonoptions": "NEWTON"},
        npf={"icelltype": [1, 0], "k": k, "alternative_cell_averaging": "AMT-LMK"},
        sto={"iconvert": [1, 0], "ss_confined_only": True},
    )
    model.add("ghb", stress_period_data=[((1, 0, 3), 6.0, 5.0)])
    segments = [((0, 0, 1), 9.0, 1e-3, 3.0, 0.5, 0.6)]
    model.add("evt", stress_period_data=segments, nseg=2)
    folder = model.write()
    change(folder / "small.nam", "END packages", "  maw6  small.maw  town_wells\nEND packages")
    (folder / "small.maw").write_text("BEGIN OPTIONS\nEND OPTIONS\n")
    return folder


def test_all_that_is_not_supported_comes_in_one_list(small: Make) -> None:
    text = refused(unsupported_model(small), ConfigError, length_unit="metres", time_unit="days")
    head, *lines, last = text.splitlines()
    assert head == "mfsim.nam: this model has 4 parts that cannot be imported:"
    assert [line.split(":")[0].strip(" -") for line in lines] == [
        "MAW town_wells (small.maw)",
        "EVT evt_0 (small.evt)",
        "NPF",
        "STO sto (small.sto)" if "STO sto" in text else "STO (small.sto)",
    ]
    assert "Nothing was written. With --allow-partial the rest is imported" in last


def test_a_partial_import_says_so_loudly(small: Make, tmp_path: Path) -> None:
    folder = unsupported_model(small)
    options = ImportOptions("metres", "days", allow_partial=True)
    outcome = import_modflow(folder, tmp_path / "partial", options)
    assert len(outcome.report.unsupported) == 4
    for name in ("model.yaml", "import_report.md"):
        text = " ".join((tmp_path / "partial" / name).read_text().split())
        assert "heads and flows differ from those of MODFLOW" in text
        assert "multi-aquifer wells" in text


def test_heads_that_are_fixed_in_some_periods(small: Make) -> None:
    model = small()
    model.add("chd", stress_period_data={0: [((0, 0, 0), 9.0)], 2: [((0, 0, 0), 7.0), ((0, 1, 0), 6.0)]})
    text = refused(model.write(), ConfigError, length_unit="metres", time_unit="days")
    assert "the head of 1 cell is fixed in some stress periods only, such as layer 1, row 2, column 1" in text


def test_grids_without_rows_and_columns(small: Make) -> None:
    folder = small().write()
    change(folder / "small.nam", "DIS6  small.dis", "DISV6  small.dis")
    text = refused(folder, ConfigError, allow_partial=True)
    assert "DISV dis (small.dis): a grid of cells that are not in rows and columns." in text
    assert "A model on such a grid cannot be imported in part either." in text


def test_packages_of_modflow_2005(tmp_path: Path) -> None:
    name_file = write_twri(tmp_path / "twri")
    name_file.write_text(name_file.read_text() + "SFR 30 twri.sfr\nLAK 31 twri.lak\nXYZ 32 twri.xyz\nPCG 19 twri.pcg\n")
    for name in ("sfr", "lak", "xyz", "pcg"):
        (tmp_path / "twri" / f"twri.{name}").write_text("1\n")
    text = refused(name_file.parent, ConfigError)
    assert "has 3 parts that cannot be imported" in text
    assert "SFR (twri.nam:9): streamflow routing." in text
    assert "LAK (twri.nam:10): lakes." in text
    assert "XYZ (twri.nam:11): a package that is not known here." in text


# --- units ------------------------------------------------------------------------------------------------------------


def test_units_that_the_files_do_not_say(small: Make) -> None:
    text = refused(small().write(), ConfigError)
    assert (
        "length unit: The model does not say the unit of length: name it with --length-unit (feet, metres, centimetres)." in text
    )
    assert "time unit: The model does not say the unit of time: name it with --time-unit" in text


def test_units_that_are_given(tmp_path: Path) -> None:
    change(write_twri(tmp_path / "twri").parent / "twri.dis", "3 15 15 1 1 1", "3 15 15 1 0 1")
    assert "twri.dis does not say the unit of time" in refused(tmp_path / "twri", ConfigError)
    assert read_modflow(tmp_path / "twri", ImportOptions(time_unit="hours")).units.time == "hours"


# --- files -----------------------------------------------------------------------------------------------------------


def secret(tmp_path: Path) -> Path:
    """Put a file of numbers outside the folder of the model."""
    (tmp_path / "secret").mkdir()
    file = tmp_path / "secret" / "values.txt"
    file.write_text("200.\n" * 225)
    return file


@pytest.mark.parametrize("way", ["../secret/values.txt", "absolute", "link", "..\\\\secret\\\\values.txt"])
def test_files_outside_the_folder_are_refused(way: str, tmp_path: Path) -> None:
    file, folder = secret(tmp_path), write_twri(tmp_path / "twri").parent
    named = {"absolute": str(file), "link": "top.txt"}.get(way, way)
    if way == "link":
        (folder / "top.txt").symlink_to(file)
    change(folder / "twri.dis", "CONSTANT 200.\n", f"OPEN/CLOSE '{named}' 1. (FREE) 0\n")
    text = refused(folder)
    assert text.startswith("twri.dis:6: names")
    assert "lies outside the folder of the model. Move it inside, or allow files outside (--allow-outside)." in text


def test_files_outside_the_folder_may_be_allowed(tmp_path: Path) -> None:
    secret(tmp_path)
    folder = write_twri(tmp_path / "twri").parent
    change(folder / "twri.dis", "CONSTANT 200.\n", "OPEN/CLOSE ../secret/values.txt 1. (FREE) 0\n")
    problem = read_modflow(folder, ImportOptions(allow_outside=True)).problem
    np.testing.assert_allclose(problem.grid.top, 200.0 * 0.3048)


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("mfsim.nam", "twri.tdis", "../secret/values.txt", "mfsim.nam:2: names ../secret/values.txt, which lies outside"),
        ("twri.nam", "twri.wel", "../secret/values.txt", "twri.nam:6: names ../secret/values.txt, which lies outside"),
        ("twri.dis", "CONSTANT 200.", "OPEN/CLOSE ../secret/values.txt", "twri.dis:15: names ../secret/values.txt"),
        ("twri.rch", "  READASARRAYS", "  OBS6 FILEIN ../secret/values.txt", "twri.rch:2: names ../secret/values.txt"),
        ("twri.nam", "twri.wel", "twri.well", "twri.nam:6: names twri.well, which does not exist. Did you mean twri.wel?"),
        ("twri.nam", "twri.wel", "TWRI.WEL", "twri.nam:6: names TWRI.WEL, which does not exist. Did you mean twri.wel?"),
        ("twri.dis", "CONSTANT 200.", "OPEN/CLOSE top.txt", "twri.dis:15: names top.txt, which does not exist."),
        ("twri.dis", "END GRIDDATA", "", "twri.dis:9: the block GRIDDATA has no END: the file is cut off."),
        ("twri.wel", "END PERIOD", "END PERIODS", "twri.wel:20: END PERIODS ends no block that was begun."),
        ("twri.wel", "END DIMENSIONS\n", "", "twri.wel:3: BEGIN PERIOD inside the block DIMENSIONS, begun in line 1."),
        ("twri.dis", "  NLAY 5\n", "", "twri.dis: NLAY is missing."),
        ("twri.dis", "  NLAY 5\n", "  NLAY five\n", "twri.dis:5: NLAY five: must be a name and a whole number."),
        ("twri.dis", "  NLAY 5\n", "  NLAY 0\n", "twri.dis: (0, 15, 15) layers, rows and columns and 1 periods: each must be"),
        ("twri.nam", "  NPF6 twri.npf\n", "", "twri.nam: names no NPF6 file: every model needs it."),
        ("twri.nam", "  DIS6 twri.dis\n", "", "twri.nam: names 0 grids: must be one, as DIS6."),
        ("twri.wel", "5 5 11 -5.", "5 5 110 -5.", "cell (5, 5, 110) lies outside the grid (5, 15, 15)"),
        ("twri.wel", "5 5 11 -5.", "5 5 11 lots", "'lots' is neither a number nor one of its time series"),
    ],
)  # fmt: skip
def test_broken_files_of_modflow_6(file: str, old: str, new: str, message: str, tmp_path: Path) -> None:
    secret(tmp_path)
    folder = write_twri6(tmp_path / "twri").parent
    change(folder / file, old, new)
    assert message in refused(folder)


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("twri.nam", "twri.wel", "../secret/values.txt", "twri.nam:6: names ../secret/values.txt, which lies outside"),
        ("twri.nam", "twri.wel", "twri.well", "twri.nam:6: names twri.well, which does not exist. Did you mean twri.wel?"),
        ("twri.dis", "  3 15 15 1 1 1\n", "  3 15\n", "twri.dis:2: '3 15': must begin with NLAY NROW NCOL NPER"),
        ("twri.dis", "  3 15 15 1 1 1\n", "  three\n", "twri.dis:2: 'three': must begin with NLAY NROW NCOL NPER"),
        ("twri.dis", "CONSTANT -450.\n 86400. 1 1. SS\n", "", "twri.dis:10: cannot be read, it is broken or cut off here"),
        (
            "twri.wel",
            "1 13 14 -5.\n",
            "",
            "WEL (twri.wel): the cell 0, 0, 0 (layer, row, column) lies outside the grid, or the list ends before",
        ),
        ("twri.wel", "3 5 11 -5.", "3 5 11 lots", "cannot be read, it is broken or cut off here"),
        ("twri.bas", " 999.99", " 1.0d30", "flopy does not read an exponent written with d: write e"),
        ("twri.flow", "CONSTANT 2.E-2\n", "", "cannot be read, it is broken or cut off here"),
    ],
)
def test_broken_files_of_modflow_2005(file: str, old: str, new: str, message: str, tmp_path: Path) -> None:
    secret(tmp_path)
    folder = write_twri(tmp_path / "twri").parent
    change(folder / file, old, new)
    assert message in refused(folder)


@pytest.mark.parametrize("part", ["wel", "drn", "rch", "bas", "dis", "flow"])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.9])
def test_cut_off_files_are_never_imported(part: str, share: float, tmp_path: Path) -> None:
    """Whatever is missing of a file, the import fails with a sentence that names a file, and leaves nothing."""
    folder = write_twri(tmp_path / "twri").parent
    file = folder / f"twri.{part}"
    text = file.read_text()
    file.write_text(text[: int(share * len(text))])
    assert "twri." in refused(folder)


@pytest.mark.parametrize(
    ("file", "keep", "message"),
    [
        ("model.dis_botm_2.bin", 200, "has 200 bytes of the 388 that its header tells: it is cut off (named in model.dis:"),
        ("model.dis_botm_2.bin", 20, "has 20 bytes, its header alone 52: it is cut off (named in model.dis:"),
        ("model.dis_idomain_1.bin", 210, "has 210 bytes of the 220 that its header tells: it is cut off (named in model.dis:"),
        ("recharge.rch.1.bin", 793, "and its rows 20 each: it is cut off (named in recharge.rch:"),
        ("river.riv.1.bin", 50, "has 50 bytes, and its rows 36 each: it is cut off (named in river.riv:"),
        ("evapotranspirati.evt.1.bin", 1439, "and its rows 36 each: it is cut off (named in evapotranspirati.evt:"),
    ],
)
def test_binary_input_that_is_cut_off(file: str, keep: int, message: str, tmp_path: Path) -> None:
    """As this package writes it."""
    export_model(random_problem(4), tmp_path / "six")
    path = tmp_path / "six" / file
    content = path.read_bytes()
    path.write_bytes(content[:keep])
    said = refused(tmp_path / "six")
    assert said.startswith(f"{file}: has ")
    assert message in said


def test_grids_that_are_too_large_are_refused_unread(tmp_path: Path) -> None:
    folder = write_twri(tmp_path / "twri").parent
    change(folder / "twri.dis", "3 15 15", "3000 1500 1500")
    assert "twri.dis:2: 3000 x 1500 x 1500 = 6750000000 cells: at most 20000000 are imported." in refused(folder, ResourceError)
    folder = write_twri6(tmp_path / "twri6").parent
    change(folder / "twri.dis", "NLAY 5", "NLAY 5000000")
    assert "at most 20000000 are imported" in refused(folder, ResourceError)
    change(folder / "twri.dis", "NLAY 5000000", "NLAY 5")
    change(folder / "twri.tdis", "NPER 1", "NPER 1000000")
    assert "1000000 stress periods: at most 100000 are imported." in refused(folder, ResourceError)


def test_lists_that_announce_too_much_are_refused_unread(tmp_path: Path) -> None:
    folder = write_twri(tmp_path / "twri").parent
    change(folder / "twri.wel", "15 0\n15 0\n", "15 0\n999999999 0\n")
    assert "twri.wel:2: 999999999 entries of a list: at most 99999999 are imported." in refused(folder, ResourceError)


def test_files_that_are_too_large_are_refused_unread(tmp_path: Path) -> None:
    folder = write_twri(tmp_path / "twri").parent
    with (folder / "top.txt").open("wb") as stream:
        stream.truncate(5 * 2**30)  # a hole, no blocks
    change(folder / "twri.dis", "CONSTANT 200.\n", "OPEN/CLOSE top.txt 1. (FREE) 0\n")
    assert "top.txt has 5.0 GiB: at most 4 GiB are read." in refused(folder, ResourceError)


# --- physics ----------------------------------------------------------------------------------------------------------


def test_a_model_that_breaks_a_rule_is_refused(tmp_path: Path) -> None:
    folder = write_twri(tmp_path / "twri").parent
    change(folder / "twri.flow", "CONSTANT 1.E-2\n", "CONSTANT -1.E-2\n")
    text = refused(folder, ConfigError)
    assert text.startswith("twri.nam: the model breaks rules that hold here, and nothing was written:")
    assert "layers.layer_2.k = -2.6334720000000003: must be greater than 0." in text


def test_a_partial_import_may_break_rules_and_says_so(tmp_path: Path) -> None:
    folder = write_twri(tmp_path / "twri").parent
    change(folder / "twri.drn", "1 8 2 0.0 1.", "1 8 2 0.0 -1.")
    outcome = import_modflow(folder, tmp_path / "partial", ImportOptions(allow_partial=True))
    assert any("conductance" in text for text in outcome.invalid)
    assert "not valid" in (tmp_path / "partial" / "import_report.md").read_text()


def test_what_a_killed_import_left_is_removed(tmp_path: Path) -> None:
    folder = write_twri(tmp_path / "twri").parent
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    left = tmp_path / f".basin.{host_name()}.{gone.pid}.abcd.part"
    left.mkdir()
    (left / "model.yaml").write_text("half")
    import_modflow(folder, tmp_path / "basin")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["basin", "twri"]


def test_a_disk_that_is_full_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_twri(tmp_path / "twri").parent

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("aquirecover.case.model_writer.write_cell_table", full)
    assert refused(folder, ResourceError).endswith("cannot be written: No space left on device.")
