"""The pairs of classes that a model confuses most, with example images."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from spaces.printable import encodable
from trainables.dataset import AnyImages, PixelArray

PAIRS = 10
"""At most this many pairs,"""
EXAMPLES = 3
"""with at most this many images each."""
SIDE_PX = 128
"""Larger images are scaled down to this size."""
FOLDER = "mistakes"
COLUMNS = ("true", "predicted", "probability", "image", "file")


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """A test image that was assigned to a wrong class."""

    true: int
    predicted: int
    probability: float
    """Of the predicted class."""
    position: int
    """Position of the image in the test split."""
    file: str
    """Path of its picture, relative to the output folder."""


def worst_mistakes(probabilities: NDArray[np.floating], labels: NDArray[np.integer]) -> list[Mistake]:
    """Return images of the most confused pairs, most frequent pair first, most confident mistakes first.

    Shapes: ``probabilities`` (n, classes), ``labels`` (n,). A pair is a true and a predicted class, in this order.
    """
    predicted = probabilities.argmax(axis=1)
    confidence = probabilities[np.arange(len(labels)), predicted]
    wrong = pd.DataFrame({"true": labels, "predicted": predicted, "probability": confidence})[predicted != labels]
    wrong = wrong.sort_values("probability", ascending=False, kind="stable")
    pairs = [(key, of_pair) for key, of_pair in wrong.groupby(["true", "predicted"])]
    pairs.sort(key=lambda pair: -len(pair[1]))  # stable: among equally frequent pairs, the lower class comes first
    return [
        Mistake(
            true=int(true),
            predicted=int(predicted_class),
            probability=float(probability),
            position=int(position),
            file=f"{FOLDER}/{number:02}-{example}.png",
        )
        for number, ((true, predicted_class), of_pair) in enumerate(pairs[:PAIRS], start=1)
        for example, (position, probability) in enumerate(of_pair["probability"].head(EXAMPLES).items(), start=1)
    ]


def mistakes_table(
    mistakes: Iterable[Mistake], *, class_names: Sequence[str], image: Callable[[int], str]
) -> pd.DataFrame:
    """Return mistakes.csv: true, predicted, probability, image (its name in the data set), file (its picture)."""
    names = list(map(encodable, class_names))
    rows = [
        (names[each.true], names[each.predicted], each.probability, encodable(image(each.position)), each.file)
        for each in mistakes
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def write_pictures(folder: Path, mistakes: Sequence[Mistake], test: AnyImages) -> None:
    """Write each image, as the model saw it, to its file in ``folder``."""
    if not mistakes:
        return
    (folder / FOLDER).mkdir()
    pixels = test.read(np.asarray([each.position for each in mistakes], dtype=np.int64))
    for each, image in zip(mistakes, pixels, strict=True):
        picture(image).save(folder / each.file)


def picture(pixels: PixelArray) -> Image.Image:
    """Convert pixels, uint8 (height, width, 1 or 3), to an image of at most `SIDE_PX` per side."""
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    image.thumbnail((SIDE_PX, SIDE_PX))
    return image
