"""YAML is read as plain data with line numbers, or refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from spaces.file.document import header_remark, mark_of, parse_value, read_document, read_yaml
from spaces.problem import InputError


def test_data_are_plain_and_every_value_has_its_line(write) -> None:
    document = read_document(write("a: 1\nb:\n  c: [x, 2.5]\n  d: null\n"))
    assert document.data == {"a": 1, "b": {"c": ("x", 2.5), "d": None}}
    assert document.marks[("b", "c")] == 3
    assert document.marks[("b", "c", 1)] == 3
    assert mark_of(document, ("b", "missing", "below")) == 2


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4),
        ("1.0e-6", 1e-6),
        ("no", "no"),
        ("off", "off"),
        ("false", False),
        ("~", None),
        ("", None),
        ("2020-01-01", "2020-01-01"),
        ("'3'", "3"),
        ("0x1F", 31),
        ("[1, [2, true]]", (1, (2, True))),
        ("{a: {b: 1}}", {"a": {"b": 1}}),
        ("&x [1]", (1,)),
    ],
)
def test_values_are_those_of_yaml_1_2(text, value) -> None:
    assert parse_value(text, "here") == value
    assert type(parse_value(text, "here")) is type(value)


def test_an_alias_repeats_a_value(write) -> None:
    assert read_yaml(write("a: &x {b: 1}\nc: *x\n")) == {"a": {"b": 1}, "c": {"b": 1}}


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        (b"", 1, "empty"),
        (b"# only a comment\n", 1, "empty"),
        (b"- 1\n- 2\n", 1, "must be a mapping"),
        (b"text\n", 1, "must be a mapping"),
        (b"a: 1\nb: \xff\n", 2, "UTF-8"),
        (b"a: 1\n---\nb: 2\n", 2, "not valid YAML"),
        (b"a: &x [*x]\n", None, "levels deep"),
        (b"a: " + b"[" * 100 + b"]" * 100, None, "levels deep"),
        (b"a: " + b"[" * 1_000, None, "not valid YAML|levels deep"),
        (b"a: !!set {x}\n", 1, "tag"),
        (b"a: !!binary aGVsbG8=\n", 1, "tag"),
        (b"a: !!int '3'\n", 1, "tag"),
        (b"a: !!python/object/apply:os.system [exit]\n", 1, "tag"),
        (b"a: 1\n\n? {b: 1}\n: 2\n", 3, "key must be text"),
        (b"true: 1\n", 1, "key must be text"),
        (b"a: " + b"9" * 5000, 1, "300 digits at most; got “9+…, 5,000 characters"),
        (b"a: 1\nb: 0x" + b"f" * 5000, 2, "300 digits at most"),
        (b"a: -0b" + b"1" * 5000, 1, "300 digits at most"),
        (b"a: [" + b"x," * 200_000 + b"x]\n", None, "50,000 values at most"),
    ],
)
def test_what_is_no_plain_mapping_is_refused(write, content, line, words) -> None:
    with pytest.raises(InputError, match=words) as caught:
        read_document(write(content))
    assert caught.value.problems[0].line == line


def test_aliases_that_multiply_are_refused(write) -> None:
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 8)}]" for i in range(1, 9)]
    with pytest.raises(InputError):
        read_document(write("\n".join(lines)))


def test_a_file_that_is_not_there_a_folder_and_an_impossible_name_are_refused(tmp_path) -> None:
    for path, words in [(tmp_path / "none.yaml", "no such file"), (tmp_path, "folder"), ("a\0b", "cannot be read")]:
        with pytest.raises(InputError, match=words):
            read_document(path)


def test_a_byte_order_mark_is_no_part_of_the_text(write) -> None:
    assert read_yaml(write(b"\xef\xbb\xbfa: 1\n")) == {"a": 1}


def test_a_remark_is_read_from_the_head_of_a_file_over_its_lines(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(
        "# Photos.\n#\n# Time: an hour.\n# By hand: 0.82 test accuracy,\n# after days.\n# Note: x\ntrial: {}\n"
    )
    assert header_remark(file, "By hand") == "0.82 test accuracy, after days."
    assert header_remark(file, "Never") is None
