"""The reader: strict YAML and JSON to a tree with the place of everything."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from specs import compose
from specs.diagnostics import Diagnostic, Span
from specs.source import MOST_BYTES, read
from specs.tree import Tree, at, plain
from tests.strategies import json_maps, json_texts, yaml_like_texts

EXPLAIN = Path(__file__).parent.parent / "specs" / "explain"


def tree_of(text: str) -> Tree:
    """Return the tree of a text that is right."""
    tree, found = read(text.encode(), "spec.yaml")
    assert tree is not None, found
    assert found == ()
    return tree


def value_of(text: str) -> object:
    return plain(tree_of(text))


def errors_of(text: str | bytes) -> list[str]:
    """Return code and place of every error, as `code line:column-line:column`."""
    tree, found = read(text.encode() if isinstance(text, str) else text, "spec.yaml")
    assert tree is None
    return [f"{d.code} {d.span.line}:{d.span.column}-{d.span.end_line}:{d.span.end_column}" for d in found]


def only_error(text: str) -> Diagnostic:
    _, found = read(text.encode(), "spec.yaml")
    assert len(found) == 1, found
    return found[0]


def marked(text: str, span: Span) -> str:
    """Return the characters of a span."""
    lines = text.splitlines(keepends=True) or [""]
    if text.endswith(("\n", "\r")):
        lines.append("")
    first, last = span.line - 1, span.end_line - 1
    if first == last:
        return lines[first][span.column - 1 : span.end_column - 1]
    middle = "".join(lines[first + 1 : last])
    return lines[first][span.column - 1 :] + middle + lines[last][: span.end_column - 1]


def test_a_spec_is_read_with_the_place_of_every_key_and_value() -> None:
    """Keys, values, maps and lists: lines and columns count from 1, the end is exclusive."""
    text = "name: hello\nnodePools:\n  l40s: {max: 2, zones: [a, 'b c']}\n"
    tree = tree_of(text)
    assert plain(tree) == {"name": "hello", "nodePools": {"l40s": {"max": 2, "zones": ["a", "b c"]}}}
    assert tree.members["nodePools"].key == Span("spec.yaml", 2, 1, 2, 10)
    places = {
        ("name",): "hello",
        ("nodePools",): "l40s: {max: 2, zones: [a, 'b c']}",
        ("nodePools", "l40s"): "{max: 2, zones: [a, 'b c']}",
        ("nodePools", "l40s", "max"): "2",
        ("nodePools", "l40s", "zones"): "[a, 'b c']",
        ("nodePools", "l40s", "zones", 1): "'b c'",
    }
    for path, characters in places.items():
        found = at(tree, path)
        assert found is not None
        assert marked(text, found.span) == characters


def test_columns_count_characters_and_not_bytes() -> None:
    """`é` is two bytes and `😀` four, each is one column."""
    assert at(tree_of('{"é😀": x}'), ("é😀",)) == Tree("x", Span("spec.yaml", 1, 8, 1, 9))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_all_line_ends_count_one_line(end: str) -> None:
    tree = tree_of(f"# one{end}a: 1{end}{end}b: |{end}  x{end}  y{end}{end}c: 3{end}")
    assert plain(tree) == {"a": 1, "b": "x\ny\n", "c": 3}
    assert tree.members["c"].key == Span("spec.yaml", 8, 1, 8, 2)


def test_a_block_of_text_ends_with_its_last_line() -> None:
    text = "a: |\n  x\n  y\n\n# comment\nb: >-\n  z"
    tree = tree_of(text)
    assert marked(text, tree.members["a"].tree.span) == "|\n  x\n  y"
    assert marked(text, tree.members["b"].tree.span) == ">-\n  z"


def test_a_block_map_ends_with_its_last_value_and_not_with_comments() -> None:
    text = "a:\n  b: 1\n  c:\n  - 2\n\n# comment\n\nd: 3\n"
    assert marked(text, tree_of(text).members["a"].tree.span) == "b: 1\n  c:\n  - 2"


def test_the_span_of_an_anchored_value_begins_at_the_value() -> None:
    text = "a: &one 1\nb: &two # comment\n  c: 2\nd: &three\ne: &four | # x\n  text\n"
    tree = tree_of(text)
    spans = [marked(text, member.tree.span) for member in tree.members.values()]
    assert spans == ["1", "c: 2", "", "| # x\n  text"]
    assert tree.members["d"].tree.span == Span("spec.yaml", 4, 10, 4, 10)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("0", 0),
        ("-12", -12),
        ("+5", 5),
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        ("0.5", 0.5),
        (".5", 0.5),
        ("5.", 5.0),
        ("1e3", 1000.0),
        ("-1.5E-3", -0.0015),
        ("0.0", 0.0),
        ("2026-12-18", "2026-12-18"),
        ("2026-11", "2026-11"),
        ("2001-13-45", "2001-13-45"),
        ("1.2.3", "1.2.3"),
        ("10.10.0.0/16", "10.10.0.0/16"),
        ("12:75", "12:75"),
        ("16k", "16k"),
        ("99.9%", "99.9%"),
        ("$2000/month", "$2000/month"),
        ("hf://Qwen/Qwen2.5@a09a", "hf://Qwen/Qwen2.5@a09a"),
        ("١٢", "١٢"),
        (".", "."),
        ("e5", "e5"),
        ("1e", "1e"),
        ("=", "="),
        ("nan", "nan"),
        ("yEs", "yEs"),
        ('"yes"', "yes"),
        ("'12'", "12"),
        ('""', ""),
        ("'null'", "null"),
        ('"a\\tb\\/\\u00e9"', "a\tb/é"),
        ('"\\ud83d\\ude00!"', "😀!"),
        ("'\\ud83d\\ude00'", "\\ud83d\\ude00"),
        ("x\\ud83d\\ude00", "x\\ud83d\\ude00"),
        ('"\\\\ud83d\\\\ude00"', "\\ud83d\\ude00"),
        ('"\\ufffe\\ufffe\\ud83d\\ude00"', "\ufffe\ufffe😀"),
        ('"\\U0000fffe\\ud83d\\ude00"', "\ufffe😀"),
    ],
)
def test_a_value_is_what_it_looks_like(written: str, value: object) -> None:
    """Decimal numbers, `true`, `false`, `null`; quoted text and dates are text."""
    found = at(tree_of(f"a: {written}"), ("a",))
    assert found is not None
    assert found.value == value
    assert type(found.value) is type(value)


TRAPS = """
y Y yes Yes YES n N no No NO on On ON off Off OFF True TRUE False FALSE Null NULL
12:30 08:00 1:30:00 -1:30 190:20:30.15 0123 -0123 089 00 0o17 0x1F 0b101 1_000 1_0.5 .inf -.Inf +.INF .nan .NaN
""".split()


@pytest.mark.parametrize("trap", TRAPS)
def test_what_yaml_readers_disagree_about_is_an_error_for_values_and_keys(trap: str) -> None:
    """YAML 1.1 (yaml.org/type: bool, int, float) and the YAML 1.2 core schema read each of these differently."""
    end = 4 + len(trap)
    assert errors_of(f"a: {trap}") == [f"ambiguous-scalar 1:4-1:{end}"]
    assert errors_of(f"{{{trap}: a}}")[0] == f"ambiguous-scalar 1:2-1:{end - 2}"
    assert value_of(f"a: '{trap}'\n'{trap}': 1") == {"a": trap, trap: 1}
    assert f'"{trap}"' in only_error(f"a: {trap}").help


@pytest.mark.parametrize(
    ("written", "proposed"),
    [
        ("yes", "`true`"),
        ("Off", "`false`"),
        ("NULL", "`null`"),
        ("0x1F", "`31`"),
        ("0o17", "`15`"),
        ("-0b101", "`-5`"),
        ("0123", "`123` (or 83, were it octal)"),
        ("089", "`89`"),
        ("1_000", "`1000`"),
    ],
)
def test_the_help_for_a_trap_shows_both_ways(written: str, proposed: str) -> None:
    assert only_error(f"a: {written}").help.startswith(f"write {proposed} if ")


@pytest.mark.parametrize(
    "number", ["9223372036854775808", "-9223372036854775809", "1e400", "-1e400", "1e-400", "9" * 5000, "0." + "1" * 99]
)
def test_a_number_that_does_not_fit_is_an_error_and_never_rounded(number: str) -> None:
    assert errors_of(f"a: {number}") == [f"number-out-of-range 1:4-1:{4 + len(number)}"]


ERRORS: list[tuple[str, list[str]]] = [
    # tabs
    ("a:\n\tb: 1", ["tab-indentation 2:1-2:2"]),
    ("a: b\n\t\tc: 1", ["tab-indentation 2:1-2:3"]),
    ("a:\n  b: 1\n\tc: 2", ["tab-indentation 3:1-3:2"]),
    ("a: |\n \t\n\tx", ["tab-indentation 2:2-2:3"]),
    # syntax
    ("a: b: c", ["syntax-error 1:5-1:6"]),
    ("a: @x", ["syntax-error 1:4-1:6"]),
    ("a: [*]", ["syntax-error 1:6-1:7"]),
    ('a: "b\nc: 1', ["syntax-error 1:4-1:6"]),
    ("a: [1, 2\n", ["syntax-error 1:4-1:5"]),
    ("a: [1}", ["syntax-error 1:6-1:7"]),
    ("a: [1,\n\n", ["syntax-error 1:4-1:5"]),
    ("a: {b: [1], c: 'd\n", ["syntax-error 1:16-1:18"]),
    (": a", ["syntax-error 1:1-1:2"]),
    ('a: "x" y', ["syntax-error 1:8-1:9"]),
    ("a:\n  b: 1\n c: 2", ["syntax-error 3:2-3:3"]),
    ("  a: 1\n b: 2", ["syntax-error 2:2-2:3"]),
    ("{} x", ["syntax-error 1:4-1:5"]),
    ('a: "\\q"', ["syntax-error 1:5-1:7"]),
    ('a: "\\ud83d"', ["syntax-error 1:5-1:11"]),
    # documents
    ("", ["empty-spec 1:1-1:1"]),
    ("# only\n", ["empty-spec 1:1-1:1"]),
    ("---\n", ["empty-spec 2:1-2:1"]),
    ("null", ["empty-spec 1:1-1:5"]),
    ("- a", ["not-a-map 1:1-1:2"]),
    ("hello", ["not-a-map 1:1-1:6"]),
    ("12", ["not-a-map 1:1-1:3"]),
    ("a: 1\n---\nb: 2", ["several-documents 2:1-2:4"]),
    ("a: 1\n...\n# c\nb: 2", ["several-documents 4:1-4:2"]),
    ("a: 1\n...\n%TAG ! x\n", ["several-documents 3:1-3:5"]),
    ("# c\n\n%YAML 1.2\n---\na: 1", ["directive-not-supported 3:1-3:10"]),
    ("a: 1\n%TAG ! x\n---\nb: 1", ["directive-not-supported 2:1-2:9"]),
    ("a: 1\n%TA", ["directive-not-supported 2:1-2:4"]),
    # keys
    ("a: 1\nb: 2\na: 3", ["duplicate-key 3:1-3:2"]),
    ('{a: 1, "a": 2, b: {c: 1, c: 2}}', ["duplicate-key 1:8-1:11", "duplicate-key 1:26-1:27"]),
    ("12: a", ["key-not-a-string 1:1-1:3"]),
    ("true: a", ["key-not-a-string 1:1-1:5"]),
    ("~: a", ["key-not-a-string 1:1-1:2"]),
    ("? \n: a", ["key-not-a-string 1:2-1:2"]),
    ("{[b]: a, c: 1}", ["key-not-a-string 1:2-1:3"]),
    ("? {b: 1}\n: {c: 1}\nd: 1", ["key-not-a-string 1:3-1:4"]),
    ("a: &x {b: 1}\n*x : 1", ["key-not-a-string 2:1-2:3"]),
    # tags
    ("a: !!str 5", ["tag-not-supported 1:4-1:9"]),
    ("a: ! 5", ["tag-not-supported 1:4-1:5"]),
    ("a: &x !t\n  b: 1", ["tag-not-supported 1:7-1:9"]),
    ("a: !e!x 1", ["tag-not-supported 1:4-1:8"]),
    ("!!map\na: 1", ["tag-not-supported 1:1-1:6"]),
    # anchors
    ("a: *b", ["unknown-alias 1:4-1:6"]),
    ("a: *b\nb: &b 1", ["unknown-alias 1:4-1:6"]),
    ("a: &x [1, *x]", ["alias-loop 1:11-1:13"]),
    ("&r\na: {b: *r}", ["alias-loop 2:8-2:10"]),
    ("a: &x {<<: *x}", ["alias-loop 1:12-1:14"]),
    ("a: &x 1\nb: &x 2", ["duplicate-anchor 2:4-2:6"]),
    ("a: {<<: 1}", ["merge-not-a-map 1:9-1:10"]),
    ("a: {<<: [{b: 1}, c]}", ["merge-not-a-map 1:9-1:20"]),
    ("a: {<<: }", ["merge-not-a-map 1:9-1:9"]),
    ("a: {<<: {b: 1}, <<: {c: 1}}", ["duplicate-key 1:17-1:19"]),
    # several independent mistakes, all at once and in order
    ("a: yes\nb: no\na: 1\n5: x", [
        "ambiguous-scalar 1:4-1:7", "ambiguous-scalar 2:4-2:6", "duplicate-key 3:1-3:2", "key-not-a-string 4:1-4:2",
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), ERRORS, ids=[repr(text) for text, _ in ERRORS])
def test_each_mistake_is_one_error_at_its_place(text: str, expected: list[str]) -> None:
    assert errors_of(text) == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"#" * (MOST_BYTES + 1), "file-too-large 1:1-1:1"),
        (b"\0" * (MOST_BYTES + 1), "file-too-large 1:1-1:1"),
        (b"\xef\xbb\xbfa: 1", "byte-order-mark 1:1-1:1"),
        ("a: 1".encode("utf-16"), "byte-order-mark 1:1-1:1"),
        ("a: 1".encode("utf-32"), "byte-order-mark 1:1-1:1"),
        (b"a: 1\n\xc3\xa9\xe9: 2", "invalid-utf8 2:2-2:3"),
        (b"a: \xed\xa0\x80", "invalid-utf8 1:4-1:5"),
        (b"a: 1\nb\0: 2", "nul-byte 2:2-2:3"),
        ("a: 1".encode("utf-16-le"), "nul-byte 1:2-1:3"),
        (b"a: \x1b[31m", "control-character 1:4-1:5"),
        (b"a: x\x7f", "control-character 1:5-1:6"),
        ("a: x\u2028b: y".encode(), "control-character 1:5-1:6"),
        ("a: \ufeffx".encode(), "control-character 1:4-1:5"),
    ],
)
def test_bytes_that_are_no_text_are_one_error(data: bytes, expected: str) -> None:
    assert errors_of(data) == [expected]


def test_the_largest_file_is_read() -> None:
    data = b"a: 1 #" + b"x" * (MOST_BYTES - 6)
    assert read(data, "spec.yaml")[0] is not None


def test_an_invalid_byte_is_named_with_its_offset() -> None:
    _, found = read(b"a: 1\n\xc3\xa9\xe9: 2", "spec.yaml")
    assert found[0].message == "byte 0xe9 at offset 7 is not UTF-8"


def test_a_duplicate_key_marks_the_first_too() -> None:
    found = only_error("serving:\n  a: 1\n  a: 2\n")
    assert found.path == "serving.a"
    assert [str(label.span) for label in found.related] == ["spec.yaml:2:3"]


def test_what_was_never_closed_is_marked_where_it_begins() -> None:
    """The end of the file explains nothing."""
    assert only_error("a: 1\nb: {c: [1,\n\n\n").span == Span("spec.yaml", 2, 8, 2, 9)


def test_a_syntax_error_marks_the_map_that_it_does_not_fit() -> None:
    found = only_error("a:\n  b: 1\n c: 2")
    assert [(str(label.span), label.text) for label in found.related] == [("spec.yaml:1:1", "the map begins here")]


def test_an_unknown_alias_says_which_anchor_may_be_meant() -> None:
    assert only_error("a: &server 1\nb: *sever").help.startswith("did you mean `server`?")


def test_messages_quote_nothing_that_a_terminal_would_obey_and_nothing_long() -> None:
    found = only_error('"\\e[31m' + "x" * 900 + '": 1\n"\\e[31m' + "x" * 900 + '": 2')
    assert found.message.isprintable()
    assert len(found.message) < 120


def test_an_alias_is_the_same_value_with_the_place_where_it_is_written() -> None:
    tree = tree_of("a: &x {b: 1}\nc: *x\nd: [*x]")
    assert plain(tree) == {"a": {"b": 1}, "c": {"b": 1}, "d": [{"b": 1}]}
    assert at(tree, ("c",)) is at(tree, ("a",))
    assert at(tree, ("d", 0)) is at(tree, ("a",))


def test_an_alias_can_be_a_key() -> None:
    tree = tree_of("a: &x name\n*x : 1\n&k b: 2\nc: *k")
    assert plain(tree) == {"a": "name", "name": 1, "b": 2, "c": "b"}
    assert tree.members["name"].key == Span("spec.yaml", 2, 1, 2, 3)


def test_written_keys_win_over_merged_ones_and_earlier_maps_over_later() -> None:
    """The rules of yaml.org/type/merge.html, whatever the order of the keys."""
    text = "a: &a {p: 1, q: 1}\nb: &b {q: 2, r: 2}\nc: {p: 0, <<: [*a, *b]}\nd: {<<: *b, r: 0}\ne: {<<: {s: 3}}"
    tree = tree_of(text)
    value = plain(tree)
    assert value["c"] == {"p": 0, "q": 1, "r": 2}
    assert value["d"] == {"q": 2, "r": 0}
    assert value["e"] == {"s": 3}
    assert value == yaml.safe_load(text)
    merged = at(tree, ("c", "r"))
    assert merged is at(tree, ("b", "r"))
    assert tree.members["c"].tree.members["r"].key == Span("spec.yaml", 2, 14, 2, 15)


def test_a_merge_key_in_quotes_is_a_name() -> None:
    assert value_of('"<<": {a: 1}') == {"<<": {"a": 1}}


def nested(levels: int) -> str:
    return "a: " + "[" * (levels - 1) + "]" * (levels - 1)


def test_64_levels_are_read_and_65_are_not() -> None:
    assert tree_of(nested(64)).members
    assert errors_of(nested(65)) == ["nesting-too-deep 1:67-1:68"]


def test_levels_count_through_aliases() -> None:
    """60 levels in an anchor, used 10 levels deep, are 70."""
    text = "a: &a " + "[" * 60 + "]" * 60 + "\nb: " + "[" * 9 + "*a" + "]" * 9
    assert errors_of(text) == ["nesting-too-deep 2:13-2:15"]


def test_exploding_aliases_are_counted_and_not_built() -> None:
    """Nine to the power of 60 values: only counting answers at all."""
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 60)]
    found = only_error("\n".join(rows))
    assert found.code == "alias-explosion"
    # 10 values in a0; 91 in a1, 820 in a2, 7381 in a3 by s(i) = 9 s(i-1) + 1; a4 has 66,430: over 50,000
    assert found.span.line == 5


def test_merging_is_counted_too() -> None:
    """1,000 maps that merge 1,000 entries each would be a million."""
    big = "big: &big {" + ", ".join(f"k{i}: 1" for i in range(1000)) + "}\n"
    assert only_error(big + "".join(f"m{i}: {{<<: *big}}\n" for i in range(1000))).code == "alias-explosion"


def test_too_many_values_is_an_error() -> None:
    assert tree_of("a: [" + "x," * 49_997 + "]").members  # the map, the key, the list: 50,000
    assert only_error("a: [" + "x," * 49_998 + "]").code == "too-many-values"


def test_reading_stops_after_fifty_errors() -> None:
    assert len(errors_of("a: [" + "yes," * 5000 + "]")) == compose.MOST_FOUND


HOSTILE = {
    "lists": "[",
    "maps": "{",
    "keys": "? ",
    "entries": "- ",
    "values": "a: ",
    "anchors": "&a ",
    "tags": "! ",
    "directives": "%TAG !a! x\n",
    "aliases": "*a : ",
    "documents": "---\n",
    "colons": ":",
    "key lines": "?\n",
    "entry lines": "-\n",
    "brackets": "[],",
}


@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("before", ["", "a: ", "{a: [", "a:\n- &a b\n"])
def test_a_megabyte_of_anything_gives_few_errors(piece: str, before: str) -> None:
    """Reading stops at the first error of syntax or at a limit, long before the text ends."""
    text = before + piece * ((MOST_BYTES - len(before)) // len(piece))
    tree, found = read(text.encode(), "spec.yaml")
    assert tree is None
    assert 1 <= len(found) <= compose.MOST_FOUND


def test_the_parser_in_python_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the C extension is missing PyYAML's own parser takes its place: same values, same codes."""
    text = "a: &x {b: [1, 'c']}\nd: |\n  text\ne: *x\n"
    by_c = tree_of(text)
    cases = [text for text, expected in ERRORS if expected[0].split()[0] not in ("syntax-error", "tag-not-supported")]
    codes = [[error.split()[0] for error in errors_of(case)] for case in cases]
    monkeypatch.setattr(compose, "LOADER", yaml.SafeLoader)
    assert tree_of(text) == by_c
    assert [[error.split()[0] for error in errors_of(case)] for case in cases] == codes


