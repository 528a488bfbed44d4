"""What a model takes for what: the pairs of classes that it confuses most, with images to look at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from trainables.dataset import AnyImages, PixelArray

PAIRS = 10
"""No more pairs than this,"""
EXAMPLES = 3
"""and of each no more images than this."""
SIDE_PX = 128
"""Larger images are shrunk to fit."""
FOLDER = "mistakes"
COLUMNS = ("true", "predicted", "probability", "image", "file")


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """A test image of a class that was taken for another."""

    true: int
    predicted: int
    probability: float
    """Of the predicted class."""
    position: int
    """Of the image in the test part."""
    file: str
    """Where a picture of it is written, from the output folder on."""


def worst_mistakes(probabilities: NDArray[np.floating], labels: NDArray[np.integer]) -> list[Mistake]:
    """Images of the most confused pairs, the most frequent pair first; of each the surest mistakes first.

    Shapes: ``probabilities`` (n, classes), ``labels`` (n,). A pair is a true and a predicted class; the other way
    round it is another one.
    """
    predicted = probabilities.argmax(axis=1)
    surest = probabilities[np.arange(len(labels)), predicted]
    wrong = pd.DataFrame({"true": labels, "predicted": predicted, "probability": surest})[predicted != labels]
    wrong = wrong.sort_values("probability", ascending=False, kind="stable")
    pairs = [(key, of_pair) for key, of_pair in wrong.groupby(["true", "predicted"])]
    pairs.sort(key=lambda pair: -len(pair[1]))  # stable: of pairs as frequent, that of the first class comes first
    return [
        Mistake(
            true=int(true),
            predicted=int(taken_for),
            probability=float(probability),
            position=int(position),
            file=f"{FOLDER}/{number:02}-{example}.png",
        )
        for number, ((true, taken_for), of_pair) in enumerate(pairs[:PAIRS], start=1)
        for example, (position, probability) in enumerate(of_pair["probability"].head(EXAMPLES).items(), start=1)
    ]


def mistakes_table(
    mistakes: Iterable[Mistake], *, class_names: Sequence[str], image: Callable[[int], str]
) -> pd.DataFrame:
    """mistakes.csv: true, predicted, probability, image (what a person calls it), file (its picture)."""
    rows = [
        (class_names[each.true], class_names[each.predicted], each.probability, image(each.position), each.file)
        for each in mistakes
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def write_pictures(folder: Path, mistakes: Sequence[Mistake], test: AnyImages) -> None:
    """Writes each image, as the model saw it, to its file below ``folder``."""
    if not mistakes:
        return
    (folder / FOLDER).mkdir()
    pixels = test.read(np.asarray([each.position for each in mistakes], dtype=np.int64))
    for each, image in zip(mistakes, pixels, strict=True):
        picture(image).save(folder / each.file)


def picture(pixels: PixelArray) -> Image.Image:
    """Pixels, uint8 (height, width, 1 or 3), as an image of at most `SIDE_PX` a side."""
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    image.thumbnail((SIDE_PX, SIDE_PX))
    return image
