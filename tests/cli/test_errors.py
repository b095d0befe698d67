"""One formatter turns every error into a sentence and an exit code."""

import click
import pytest
from click.testing import CliRunner

from aquirecover import errors
from aquirecover.cli import Program, main


def run_with(error: BaseException, *options: str):
    """Run a program whose only command raises `error`."""

    @click.group(cls=Program)
    @click.option("--debug", is_flag=True)
    def program(debug: bool) -> None:
        """Do nothing."""

    @program.command()
    def fail() -> None:
        """Raise the error."""
        raise error

    return CliRunner().invoke(program, [*options, "fail"])


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.ConfigError([errors.Finding("layers.sand.k", "must be greater than 0.", "model.yaml:4:8")]), 3),
        (errors.InputFileError("wells.csv: no such file."), 4),
        (errors.BackendError("modflow6 is not installed."), 4),
        (errors.ConvergenceError("Period 2, step 1: no convergence."), 5),
        (errors.BudgetError("Period 2, step 1: the water budget does not close."), 5),
        (errors.OutputExistsError("results/x exists."), 6),
        (errors.ResourceError("needs 90 GiB."), 7),
    ],
)
def test_an_error_of_the_package_is_its_text_and_its_code(error, code):
    outcome = run_with(error)
    assert outcome.exit_code == code
    assert outcome.stderr == f"{error}\n"
    assert not outcome.stdout


def test_all_findings_are_shown():
    findings = [
        errors.Finding(f"layers.sand.{key}", "must be greater than 0.", f"model.yaml:{i}:8") for i, key in enumerate(["k", "k33"])
    ]
    assert run_with(errors.ConfigError(findings)).stderr.splitlines() == [
        "model.yaml:0:8 layers.sand.k: must be greater than 0.",
        "model.yaml:1:8 layers.sand.k33: must be greater than 0.",
    ]


@pytest.mark.parametrize(
    ("error", "text", "code"),
    [
        (MemoryError(), "Not enough memory.", 7),
        (FileNotFoundError(2, "No such file", "a.csv"), "a.csv: no such file.", 4),
        (PermissionError(13, "Permission denied", "results"), "results: permission denied.", 7),
        (OSError(28, "No space left on device", "results/x.nc"), "results/x.nc: No space left on device.", 7),
    ],
)
def test_an_error_of_the_system_is_a_sentence(error, text, code):
    outcome = run_with(error)
    assert outcome.exit_code == code
    assert outcome.stderr.startswith(text)


def test_an_unexpected_error_is_short_and_names_the_way_to_its_traceback():
    outcome = run_with(ZeroDivisionError("division by zero"))
    assert outcome.exit_code == 1
    assert outcome.stderr.splitlines()[0] == "Unexpected ZeroDivisionError: division by zero"
    assert "--debug" in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_debug_lets_the_error_through():
    error = ZeroDivisionError("division by zero")
    assert run_with(error, "--debug").exception is error


def test_ctrl_c_is_130():
    outcome = run_with(KeyboardInterrupt())
    assert outcome.exit_code == 130
    assert outcome.stderr == "Interrupted: nothing was written.\n"


@pytest.mark.parametrize(
    "arguments",
    [["nonsense"], ["run"], ["batch"], ["schema", "planet"], ["run", "x.yaml", "--engine", "guess"]],
    ids=" ".join,
)
def test_wrong_usage_is_2(arguments):
    outcome = CliRunner().invoke(main, arguments)
    assert outcome.exit_code == 2
    assert "Usage:" in outcome.stderr


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        (["layers.sand.k"], "'layers.sand.k': write key=value"),
        (["=5"], "'=5': write key=value"),
        (["a=1", "a=2"], "'a' is given twice"),
    ],
)
def test_set_needs_a_key_and_a_value(settings, text, tmp_path):
    file = tmp_path / "s.yaml"
    file.write_text("kind: scenario\n", encoding="utf-8")
    outcome = CliRunner().invoke(main, ["validate", str(file), *(word for s in settings for word in ("--set", s))])
    assert outcome.exit_code == 2
    assert text in outcome.stderr
