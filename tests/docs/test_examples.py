"""Every example of the README and of the documentation is run."""

import re
import shlex
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from aquirecover.cli import main

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
NOT_RUN = {"text", "json", "yaml", "csv"}  # shown, not run


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Work in a copy of the models and scenarios, in which examples may write."""
    for folder in ("models", "scenarios"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_names_its_language(page):
    opening = re.findall(r"^```(.*)\n(?:.*\n)*?^```$", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(opening) <= {"python", "sh"} | NOT_RUN


@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p, "python")], ids=lambda page: page.name)
def test_python_blocks_run_in_turn(page, project, capsys):
    names: dict[str, object] = {"__name__": "example"}
    for i, block in enumerate(blocks(page, "python")):
        exec(compile(block, f"{page.name} block {i + 1}", "exec"), names)
    assert capsys.readouterr().out


@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p, "sh")], ids=lambda page: page.name)
def test_commands_run(page, project):
    for block in blocks(page, "sh"):
        for line in block.splitlines():
            words = shlex.split(line, comments=True)
            if not words or words[0] == "python":
                continue  # installs and tests: tests/docs/test_readme.py
            assert words[0] == "aquirecover"
            # the main job takes longer than a test may: its plan must do
            heavy = any("thai_binh" in word for word in words) and words[1] == "run"
            outcome = CliRunner().invoke(main, [*words[1:], *(["-n"] if heavy else [])])
            assert outcome.exit_code == 0, outcome.output


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert "://" in target or (page.parent / target).exists(), target
