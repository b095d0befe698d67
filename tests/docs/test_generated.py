"""The pages that follow from the code are up to date."""

import importlib.util
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def generate():
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_files_are_up_to_date(generate):
    for path, text in generate.pages().items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name} is out of date: python docs/generate.py"


def test_every_key_of_the_schemas_is_on_the_page(generate):
    from aquirecover.case.config import json_schema

    page = (DOCS / "configuration.md").read_text(encoding="utf-8")
    for kind in generate.KINDS:
        schema = json_schema(kind)
        for part in (schema, *schema.get("$defs", {}).values()):
            for key in part.get("properties", {}):
                assert f"| `{key}` |" in page


def test_every_command_is_on_the_page():
    from aquirecover.cli import main

    page = (DOCS / "cli.md").read_text(encoding="utf-8")
    for name, command in main.commands.items():
        assert f"\n## {name}\n" in page
        for parameter in command.params:
            for option in parameter.opts:
                assert not option.startswith("--") or option in page


def test_an_old_page_is_found(generate, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(generate, "DOCS", tmp_path / "docs")
    assert generate.main(["--check"]) == 1
    assert not (tmp_path / "docs").exists()
    assert "cli.md: is out of date" in capsys.readouterr().out


def test_every_verification_test_is_on_its_page():
    page = (DOCS / "verification.md").read_text(encoding="utf-8")
    for file in (DOCS.parent / "tests/verification").glob("test_*.py"):
        assert f"| `{file.stem}` |" in page
