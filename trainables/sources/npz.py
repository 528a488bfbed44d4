"""A NumPy archive: x_train and y_train, and whatever else it brings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spaces.config.trial import NpzData
from spaces.problem import Problem, nearest
from trainables.dataset import LabelArray
from trainables.sources.location import existing
from trainables.sources.npz_archive import Header, archive, archived_part, header
from trainables.sources.part import Parts, first_few, problem, refusal

KEYS = ("train", "val", "test")


def npz_parts(data: NpzData) -> Parts:
    """The parts that the archive brings; shapes, types and labels are checked, of the images only the headers are read.

    Raises:
        InputError: the file is missing or no archive, or its arrays are not what `NpzData` says; all mistakes together.
    """
    path = existing(data.path, folder=False)
    with archive(path) as arrays:
        missing = tuple(missing_keys(arrays.files))
        if missing:
            raise refusal(data.path, *missing)
        headers = {key: header(path, f"x_{key}") for key in KEYS if f"x_{key}" in arrays.files}
        raw = {key: arrays[f"y_{key}"] for key in headers}
        names = arrays["class_names"] if "class_names" in arrays.files else None
    mistakes = [*image_mistakes(headers), *label_mistakes(raw, headers)]
    if mistakes:
        raise refusal(data.path, *mistakes)
    labels = {key: flat(values).astype(np.int64) for key, values in raw.items()}
    mistakes = [*class_mistakes(labels, names)]
    if mistakes:
        raise refusal(data.path, *mistakes)
    return assembled(path, labels, names)


def assembled(path: Path, labels: dict[str, LabelArray], names: NDArray[np.generic] | None) -> Parts:
    """The parts of an archive that has been checked."""
    parts = {key: archived_part(path, f"x_{key}", values) for key, values in labels.items()}
    classes = int(labels["train"].max()) + 1
    class_names = tuple(str(number) for number in range(classes)) if names is None else tuple(names.tolist())
    return Parts(train=parts["train"], validation=parts.get("val"), test=parts.get("test"), class_names=class_names)


def missing_keys(keys: list[str]) -> Iterator[Problem]:
    """x_train, y_train, and the partner of an x or y that stands alone."""
    given = ", ".join(keys) or "no arrays"
    for key in KEYS:
        pair = (f"x_{key}", f"y_{key}")
        for name, partner in (pair, pair[::-1]):
            if name not in keys and (key == "train" or partner in keys):
                near = nearest(name, keys)
                cure = f"rename {near}" if near and near != partner else f"add {name}"
                why = "" if key == "train" else f" beside {partner}"
                yield problem(f"the archive holds {name}{why}", given=given, remedy=cure)


def image_mistakes(headers: dict[str, Header]) -> Iterator[Problem]:
    """Images that are not uint8 (n, height, width[, 1 or 3]), or not of one size in all parts."""
    for key, (shape, dtype) in headers.items():
        name = f"x_{key}"
        if dtype != np.uint8:
            cure = f"where pixels lie in 0–255, cast: {name}.astype('uint8')"
            if dtype.kind == "f":
                cure = (
                    f"where pixels lie in 0–1, multiply by 255 and cast: np.rint({name} * 255).astype('uint8'); " + cure
                )
            yield problem(f"{name} is uint8", given=str(dtype), remedy=cure)
        if len(shape) not in (3, 4) or (len(shape) == 4 and shape[-1] not in (1, 3)) or 0 in shape:
            cure = "one or three channels come last; no side and no part is empty"
            yield problem(f"{name} has shape (n, height, width[, 1 or 3])", given=str(shape), remedy=cure)
        elif sides(shape) != sides(headers["train"][0]):
            given = f"{shape} beside {headers['train'][0]}"
            yield problem(f"{name} has images like those of x_train", given=given, remedy="resize one of the two")


def sides(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Height, width and channels."""
    return (*shape[1:], 1) if len(shape) == 3 else shape[1:]


def label_mistakes(raw: dict[str, NDArray[np.generic]], headers: dict[str, Header]) -> Iterator[Problem]:
    """Labels that are not one whole number an image."""
    for key, values in raw.items():
        name, (shape, _) = f"y_{key}", headers[key]
        if values.ndim == 2 and values.shape[1] > 1:
            cure = f"{name} = {name}.argmax(axis=1), where it is one-hot"
            yield problem(f"{name} has shape (n,) or (n, 1)", given=str(values.shape), remedy=cure)
        elif flat(values).shape != shape[:1]:
            given = f"{values.shape} for images of shape {shape}"
            yield problem(f"{name} holds one label for each image of x_{key}", given=given, remedy="cut or mend one")
        if values.dtype.kind not in "iu":
            cure = "number the classes from 0; their names go to class_names"
            yield problem(f"{name} holds whole numbers", given=str(values.dtype), remedy=cure)


def class_mistakes(labels: dict[str, LabelArray], names: NDArray[np.generic] | None) -> Iterator[Problem]:
    """Labels that are not 0 … k - 1, each with training images, or names that are not one a class."""
    present = np.unique(labels["train"]).tolist()
    classes = len(present)
    if present != list(range(classes)):
        given = f"{classes} different labels between {present[0]} and {present[-1]}"
        cure = "number the classes again: classes, y_train = np.unique(y_train, return_inverse=True)"
        yield problem("y_train holds 0 … k - 1, each at least once", given=given, remedy=cure)
    for key, values in labels.items():
        unknown = sorted(set(np.unique(values).tolist()) - set(present))
        if unknown:
            given, cure = first_few([str(number) for number in unknown]), "add training images or leave those out"
            yield problem(f"y_{key} holds classes of y_train only", given=given, remedy=cure)
    if classes < 2:
        yield problem("there are at least two classes", given="one", remedy="add images of another class")
    if names is not None:
        yield from name_mistakes(names, classes)


def name_mistakes(names: NDArray[np.generic], classes: int) -> Iterator[Problem]:
    """Class names that are not text, not one a class, or not all different."""
    if names.dtype.kind != "U" or names.shape != (classes,) or len(np.unique(names)) != classes:
        given = f"{names.dtype} of shape {names.shape}, {len(np.unique(names))} different"
        cure = f"write class_names=np.array([…]) with {classes} different texts, in the order of the labels"
        yield problem(f"class_names holds one text for each of the {classes} classes", given=given, remedy=cure)


def flat(values: NDArray[np.generic]) -> NDArray[np.generic]:
    """(n, 1) → (n,); others stay as they are."""
    return values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values
