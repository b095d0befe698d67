"""The first two blocks of the README: install and run the main job, install and run the tests."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MAIN, TESTS = re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)[:2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_first_block_installs_and_runs_the_main_job():
    install, run = MAIN.strip().splitlines()
    assert install == "python -m pip install -e ."
    program, command, scenario = run.split()
    assert program in PROJECT["scripts"]
    assert command == "run"
    assert (ROOT / scenario).is_file()


def test_second_block_installs_what_the_tests_need_and_runs_them():
    install, run = TESTS.strip().splitlines()
    assert install == 'python -m pip install -e ".[test]"'
    assert "test" in PROJECT["optional-dependencies"]
    assert run == "python -m pytest"


def test_continuous_integration_runs_the_second_block():
    script = (ROOT / ".ci/run").read_text(encoding="utf-8")
    assert r"^```sh\n(.*?)^```" in script
    assert 'bash -e -c "$test_command"' in script
