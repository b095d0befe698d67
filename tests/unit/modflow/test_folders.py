"""The folder of a run: beside the results, and gone after it."""

from __future__ import annotations

import errno
import os
import subprocess
import sys

import pytest

from aquirecover.errors import ResourceError
from aquirecover.modflow.folders import run_folder
from aquirecover.processes import host_name, is_running


def test_it_goes_with_the_folders_that_were_made_for_it(tmp_path):
    with run_folder(tmp_path / "a" / "b") as folder:
        (folder / "file").write_text("x", encoding="utf-8")
        assert folder.parent == tmp_path / "a" / "b"
    assert not list(tmp_path.iterdir())


def test_folders_that_were_there_or_are_used_stay(tmp_path):
    (tmp_path / "a").mkdir()
    with run_folder(tmp_path / "a" / "b"):
        (tmp_path / "a" / "b" / "result").write_text("x", encoding="utf-8")
    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == ["result"]


def test_it_goes_when_the_run_fails(tmp_path):
    with pytest.raises(KeyError), run_folder(tmp_path / "a"):
        raise KeyError
    assert not list(tmp_path.iterdir())


def test_a_file_in_the_place_of_a_folder_is_told(tmp_path):
    (tmp_path / "file").write_text("x", encoding="utf-8")
    for parent in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(ResourceError, match=r"file is no folder\. Choose another folder"), run_folder(parent):
            pass
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_may_not_be_written_is_told(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(ResourceError, match="cannot be written"), run_folder(tmp_path / "a"):
        pass
    tmp_path.chmod(0o700)


def test_a_full_disk_is_told(tmp_path):
    with pytest.raises(ResourceError, match="no space is left on the disk"), run_folder(tmp_path):
        raise OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(PermissionError), run_folder(tmp_path):
        raise PermissionError(errno.EACCES, "Permission denied")


@pytest.mark.skipif(os.name != "posix", reason="processes of POSIX")
def test_what_a_killed_process_left_is_removed(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert not is_running(ended.pid)
    left, mine = (tmp_path / f".modflow6.{host_name()}.{pid}.abc" for pid in (ended.pid, os.getpid()))
    other = tmp_path / f".modflow6.elsewhere.{ended.pid}.abc"
    for folder in (left, mine, other):
        folder.mkdir()
    with run_folder(tmp_path):
        assert not left.exists()
        assert mine.exists(), "of a process that runs"
        assert other.exists(), "of another computer"
