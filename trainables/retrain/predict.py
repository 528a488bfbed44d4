"""Classify image files with a retrained model, using only the folder that `retrain` wrote."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated, Literal

import keras
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from spaces.config.settings import SidePx
from spaces.file.content import content_of
from spaces.problem import InputError, Problem
from trainables.sources.image import is_hidden, is_picture, read_images
from trainables.sources.location import check_exists
from trainables.sources.part import first_few

MODEL_FILE = "model.keras"
PREPROCESSING_FILE = "preprocessing.json"
MOST_BYTES = 50_000_000
"""Class names take the most of preprocessing.json."""
BATCH = 32
"""Number of images decoded and classified at a time."""


class Preprocessing(BaseModel):
    """How to turn an image into the model's input, and its output into a class: `preprocessing.json`."""

    model_config = ConfigDict(frozen=True, strict=True)

    image_size: tuple[SidePx, SidePx]
    """Height and width in pixels."""
    channels: Literal[1, 3]
    """1 for greyscale, 3 for RGB."""
    class_names: Annotated[tuple[str, ...], Field(min_length=2)]
    """In the order of the model's outputs."""


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """The most probable classes of one image with their probabilities, best first — or an error."""

    path: Path
    ranking: tuple[tuple[str, float], ...] = ()
    error: str | None = None


def predict(
    folder: str | os.PathLike[str],
    paths: Iterable[str | os.PathLike[str]],
    *,
    top: int = 1,
    log: Callable[[str], None] = lambda message: None,
) -> Iterator[Prediction]:
    """Classify each path; for a folder, all images below it, sorted by name.

    An unreadable image yields a prediction with an error; the others are still classified. ``paths`` is consumed
    lazily, in batches of 32. ``top``, at least 1, is the number of classes to rank for each image. ``log`` is called
    with a message that names the files of a folder that are not images.

    Raises:
        InputError: the folder is missing or was not written by `retrain`; raised before the first prediction.
    """
    if top < 1:
        raise ValueError(f"top must be at least 1; got {top}")
    directory = check_exists(os.fspath(folder), folder=True, where=())
    preprocessing = read_preprocessing(directory)
    model = read_model(directory, len(preprocessing.class_names))
    return predictions(model, preprocessing, (file for path in paths for file in image_files(Path(path), log)), top)


def predictions(
    model: keras.Model, preprocessing: Preprocessing, files: Iterator[Path], top: int
) -> Iterator[Prediction]:
    """Yield a prediction for each file, in order."""
    height, width = preprocessing.image_size
    while batch := list(islice(files, BATCH)):
        pixels, failed = read_images(batch, height=height, width=width, channels=preprocessing.channels)
        good = [position for position in range(len(batch)) if position not in failed]
        rows = iter(model.predict_on_batch(pixels[good])) if good else iter(())
        for position, path in enumerate(batch):
            if position in failed:
                yield Prediction(path=path, error=failed[position])
            else:
                yield Prediction(path=path, ranking=ranked(next(rows), preprocessing.class_names, top))


def ranked(probabilities: NDArray[np.floating], names: tuple[str, ...], top: int) -> tuple[tuple[str, float], ...]:
    """Return the ``top`` most probable classes of one image, shape (classes,); ties keep the order of the classes."""
    order = np.argsort(-probabilities, kind="stable")[:top]
    return tuple((names[number], float(probabilities[number])) for number in order)


def image_files(path: Path, log: Callable[[str], None]) -> Iterator[Path]:
    """Yield the path itself or, for a folder, the image files below it, by extension or content, except hidden ones.

    A folder without images is yielded itself, to be reported as an error. All other files are counted in a message.
    """
    if not os.path.isdir(path) or is_closed(path):  # noqa: PTH112  unlike Path.is_dir, it raises for no name
        yield path
        return
    images: list[Path] = []
    others, hidden = [], 0
    for file in below(path):
        if is_hidden(file):
            hidden += 1
        elif is_picture(file) or is_closed(file):
            images.append(file)
        else:
            others.append(file)
    if others:
        names = first_few([file.relative_to(path).as_posix() for file in others])
        log(f"{path}: files that are not images are left out, {names}")
    if hidden:
        log(f"{path}: hidden files: {hidden}")
    yield from images or [path]


def below(folder: Path, above: frozenset[str] = frozenset()) -> Iterator[Path]:
    """Yield the files below a folder, sorted by name within each folder; of a hidden folder, only its own path.

    So is a folder that cannot be listed, or that is a link to one of those ``above`` it.
    """
    inside = above | {os.path.realpath(folder)}
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not (is_hidden(path) or is_closed(path) or os.path.realpath(path) in inside):
            yield from below(path, inside)
        else:
            yield path


def is_closed(path: Path) -> bool:
    """Whether a path is a folder whose files this user may not see."""
    return path.is_dir() and not os.access(path, os.R_OK | os.X_OK)


def read_preprocessing(folder: Path) -> Preprocessing:
    """Read `preprocessing.json`.

    Raises:
        InputError: the file is missing or invalid.
    """
    path = folder / PREPROCESSING_FILE
    if not os.path.lexists(path):
        raise not_retrained(folder, f"must contain {PREPROCESSING_FILE}", "no such file")
    try:
        # Not pydantic's own parser, which refuses class names that are not UTF-8.
        content = json.loads(content_of(path, most_bytes=MOST_BYTES))
        pairs = content.items() if isinstance(content, dict) else ()
        return Preprocessing.model_validate(
            {key: tuple(each) if isinstance(each, list) else each for key, each in pairs}
        )
    except ValidationError as error:
        first = error.errors()[0]
        given = ".".join(str(part) for part in first["loc"]) + f": {first['msg']}"
        raise not_retrained(path, "must have image_size, channels and class_names", given.removeprefix(": ")) from error
    except (ValueError, RecursionError) as error:
        raise not_retrained(path, "must have image_size, channels and class_names", f"no JSON: {error}") from error


def read_model(folder: Path, classes: int) -> keras.Model:
    """Load the model, which maps pixels, 0–255, of shape (n, height, width, channels) to probabilities (n, classes).

    Raises:
        InputError: the file is missing or damaged, or the model has a different number of outputs.
    """
    path = folder / MODEL_FILE
    if not path.is_file():
        raise not_retrained(folder, f"must contain {MODEL_FILE}", "no such file")
    try:
        model = keras.saving.load_model(path, compile=False)
    except (OSError, ValueError, TypeError, KeyError) as error:
        given = str(error).strip().split("\n")[0] or type(error).__name__
        raise not_retrained(path, "must be an intact Keras model", given) from error
    if model.output_shape[-1] != classes:
        given = f"{model.output_shape[-1]} outputs for {classes} class names"
        raise not_retrained(folder, f"must contain a model and a {PREPROCESSING_FILE} that match", given)
    return model


def not_retrained(path: Path, rule: str, given: str) -> InputError:
    """Return the error for a folder that `retrain` did not write, or not completely."""
    problem = Problem(rule=rule, given=given, remedy="give a folder written by `tunehound retrain`, or retrain")
    return InputError([problem], str(path))
