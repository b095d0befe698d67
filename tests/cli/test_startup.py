"""What the command line imports before it knows what to do."""

import json
import subprocess
import sys

import pytest

from aquirecover import __version__

SLOW = {
    "numpy",
    "scipy",
    "numba",
    "xarray",
    "pandas",
    "matplotlib",
    "pydantic",
    "yaml",
    "pint",
    "shapely",
    "pyproj",
    "rich",
    "h5py",
}


def modules_after(code: str) -> set[str]:
    """Return the top-level modules that a fresh interpreter holds after `code`."""
    script = f"{code}\nimport json, sys\nprint(json.dumps(sorted({{name.partition('.')[0] for name in sys.modules}})))"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(json.loads(run.stdout.splitlines()[-1]))


@pytest.mark.parametrize("code", ["import aquirecover", "import aquirecover.cli"])
def test_start_up_imports_nothing_slow(code):
    assert modules_after(code) & SLOW == set()


def test_help_imports_nothing_slow():
    code = "import aquirecover.cli as c\ntry:\n    c.main(['run', '--help'])\nexcept SystemExit:\n    pass"
    assert modules_after(code) & SLOW == set()


def test_version_and_help_are_on_standard_output():
    for option, text in (("--version", f"aquirecover {__version__}\n"), ("--help", "Usage:")):
        run = subprocess.run([sys.executable, "-m", "aquirecover", option], capture_output=True, text=True, check=True)
        assert run.stdout.startswith(text)
        assert not run.stderr


def test_public_names_are_all_there():
    import aquirecover

    for name in aquirecover.__all__:
        assert getattr(aquirecover, name).__name__ == name
    assert set(aquirecover.__all__) <= set(dir(aquirecover))
    with pytest.raises(AttributeError, match="no_such_name"):
        aquirecover.no_such_name  # noqa: B018
