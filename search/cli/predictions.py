"""Write predictions as CSV: one line per image and rank."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from io import BufferedIOBase
from itertools import chain
from pathlib import Path
from typing import BinaryIO, TextIO

from search.console.terminal import write_anyway
from spaces.printable import printable
from trainables.retrain.predict import predict
from trainables.spreadsheet import csv_row


def read_names(names: BinaryIO) -> Iterator[str]:
    """Yield the file names in a list as they arrive: one per line, or NUL-terminated (``find -print0``).

    Empty lines are skipped. Names need not be UTF-8.
    """
    rest, end = b"", b""
    while chunk := names.read1(65536) if isinstance(names, BufferedIOBase) else names.read(65536):
        end = end or (b"\0" if b"\0" in chunk else b"\n" if b"\n" in chunk else b"")
        *whole, rest = (rest + chunk).split(end) if end else [rest + chunk]
        yield from (name for each in whole if (name := decode_name(each, end)))
    if name := decode_name(rest, end):
        yield name


def decode_name(line: bytes, end: bytes) -> str:
    """Return the file name on a line, without the carriage return of lists from Windows."""
    return os.fsdecode(line if end == b"\0" else line.rstrip(b"\r\n"))


def write_predictions(folder: Path, paths: Iterable[str], *, top: int, file: TextIO) -> bool:
    """Write file, rank, class and probability, and errors to stderr; return whether every image could be read.

    Names are made `printable` for a terminal; programs get them unchanged, except for spreadsheet formulas.

    Raises:
        InputError: ``folder`` was not written by retrain.
    """
    write_anyway(file)
    shown = printable if file.isatty() else str
    predictions = predict(folder, paths, top=top, log=lambda message: print(printable(message), file=sys.stderr))
    first = next(predictions, None)  # a wrong folder is reported here, before the header is written
    file.write(csv_row(("file", "rank", "class", "probability")))
    all_read = True
    for prediction in chain([first] if first else [], predictions):
        if prediction.error:
            all_read = False
            print(printable(f"{prediction.path}: {prediction.error}"), file=sys.stderr)
        for rank, (name, probability) in enumerate(prediction.ranking, start=1):
            file.write(csv_row((shown(str(prediction.path)), rank, shown(name), f"{probability:.6f}")))
    return all_read
