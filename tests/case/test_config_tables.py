"""CSV tables: separators and encodings that people use, and every wrong cell with its line, column and value."""

import datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aquirecover.case.tables import SHOWN, Column, Table, parse_table, read_table
from aquirecover.errors import ConfigError, InputFileError

WELLS = {
    "well": Column(),
    "x": Column("number"),
    "rate": Column("number", low=0.0),
    "since": Column("date"),
    "licensed": Column("flag", required=False),
}


def findings(text, columns=None):
    content = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(ConfigError) as caught:
        parse_table(content, "w.csv").check(columns or {})
    return [str(finding) for finding in caught.value.findings]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_separators_line_ends_and_byte_order_marks(separator, end, mark):
    rows = [["well ", " x", "rate", "note"], ["A", " 1.5", "1e3", '"a' + separator + ' b"'], ["B", "-2", "0", "Thái Bình"]]
    table = parse_table(mark + end.join(separator.join(row) for row in rows).encode(), "w.csv")
    assert list(table.columns) == ["well", "x", "rate", "note"]
    assert table.texts("well") == ("A", "B")
    assert table.texts("note") == (f"a{separator} b", "Thái Bình")
    np.testing.assert_array_equal(table.numbers("x"), [1.5, -2.0])
    np.testing.assert_array_equal(table.numbers("rate"), [1000.0, 0.0])


def test_lines_are_those_of_the_file_beside_blank_and_quoted_lines():
    table = parse_table(b'\n\nwell,note\nA,"two\nlines"\n\n , \nB,x\n', "w.csv")
    assert table.texts("well") == ("A", "B")
    assert table.lines == (4, 8)
    assert table.at(1) == "w.csv:8"


def test_dates_flags_and_missing_values():
    table = parse_table(b"d,f,n,t\n2021-01-31,yes,,\n2020-02-29,FALSE,2,b\n2020-02-29,,3,c\n", "w.csv")
    assert table.dates("d") == (datetime.date(2021, 1, 31), datetime.date(2020, 2, 29), datetime.date(2020, 2, 29))
    assert table.flags("f", missing=True).tolist() == [True, False, True]
    np.testing.assert_array_equal(table.numbers("n", missing=7.0), [7.0, 2.0, 3.0])
    np.testing.assert_array_equal(table.numbers("n", missing=np.nan), [np.nan, 2.0, 3.0])
    assert table.texts("t", missing="-") == ("-", "b", "c")
    assert len(table) == 3
    assert "d" in table
    assert "e" not in table


def test_all_that_is_wrong_comes_at_once():
    text = 'well,x,rate,since,licensed\nA,1,2,2021-01-01,yes\n,east,-3,2021-02-30,perhaps\nC,nan,1_0,,\nD,inf,"1,5",1/2/2021,no\n'
    assert findings(text, WELLS) == [
        "w.csv:3 well: is empty: give a value.",
        "w.csv:3 x = 'east': must be a number.",
        "w.csv:4 x = 'nan': must be a finite number; leave the cell empty where nothing is known.",
        "w.csv:5 x = 'inf': must be a finite number; leave the cell empty where nothing is known.",
        "w.csv:3 rate = '-3': must be 0 or more.",
        "w.csv:4 rate = '1_0': must be a number.",
        "w.csv:5 rate = '1,5': must be a number: write a decimal point, and no separator of thousands.",
        "w.csv:3 since = '2021-02-30': must be a date that exists, as 2021-01-31.",
        "w.csv:4 since: is empty: give a value.",
        "w.csv:5 since = '1/2/2021': must be a date, as 2021-01-31.",
        "w.csv:3 licensed = 'perhaps': must be yes or no.",
    ]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ["w.csv is empty: it needs a line of column names and rows."]),
        ("\n \n", ["w.csv is empty: it needs a line of column names and rows."]),
        ("well,x\n", ["w.csv:1 has column names but no rows."]),
        ("wel,x\nA,1\n", ["w.csv:1 well: is a column that the table needs. Did you mean 'wel'?"]),
        ("well,well,x\nA,1,2\n", ["w.csv:1 well: is the name of two columns: remove or rename one."]),
        ("well,,x\nA,1,2\n", ["w.csv:1 column 2: has no name: name it, or remove it."]),
        ("well,x\nA\nB,1,2\nC,3\n", [
            "w.csv:2 has 1 cells where the header has 2: put text that holds the separator in quotes.",
            "w.csv:3 has 3 cells where the header has 2: put text that holds the separator in quotes.",
        ]),
        ('well,x\n"A,1\nB,2\n', ["w.csv:2 cannot be read as CSV (unexpected end of data): look for a quote that is not closed."]),
        (b"well,x\nA,1\nB\xff,2\n", ["w.csv:3 is not UTF-8 (byte 0xff): save the file as CSV in UTF-8."]),
        ("well,x\nA\0,1\n", ["w.csv:2 holds a NUL character: remove it."]),
    ],
)  # fmt: skip
def test_tables_that_are_no_tables(text, found):
    assert findings(text, {"well": Column(), "x": Column("number")}) == found


def test_a_report_stays_short():
    text = "well,x\n" + "".join(f"W{i},no\n" for i in range(1000))
    found = findings(text, {"x": Column("number")})
    assert len(found) == SHOWN + 1
    assert found[-1] == f"w.csv x: has {1000 - SHOWN} more cells that are wrong."


def test_a_column_that_may_be_missing_is_checked_when_it_is_there():
    columns = {"depth": Column("number", required=False, low=0.0)}
    parse_table(b"well\nA\n", "w.csv").check(columns)
    parse_table(b"well,depth\nA,\nB,3\n", "w.csv").check(columns)
    assert findings("well,depth\nA,\nB,-3\n", columns) == ["w.csv:3 depth = '-3': must be 0 or more."]


def test_read_table(tmp_path):
    (tmp_path / "wells.csv").write_text("well,x\nA,1\n")
    assert read_table(tmp_path / "wells.csv", {"x": Column("number")}).source == "wells.csv"
    with pytest.raises(InputFileError, match=r"Did you mean 'wells\.csv'\?"):
        read_table(tmp_path / "well.csv")
    with pytest.raises(ConfigError, match=r"^wells\.csv:1 y: is a column that the table needs\. Valid: well, x\.$"):
        read_table(tmp_path / "wells.csv", {"y": Column("number")})


@settings(max_examples=200, deadline=None)
@given(content=st.one_of(st.binary(max_size=60), st.text(',;\t\n\r"ab1 ', max_size=60).map(str.encode)))
def test_any_bytes_give_a_table_or_findings(content):
    try:
        outcome = parse_table(content, "w.csv")
    except ConfigError as error:
        outcome = error.findings
    assert isinstance(outcome, Table) or len(outcome) > 0


CELLS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zs", "Zl", "Zp", "Cs"]), min_size=1, max_size=6)


@settings(max_examples=100, deadline=None)
@given(rows=st.lists(st.tuples(CELLS, st.floats(allow_nan=False, allow_infinity=False)), min_size=1, max_size=8))
def test_what_the_csv_module_writes_is_read_back(rows):
    import csv
    import io

    stream = io.StringIO()
    csv.writer(stream).writerows([("name", "number"), *rows])
    table = parse_table(stream.getvalue().encode(), "w.csv")
    assert table.texts("name") == tuple(name for name, _ in rows)
    np.testing.assert_array_equal(table.numbers("number"), [number for _, number in rows])