def assert_spans_are_inside(text: str, tree: Tree) -> None:
    """Every span lies in the text in order, and marks an unquoted scalar exactly."""
    lines = len(text.splitlines()) + 1
    todo = [tree]
    while todo:
        current = todo.pop()
        spans = [current.span, *(member.key for member in current.members.values())]
        for span in spans:
            assert 1 <= span.line <= span.end_line <= lines
            assert (span.line, span.column) <= (span.end_line, span.end_column)
            assert span.column >= 1
        characters = marked(text, current.span)
        if isinstance(current.value, str) and characters[:1] not in ("'", '"', "|", ">"):
            assert " ".join(characters.split()) == " ".join(current.value.split())
        todo += [member.tree for member in current.members.values()]
        todo += list(current.value) if isinstance(current.value, tuple) else []


def assert_sound(data: bytes) -> None:
    """Reading gives a tree or errors, never both, and everything is at a place in the text."""
    tree, found = read(data, "spec.yaml")
    assert (tree is None) == bool(found)
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    lines = re.split("\r\n|\r|\n", text)
    for diagnostic in found:
        for span in (diagnostic.span, *(label.span for label in diagnostic.related)):
            assert (1, 1) <= (span.line, span.column) <= (span.end_line, span.end_column)
            assert span.end_line <= len(lines)
            assert span.end_column <= len(lines[span.end_line - 1]) + 1 + (diagnostic.code == "invalid-utf8")
        assert (EXPLAIN / f"{diagnostic.code}.md").is_file()
        assert diagnostic.message.isprintable()
    if tree is not None:
        assert_spans_are_inside(text, tree)


