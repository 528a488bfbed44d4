"""Predictions as CSV: a line for each image and rank."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from trainables.predict import predict


def write_predictions(folder: Path, paths: Sequence[str], *, top: int, file: TextIO) -> bool:
    """Writes file, rank, class and probability; tells unreadable images on stderr. True where all could be read.

    Raises:
        InputError: ``folder`` is not what retrain wrote.
    """
    writer = csv.writer(file)
    writer.writerow(("file", "rank", "class", "probability"))
    all_read = True
    for prediction in predict(folder, paths, top=top):
        if prediction.error:
            all_read = False
            print(f"{prediction.path}: {prediction.error}", file=sys.stderr)
        for rank, (name, probability) in enumerate(prediction.ranking, start=1):
            writer.writerow((prediction.path, rank, name, f"{probability:.6f}"))
    return all_read
