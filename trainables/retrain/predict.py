"""Classifies image files with a retrained model; reads only what `retrain` wrote into a folder."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated, Literal

import keras
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError

from spaces.problem import InputError, Problem
from trainables.sources.image import is_hidden, is_image_name, read_images
from trainables.sources.location import existing

MODEL_FILE = "model.keras"
PREPROCESSING_FILE = "preprocessing.json"
BATCH = 32
"""Images decoded and classified at a time."""


class Preprocessing(BaseModel):
    """What turns an image file into the model's input and its output into a class: `preprocessing.json`."""

    model_config = ConfigDict(frozen=True, strict=True)

    image_size: tuple[PositiveInt, PositiveInt]
    """Height and width in pixels."""
    channels: Literal[1, 3]
    """1 for grey, 3 for RGB."""
    class_names: Annotated[tuple[str, ...], Field(min_length=2)]
    """In the order of the model's outputs."""


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What one image shows: the most probable classes with their probabilities, best first — or why there are none."""

    path: Path
    ranking: tuple[tuple[str, float], ...] = ()
    error: str | None = None


def predict(
    folder: str | os.PathLike[str], paths: Iterable[str | os.PathLike[str]], *, top: int = 1
) -> Iterator[Prediction]:
    """Classifies each path in turn; of a folder all images below it, by name.

    A path that cannot be read gets a prediction that says why; the others are classified all the same. ``paths`` is
    read as the predictions are taken, in portions of 32. ``top``, at least 1, is how many classes each one ranks.

    Raises:
        InputError: the folder is missing, or it does not hold what `retrain` writes. Before the first prediction.
    """
    if top < 1:
        raise ValueError(f"top must be at least 1; got {top}")
    place = existing(os.fspath(folder), folder=True, where=())
    preprocessing = read_preprocessing(place)
    model = read_model(place, len(preprocessing.class_names))
    return predictions(model, preprocessing, (file for path in paths for file in image_files(Path(path))), top)


def predictions(
    model: keras.Model, preprocessing: Preprocessing, files: Iterator[Path], top: int
) -> Iterator[Prediction]:
    """A prediction for each file, in their order."""
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
    """The ``top`` most probable classes of one image, shape (classes,); of equal ones the first comes first."""
    order = np.argsort(-probabilities, kind="stable")[:top]
    return tuple((names[number], float(probabilities[number])) for number in order)


def image_files(path: Path) -> Iterator[Path]:
    """The path itself; or, of a folder, the files below it that are called like images, hidden ones left out.

    A folder without any stands for itself, so that it is told as an error.
    """
    found = below(path) if path.is_dir() else [path]
    yield from found or [path]


def below(folder: Path) -> list[Path]:
    """The files below a folder that are called like images, by name, folder by folder."""
    found = []
    for path in sorted(path for path in folder.iterdir() if not is_hidden(path)):
        if path.is_dir():
            found += below(path)
        elif is_image_name(path):
            found.append(path)
    return found


def read_preprocessing(folder: Path) -> Preprocessing:
    """What `preprocessing.json` says.

    Raises:
        InputError: the file is missing or says something else.
    """
    path = folder / PREPROCESSING_FILE
    try:
        return Preprocessing.model_validate_json(path.read_bytes())
    except OSError as error:
        raise not_retrained(folder, f"holds {PREPROCESSING_FILE}", "no such file") from error
    except ValidationError as error:
        first = error.errors()[0]
        given = ".".join(str(part) for part in first["loc"]) + f": {first['msg']}"
        raise not_retrained(path, "says image_size, channels and class_names", given.removeprefix(": ")) from error


def read_model(folder: Path, classes: int) -> keras.Model:
    """The model, which turns pixels, 0–255, of shape (n, height, width, channels) into probabilities (n, classes).

    Raises:
        InputError: the file is missing or damaged, or the model has another number of outputs.
    """
    path = folder / MODEL_FILE
    if not path.is_file():
        raise not_retrained(folder, f"holds {MODEL_FILE}", "no such file")
    try:
        model = keras.saving.load_model(path, compile=False)
    except (OSError, ValueError, TypeError, KeyError) as error:
        given = str(error).strip().split("\n")[0] or type(error).__name__
        raise not_retrained(path, "is a whole Keras model", given) from error
    if model.output_shape[-1] != classes:
        given = f"{model.output_shape[-1]} outputs for {classes} names"
        raise not_retrained(folder, f"holds a model and a {PREPROCESSING_FILE} that belong together", given)
    return model


def not_retrained(place: Path, rule: str, given: str) -> InputError:
    """The refusal of a folder that `retrain` did not write, or not to its end."""
    problem = Problem(rule=rule, given=given, remedy="name the folder that `tunehound retrain` wrote, or retrain")
    return InputError([problem], str(place))
