"""YAML as the files use it: scalars of YAML 1.2, the place of every node, and nothing that could surprise."""

import json
import math

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from aquirecover.case import yaml_reader
from aquirecover.case.yaml_reader import MAX_DEPTH, YamlTree, parse_yaml, read_yaml, scalar
from aquirecover.errors import ConfigError, InputFileError


def walk(tree, path=()):
    """Yield path and value of every leaf, and of every empty mapping or list."""
    inner = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, node in inner:
        yield from walk(node, (*path, key))
    if not inner or not tree:
        yield path, tree


def findings(text):
    with pytest.raises(ConfigError) as caught:
        parse_yaml(text, "m.yaml")
    return [str(finding) for finding in caught.value.findings]


def tree_or_findings(content):
    try:
        return parse_yaml(content, "m.yaml")
    except ConfigError as error:
        return error.findings


@pytest.mark.parametrize(
    ("text", "value"),
    [
        # the table of the core schema, YAML 1.2.2 section 10.3.2, and the words of YAML 1.1 that are none any more
        ("null", None), ("Null", None), ("NULL", None), ("~", None), ("", None), ("nUll", "nUll"),
        ("true", True), ("True", True), ("TRUE", True), ("false", False), ("False", False), ("FALSE", False),
        ("yes", "yes"), ("no", "no"), ("on", "on"), ("off", "off"), ("y", "y"), ("N", "N"),
        ("0", 0), ("-19", -19), ("+12", 12), ("0123", 123), ("0o17", 15), ("0x3A", 58), ("0b11", "0b11"),
        ("1_000", "1_000"), ("0o8", "0o8"), ("190:20:30", "190:20:30"),
        ("1e-5", 1e-5), ("1E3", 1000.0), ("1.", 1.0), (".5", 0.5), ("-0.0", -0.0), ("+12e03", 12000.0), ("12.5e-3", 0.0125),
        ("1e", "1e"), (".", "."), ("e5", "e5"), ("1.2.3", "1.2.3"),
        (".inf", math.inf), ("-.Inf", -math.inf), ("+.INF", math.inf), ("inf", "inf"), ("nan", "nan"),
        ("2021-01-01", "2021-01-01"), ("2021-01-01T00:00:00Z", "2021-01-01T00:00:00Z"), ("25 L/s", "25 L/s"), ("=", "="),
    ],
)  # fmt: skip
def test_plain_scalars_follow_the_core_schema(text, value):
    found = scalar(text)
    assert found == value
    assert type(found) is type(value)


def test_nan_is_read_so_that_validation_can_refuse_it():
    assert all(math.isnan(scalar(text)) for text in (".nan", ".NaN", ".NAN"))


@pytest.mark.parametrize("text", ["9" * 5000, "0x" + "f" * 5000, "0o" + "7" * 5000, "1e999999999"])
def test_numbers_too_large_are_infinite(text):
    assert scalar(text) == math.inf


@pytest.mark.parametrize("style", ['"{}"', "'{}'"])
@pytest.mark.parametrize("text", ["1", "true", "null", "1e-5"])
def test_quoted_scalars_are_text(style, text):
    assert parse_yaml("a: " + style.format(text), "m.yaml").tree == {"a": text}


def test_keys_are_text():
    assert parse_yaml("no: 1\n2020: 2\ntrue: 3\n", "m.yaml").tree == {"no": 1, "2020": 2, "true": 3}


def test_block_scalars_and_nesting():
    text = "a: |\n  x\n  y\nb: >\n  z\n  w\nc:\n  - {d: [1, [2, 3]]}\n  -\n"
    assert parse_yaml(text, "m.yaml").tree == {"a": "x\ny\n", "b": "z w\n", "c": [{"d": [1, [2, 3]]}, None]}


def test_every_node_keeps_its_place():
    tree = parse_yaml("# first\nlayers:\n  qp1:\n    k: 30   # m/d\n    series:\n      - [2021-01-01, 5]\n", "m.yaml")
    assert tree.locate(("layers", "qp1", "k")) == "m.yaml:4:8"
    assert tree.locate(("layers", "qp1", "k"), key=True) == "m.yaml:4:5"
    assert tree.locate(("layers", "qp1", "series", 0, 1)) == "m.yaml:6:22"
    assert tree.locate(("layers", "qp1", "k33")) == "m.yaml:3:3", "what is absent is placed at the key above"
    assert tree.locate(()) == "m.yaml:2:1"
    assert set(tree.values) == {path[:n] for path, _ in walk(tree.tree) for n in range(len(path) + 1)}


def test_byte_order_mark_is_ignored():
    assert parse_yaml(b"\xef\xbb\xbfa: 1", "m.yaml").tree == {"a": 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", "m.yaml:3:1 a: stands twice; the first is on line 1. Remove one."),
        ("x: {c: 1,\n    c: 2}\n", "m.yaml:2:5 x.c: stands twice; the first is on line 1. Remove one."),
        ("a: &one 1\n", "m.yaml:1:4 a: &one is an anchor: write the value out where it is used."),
        ("a: 1\nb: *one\n", "m.yaml:2:4 b: *one is an alias: write the value out."),
        ("a: !!str 1\n", "m.yaml:1:4 a: !!str is a tag: leave it out."),
        ("a: !!python/object/apply:os.system [ls]\n", "m.yaml:1:4 a: !!python/object/apply:os.system is a tag: leave it out."),
        ("a: 1\n---\nb: 2\n", "m.yaml:2:1 holds a second document: keep one, without a line '---'."),
        ("? [a, b]\n: 1\n", "m.yaml:1:3 holds a key that is a mapping or list: a key must be text."),
        ("'': 1\n", "m.yaml:1:1 holds a key without a name."),
        ("", "m.yaml is empty: write at least the key kind."),
        ("# nothing\n", "m.yaml is empty: write at least the key kind."),
        ("a: 1\nb: \0x\n", "m.yaml:2:4 holds a NUL character: remove it."),
        ("a: \x07\n", "m.yaml:1:4 holds the control character U+0007: remove it."),
        (b"a: 1\r\nb: \xff\n", "m.yaml:2:4 is not UTF-8 (byte 0xff): save the file as UTF-8."),
        ("a:\n\t- 1\n", "m.yaml:2:1 is no YAML: found character that cannot start any token. Indent with blanks, not with tabs."),
        (
            "title: Cut: half\n",
            "m.yaml:1:11 is no YAML: mapping values are not allowed in this context. "
            "Put text that holds ': ' in quotes, and check the indentation.",
        ),
    ],
)
def test_refused_with_place_and_remedy(text, message):
    assert findings(text) == [message]


