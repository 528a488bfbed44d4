"""Lists of image names, as other programs write them."""

from __future__ import annotations

import os
from io import BytesIO, TextIOWrapper

import pytest

from search.cli.predictions import read_names
from search.console.terminal import write_anyway


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (b"", []),
        (b"a b.png\nc,d.png\n", ["a b.png", "c,d.png"]),
        (b"a.png\n\nb.png", ["a.png", "b.png"]),
        (b"a.png\r\nb.png\r\n", ["a.png", "b.png"]),
        (b"two\nlines.png\0b.png\0", ["two\nlines.png", "b.png"]),
        (b"gr\xfcn.png\n", [os.fsdecode(b"gr\xfcn.png")]),
    ],
    ids=["none", "spaces and commas", "an empty line", "Windows", "NUL", "not UTF-8"],
)
def test_a_list_of_names_is_read_as_it_was_meant(given: bytes, names: list[str]) -> None:
    assert list(read_names(BytesIO(given))) == names


def test_a_list_longer_than_what_is_read_at_once_keeps_every_name() -> None:
    names = [f"{number:06}.png" for number in range(20_000)]
    assert list(read_names(BytesIO("\n".join(names).encode()))) == names


def test_names_are_taken_as_they_come() -> None:
    class Slow(BytesIO):
        pieces = iter([b"a.png\nb.p", b"ng\n"])

        def read1(self, size: int | None = -1) -> bytes:
            return next(self.pieces)  # and no more: a third call fails

    names = read_names(Slow())
    assert [next(names), next(names)] == ["a.png", "b.png"]


@pytest.mark.parametrize(
    ("encoding", "written"),
    [
        ("ascii", b"caf\xe9 \\xe9 \\u4e2d \\ud800"),
        ("latin-1", b"caf\xe9 \xe9 \\u4e2d \\ud800"),
        ("utf-8", b"caf\xe9 \xc3\xa9 \xe4\xb8\xad \\ud800"),
    ],
)
def test_a_stream_of_any_encoding_takes_every_name(encoding: str, written: bytes) -> None:
    raw = BytesIO()
    stream = TextIOWrapper(raw, encoding=encoding)
    write_anyway(stream)
    stream.write("caf\udce9 é 中 \ud800")
    stream.flush()
    assert raw.getvalue() == written
