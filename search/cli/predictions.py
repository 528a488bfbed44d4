"""Predictions as CSV: a line for each image and rank."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from io import BufferedIOBase, TextIOWrapper
from itertools import chain
from pathlib import Path
from typing import BinaryIO, TextIO

from spaces.printable import printable
from trainables.retrain.predict import predict
from trainables.spreadsheet import csv_row


def listed(names: BinaryIO) -> Iterator[str]:
    """The names in a list, as they come: one a line, or each ended by a NUL (``find -print0``) where there is one.

    Empty lines name nothing. A name need not be UTF-8.
    """
    rest, end = b"", b""
    while chunk := names.read1(65536) if isinstance(names, BufferedIOBase) else names.read(65536):
        end = end or (b"\0" if b"\0" in chunk else b"\n" if b"\n" in chunk else b"")
        *whole, rest = (rest + chunk).split(end) if end else [rest + chunk]
        yield from (name for each in whole if (name := named(each, end)))
    if name := named(rest, end):
        yield name


def named(line: bytes, end: bytes) -> str:
    """The file name of a line; lists from Windows end theirs with a carriage return."""
    return os.fsdecode(line if end == b"\0" else line.rstrip(b"\r\n"))


def write_predictions(folder: Path, paths: Iterable[str], *, top: int, file: TextIO) -> bool:
    """Writes file, rank, class and probability; tells unreadable images on stderr. True where all could be read.

    A terminal is shown names that are `printable`; a program gets them as they are, but for what is a formula.

    Raises:
        InputError: ``folder`` is not what retrain wrote.
    """
    if isinstance(file, TextIOWrapper):
        file.reconfigure(errors="surrogateescape")  # names that are not UTF-8 are written as they are
    shown = printable if file.isatty() else str
    predictions = predict(folder, paths, top=top)
    first = next(predictions, None)  # a wrong folder shows here, before the header is out
    file.write(csv_row(("file", "rank", "class", "probability")))
    all_read = True
    for prediction in chain([first] if first else [], predictions):
        if prediction.error:
            all_read = False
            print(printable(f"{prediction.path}: {prediction.error}"), file=sys.stderr)
        for rank, (name, probability) in enumerate(prediction.ranking, start=1):
            file.write(csv_row((shown(str(prediction.path)), rank, shown(name), f"{probability:.6f}")))
    return all_read
