"""What the program finds out about the machine."""

import os

from aquirecover import __version__, machine


def test_cores_and_memory_are_positive():
    assert 1 <= machine.n_cores() <= os.cpu_count()
    assert machine.available_memory() > 0.0


def test_versions_name_the_package_and_what_is_missing(monkeypatch):
    monkeypatch.setattr(machine, "LIBRARIES", ("numpy", "no-such-library"))
    found = machine.versions()
    assert found["aquirecover"] == __version__
    assert found["numpy"][0].isdigit()
    assert found["no-such-library"] == "not installed"


def test_kernels_count_as_compiled_when_the_cache_is_newer_than_the_source(tmp_path, monkeypatch):
    package = tmp_path / "package"
    cache = tmp_path / "cache" / "flow_1"
    (package / "flow").mkdir(parents=True)
    cache.mkdir(parents=True)
    for name in (*machine.EVERY_RUN, "relaxation"):
        (package / "flow" / f"{name}.py").write_text("\n@kernel\ndef f(): ...", encoding="utf-8")
    monkeypatch.setattr(machine, "PACKAGE", package)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    assert not machine.kernels_are_compiled()
    for name in machine.EVERY_RUN:
        assert not machine.kernels_are_compiled()
        (cache / f"{name}.f-4.py311.nbi").touch()
    assert machine.kernels_are_compiled()
    source = package / "flow" / "kernels.py"
    os.utime(source, (source.stat().st_atime, source.stat().st_mtime + 100.0))
    assert not machine.kernels_are_compiled()


def test_doctor_tells_where_results_would_go(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    facts = machine.examine()
    assert facts["results_folder"] == f"{tmp_path / 'results'} (can be written)"
    assert facts["cores"] == machine.n_cores()