def test_everything_that_can_be_seen_is_reported_at_once():
    found = findings("a: 1\na: 2\nb: &x 3\nc: *x\nd: !t 4\n")
    assert [line.split(":", 2)[1] for line in found] == ["2", "3", "4", "5"]


def test_no_file_of_the_parser_is_shown_when_a_quote_is_open():
    assert findings("a: 'x\n")[0].startswith("m.yaml:2:1 is no YAML: found unexpected end of stream")


@pytest.mark.parametrize("opener", ["[", "{a: ", "- ", "? "])
def test_deep_nesting_ends_in_a_finding(opener):
    found = findings(opener * (200_000 // len(opener)))
    assert len(found) == 1
    assert "deep" in found[0] or "a key must be text" in found[0]


def test_depth_is_capped_at_the_limit():
    deepest = "[" * MAX_DEPTH + "]" * MAX_DEPTH
    node = parse_yaml(deepest, "m.yaml").tree
    for _ in range(MAX_DEPTH - 1):
        (node,) = node
    assert node == []
    assert findings(f"[{deepest}]") == [f"m.yaml:1:{MAX_DEPTH + 1} is nested more than {MAX_DEPTH} deep."]


def test_merge_key_is_an_ordinary_key():
    assert parse_yaml("<<: {a: 1}\n", "m.yaml").tree == {"<<": {"a": 1}}


@pytest.mark.parametrize("loader", [yaml.SafeLoader, getattr(yaml, "CSafeLoader", yaml.SafeLoader)])
@pytest.mark.parametrize("escape", ["\\uD800", "\\UFFFFFFFF", "\\U00110000"])
def test_escapes_that_are_no_character_are_refused_by_both_parsers(monkeypatch, loader, escape):
    monkeypatch.setattr(yaml_reader, "LOADER", loader)
    assert len(findings(f'a: "{escape}"')) == 1


YAML_BITS = st.lists(
    st.sampled_from(
        ["a", "b: ", "- ", "\n", "  ", "[", "]", "{", "}", ", ", ": ", "? ", "&x ", "*x", "!t ", "|", ">", "#", "'", '"', "\t",
         "---", "...", "%YAML 1.2", "1e-5", "\\x", "\\uD800", "<<", "~", "@", "`", "\x85", "\u2028", "\ufeff", "\x00", "0x", "-"]
    ),
    max_size=40,
).map("".join)  # fmt: skip


@pytest.mark.parametrize("loader", [yaml.SafeLoader, getattr(yaml, "CSafeLoader", yaml.SafeLoader)])
@settings(max_examples=150, deadline=None)
@given(text=st.one_of(st.text(max_size=60), YAML_BITS))
def test_any_text_gives_a_tree_or_findings(loader, text):
    patch = pytest.MonkeyPatch()
    patch.setattr(yaml_reader, "LOADER", loader)
    try:
        outcome = tree_or_findings(text)
    finally:
        patch.undo()
    assert isinstance(outcome, YamlTree) or all(str(finding).startswith("m.yaml") for finding in outcome)


@settings(max_examples=100, deadline=None)
@given(content=st.binary(max_size=60))
def test_any_bytes_give_a_tree_or_findings(content):
    assert tree_or_findings(content)


TREES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**15), 10**15)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="ascii", exclude_characters="\x7f"), max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.from_regex("[a-z]{1,5}", fullmatch=True), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=100, deadline=None)
@given(tree=TREES)
def test_json_is_read_as_json(tree):
    """YAML 1.2 holds JSON, so an independent writer and reader must agree with ours."""
    text = json.dumps({"root": tree})
    assert parse_yaml(text, "m.yaml").tree == json.loads(text)


def test_a_missing_file_names_the_nearest(tmp_path):
    (tmp_path / "model.yaml").write_text("a: 1")
    with pytest.raises(InputFileError, match=r"modle\.yaml does not exist\. Did you mean 'model\.yaml'\?"):
        read_yaml(tmp_path / "modle.yaml")


def test_a_large_file_is_not_read(tmp_path):
    path = tmp_path / "model.yaml"
    with path.open("wb") as stream:
        stream.truncate(yaml_reader.MAX_BYTES + 1)
    with pytest.raises(InputFileError, match=r"has 8\.0 MB: must be 8 MB or less"):
        read_yaml(path)


def test_messages_name_the_file_as_seen_from_the_workspace(tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "scenarios").mkdir()
    path = tmp_path / "scenarios" / "x.yaml"
    path.write_text("a: 1\na: 2\n")
    with pytest.raises(ConfigError, match=r"^scenarios/x\.yaml:2:1 a: stands twice"):
        read_yaml(path)
