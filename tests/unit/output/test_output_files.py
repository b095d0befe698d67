"""Writing files: never broken, never without leave, never from another module."""

from __future__ import annotations

import ast
import csv
import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import aquirecover
from aquirecover.errors import OutputExistsError, ResourceError
from aquirecover.output import files
from aquirecover.output.files import renewed
from aquirecover.processes import host_name

SOURCE = Path(aquirecover.__file__).parent
# Calls that put bytes into a file. They may only stand in files.py or write to the temporary path that it hands out, `part`.
WRITERS = {
    "write_text",
    "write_bytes",
    "to_netcdf",
    "to_csv",
    "savefig",
    "to_file",
    "to_zarr",
    "tofile",
    "save",
    "savez",
    "savetxt",
    "dump",
}


def test_new_file_has_the_content_and_no_temporary_file_stays(tmp_path: Path) -> None:
    path = files.write_text(tmp_path / "new" / "a.txt", "Quỳnh Phụ\n")
    assert path.read_bytes() == "Quỳnh Phụ\n".encode()
    assert [p.name for p in path.parent.iterdir()] == ["a.txt"]


def test_existing_file_is_kept_without_leave_and_replaced_with_it(tmp_path: Path) -> None:
    path = files.write_text(tmp_path / "a.txt", "old")
    with pytest.raises(OutputExistsError, match=r"a\.txt: exists already\. Use --overwrite"):
        files.write_text(path, "new")
    assert path.read_text(encoding="utf-8") == "old"
    files.write_text(path, "new", overwrite=True)
    assert path.read_text(encoding="utf-8") == "new"


def test_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = files.write_text(tmp_path / "a.txt", "old")

    def write_half(part: Path) -> None:
        part.write_text("half", encoding="utf-8")
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        files.replace_file(path, write_half, overwrite=True)
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_final_name_appears_only_when_the_content_is_whole(tmp_path: Path) -> None:
    seen = []
    path = tmp_path / "a.txt"

    def write(part: Path) -> None:
        part.write_text("whole", encoding="utf-8")
        seen.append((path.exists(), part.parent == path.parent))

    files.replace_file(path, write)
    assert seen == [(False, True)]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_full_disk_is_a_resource_error(tmp_path: Path, number: int) -> None:
    def write(part: Path) -> None:
        raise OSError(number, os.strerror(number))

    with pytest.raises(ResourceError, match="no space is left"):
        files.replace_file(tmp_path / "a.txt", write)
    assert not list(tmp_path.iterdir())


def test_leftovers_of_dead_processes_go_and_those_of_living_ones_stay(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    host = host_name()
    names = {n: tmp_path / f".a.txt.{host}.{n}.00ff.part" for n in (dead.pid, os.getpid())}
    other = tmp_path / f".b.txt.{host}.{dead.pid}.00ff.part"
    for part in (*names.values(), other):
        part.write_text("half", encoding="utf-8")
    files.write_text(tmp_path / "a.txt", "whole")
    assert not names[dead.pid].exists()
    assert names[os.getpid()].exists()
    assert other.exists()


def test_csv_cells_cannot_run_in_a_spreadsheet(tmp_path: Path) -> None:
    texts = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "plain", 'a "quoted", cell', "Kiến Xương"]
    path = files.write_csv(tmp_path / "a.csv", ["name", "head (m)"], [(text, -1.5) for text in texts])
    with path.open(encoding="utf-8", newline="") as stream:
        header, *rows = csv.reader(stream)
    assert header == ["name", "head (m)"]
    assert [row[0] for row in rows] == ["'=1+1", "'+1", "'-1", "'@SUM(A1)", "'\tx", "plain", 'a "quoted", cell', "Kiến Xương"]
    assert {row[1] for row in rows} == {"-1.5"}


def test_csv_numbers_keep_ten_digits_and_missing_ones_are_empty() -> None:
    assert files.safe_cell(1.0 / 3.0) == "0.3333333333"
    assert files.safe_cell(1e-9) == "1e-09"
    assert files.safe_cell(float("nan")) == files.safe_cell(float("inf")) == ""
    assert files.safe_cell(True) == "yes"