@given(st.binary(max_size=200))
def test_any_bytes_give_a_tree_or_errors(data: bytes) -> None:
    assert_sound(data)


@given(st.text(max_size=100))
def test_any_text_gives_a_tree_or_errors(text: str) -> None:
    assert_sound(text.encode(errors="surrogatepass"))


@given(yaml_like_texts())
def test_anything_like_yaml_gives_a_tree_or_errors(text: str) -> None:
    assert_sound(text.encode())


@given(json_texts())
def test_json_is_read_as_json(case: tuple[dict[str, object], str]) -> None:
    """What `json.dumps` writes, surrogate pairs included, is read back as the same value."""
    value, text = case
    assert value_of(text) == value


class QuotedText(yaml.SafeDumper):
    """Writes every text in quotes or as a block: PyYAML itself leaves `n`, `0o17` and `08:00` bare."""


QuotedText.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="\"'|>"[len(text) % 4]),
)


@given(json_maps(), st.sampled_from([True, False]))
def test_what_yaml_writes_is_read_back(value: dict[str, object], flow: bool) -> None:
    """Its numbers and words are decimal and lower case."""
    text = yaml.dump(value, Dumper=QuotedText, sort_keys=False, default_flow_style=flow)
    assert value_of(text) == value


def pages() -> list[Path]:
    source = "".join((EXPLAIN.parent / f"{name}.py").read_text() for name in ("source", "compose", "syntax", "scalars"))
    return [page for page in sorted(EXPLAIN.glob("*.md")) if f'"{page.stem}"' in source]


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.stem)
def test_a_page_has_an_example_that_triggers_it_and_one_that_does_not(page: Path, tmp_path: Path) -> None:
    """The example of a byte that no page can show is a command that writes the file."""
    text = page.read_text()
    assert text.startswith(f"# {page.stem}\n")
    assert re.findall("^## (.*)$", text, re.M) == ["What it means", "Why", "Example", "Instead"]
    assert len(text.splitlines()) <= 60
    (language, example), (instead_language, instead) = re.findall(r"^```(\w+)\n(.*?)^```$", text, re.M | re.S)
    if language == "sh":
        subprocess.run(["sh", "-c", example], cwd=tmp_path, check=True)
        data = (tmp_path / "spec.yaml").read_bytes()
    else:
        data = example.encode()
    assert {found.code for found in read(data, "spec.yaml")[1]} == {page.stem}
    assert instead_language == "yaml"
    assert tree_of(instead).members


def test_every_code_of_the_reader_has_a_page() -> None:
    assert {page.stem for page in pages()} == {
        "alias-explosion", "alias-loop", "ambiguous-scalar", "byte-order-mark", "control-character",
        "directive-not-supported", "duplicate-anchor", "duplicate-key", "empty-spec", "file-too-large", "invalid-utf8",
        "key-not-a-string", "merge-not-a-map", "nesting-too-deep", "not-a-map", "nul-byte", "number-out-of-range",
        "several-documents", "syntax-error", "tab-indentation", "tag-not-supported", "too-many-values", "unknown-alias",
    }  # fmt: skip
