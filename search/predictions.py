"""Predictions as CSV: a line for each image and rank."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import TextIO

from trainables.predict import predict


def write_predictions(folder: Path, paths: Sequence[str], *, top: int, file: TextIO) -> bool:
    """Writes file, rank, class and probability; tells unreadable images on stderr. True where all could be read.

    Raises:
        InputError: ``folder`` is not what retrain wrote.
    """
    writer = csv.writer(file)
    predictions = predict(folder, paths, top=top)
    first = next(predictions, None)  # a wrong folder shows here, before the header is out
    writer.writerow(("file", "rank", "class", "probability"))
    all_read = True
    for prediction in chain([first] if first else [], predictions):
        if prediction.error:
            all_read = False
            print(f"{prediction.path}: {prediction.error}", file=sys.stderr)
        for rank, (name, probability) in enumerate(prediction.ranking, start=1):
            writer.writerow((prediction.path, rank, name, f"{probability:.6f}"))
    return all_read