def test_json_keeps_letters_and_refuses_what_it_cannot_hold(tmp_path: Path) -> None:
    path = files.write_json(tmp_path / "a.json", {"name": "Thái Bình"})
    assert "Thái Bình" in path.read_text(encoding="utf-8")
    assert json.loads(path.read_text(encoding="utf-8")) == {"name": "Thái Bình"}
    with pytest.raises(ValueError, match="not JSON compliant"):
        files.write_json(tmp_path / "b.json", {"head": float("nan")})
    assert not (tmp_path / "b.json").exists()


def written_elsewhere(tree: ast.AST) -> list[int]:
    """Return the lines that write to anything but `part`."""
    lines = []
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        names = {node.id for node in ast.walk(call) if isinstance(node, ast.Name)}
        if name == "open":
            position = 0 if isinstance(call.func, ast.Attribute) else 1  # Path.open(mode) or open(path, mode)
            modes = [*call.args[position : position + 1], *(k.value for k in call.keywords if k.arg == "mode")]
            writes = any(isinstance(mode, ast.Constant) and set(str(mode.value)) & set("wax+") for mode in modes)
        else:
            writes = name in WRITERS
        if writes and "part" not in names:
            lines.append(call.lineno)
    return lines


@pytest.mark.parametrize("line", ["open('a', 'w')", "p.open(mode='xb')", "p.write_text('')", "f.savefig(p)", "d.to_netcdf(path)"])
def test_scan_finds_a_write(line: str) -> None:
    assert written_elsewhere(ast.parse(line)) == [1]


@pytest.mark.parametrize("line", ["open('a')", "open('a', 'rb')", "p.open(encoding='utf-8')", "f.savefig(part)", "p.read_text()"])
def test_scan_lets_reading_and_the_helper_pass(line: str) -> None:
    assert written_elsewhere(ast.parse(line)) == []


def test_no_other_module_writes_to_a_final_name() -> None:
    # these write into a temporary folder, which is removed or, when a model is exported or imported, renamed as a whole
    folders = ("modflow/files", "modflow/run", "modflow/export", "modflow/imports/mf2005", "importing", "case/model_writer")
    helpers = {SOURCE / "output/files.py", *(SOURCE / f"{name}.py" for name in folders)}
    modules = [path for path in SOURCE.rglob("*.py") if path not in helpers]
    assert len(modules) > 10
    trees = {path.relative_to(SOURCE): ast.parse(path.read_text(encoding="utf-8")) for path in modules}
    found = [f"{name}:{line}" for name, tree in trees.items() for line in written_elsewhere(tree)]
    assert found == []


def test_a_folder_is_renewed_whole_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "old.csv").write_text("old", encoding="utf-8")
    (tmp_path / "last.json").write_text("old", encoding="utf-8")
    (tmp_path / "mine.txt").write_text("not of the program", encoding="utf-8")
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    (tmp_path / f".new.{host_name()}.{ended.pid}.abcd.part").mkdir()

    def interrupted() -> None:
        with renewed(tmp_path, "last.json", ("old.csv", "new.csv", "last.json")) as hidden:
            (hidden / "last.json").write_text("new", encoding="utf-8")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["last.json", "mine.txt", "old.csv"]
    assert (tmp_path / "last.json").read_text(encoding="utf-8") == "old"
    with renewed(tmp_path, "last.json", ("old.csv", "new.csv", "last.json")) as hidden:
        (hidden / "new.csv").write_text("new", encoding="utf-8")
        (hidden / "last.json").write_text("new", encoding="utf-8")
        assert (tmp_path / "old.csv").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["last.json", "mine.txt", "new.csv"]
    assert (tmp_path / "last.json").read_text(encoding="utf-8") == "new"


def test_an_interruption_while_files_are_moved_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    move = os.replace

    def interrupted(source: Path, target: Path) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        move(source, target)

    monkeypatch.setattr("aquirecover.output.files.os.replace", interrupted)

    def written() -> None:
        with renewed(tmp_path, "last", ()) as hidden:
            for name in ("a", "b", "last"):
                (hidden / name).write_text(name, encoding="utf-8")

    with pytest.raises(KeyboardInterrupt):
        written()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "last"]
