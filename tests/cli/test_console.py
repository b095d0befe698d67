"""Lines, tables and bars for people, on standard error."""

import io

from rich.console import Console as RichConsole

from aquirecover.console import BarListener, Console, PlainListener, _bars


def test_text_goes_to_standard_error_as_it_is(capsys):
    Console().say("[red]dry season[/red] :warning: results/[bold]x")
    assert capsys.readouterr() == ("", "[red]dry season[/red] :warning: results/[bold]x\n")


def test_a_long_line_is_not_folded(capsys):
    Console().say("x" * 500)
    assert capsys.readouterr().err == "x" * 500 + "\n"


def test_a_table_keeps_names_with_brackets(capsys):
    Console().rows([{"scenario": "[red]stop[/red]", "recovery": 0.123456, "time": None}], title="[b]Recovery[/b]")
    out, err = capsys.readouterr()
    assert not out
    assert "[b]Recovery[/b]" in err
    assert "[red]stop[/red]" in err
    assert "0.1235" in err


def test_quiet_says_nothing(capsys):
    console = Console(quiet=True)
    console.say("text")
    console.table({"a": 1}, title="t")
    console.rows([{"a": 1}], title="t")
    with console.progress() as listener:
        listener.say("text")
        listener.progress("task", 1, 2)
    assert capsys.readouterr() == ("", "")


def test_facts_with_several_lines_are_listed(capsys):
    Console().table({"layers": ["sand", "clay"], "cell_size": "1 km", "rules": []}, title="model")
    assert capsys.readouterr().err.splitlines() == [
        "model",
        "  layers     sand",
        "             clay",
        "  cell size  1 km",
        "  rules      none",
    ]


def test_without_a_terminal_progress_is_a_line_at_each_tenth(capsys):
    with Console().progress() as listener:
        assert isinstance(listener, PlainListener)
        for step in range(1, 41):
            listener.progress("simulate", step, 40, f"day {step}")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 10
    assert lines[0] == "simulate: 4 of 40 day 4"
    assert lines[-1] == "simulate: 40 of 40 day 40"


def test_bars_show_count_rate_and_names_with_brackets():
    screen = io.StringIO()
    rich = RichConsole(file=screen, force_terminal=True, width=120, color_system=None)
    with _bars(rich) as bars:
        listener = BarListener(Console(), bars)
        listener.progress("[red]stop", 1, 4)
        listener.progress("[red]stop", 4, 4, "2051-01-01")
    text = screen.getvalue()
    assert "[red]stop" in text
    assert "4/4" in text
    assert "/s" in text
    assert "2051-01-01" in text
