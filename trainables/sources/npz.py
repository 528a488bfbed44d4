"""A NumPy archive: x_train and y_train, and whatever else it provides."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spaces.config.trial import NpzData
from spaces.problem import Problem, nearest
from trainables.dataset import LabelArray
from trainables.sources.location import check_exists
from trainables.sources.npz_archive import Header, archive, archived_part, header
from trainables.sources.part import Parts, first_few, input_error, problem

KEYS = ("train", "val", "test")


def npz_parts(data: NpzData) -> Parts:
    """Return the parts of an archive after checking them; of the images, only the headers are read.

    Raises:
        InputError: the file is missing or not an archive, or its arrays are not as `NpzData` says; lists all mistakes.
    """
    path = check_exists(data.path, folder=False)
    with archive(path) as arrays:
        missing = tuple(missing_keys(arrays.files))
        if missing:
            raise input_error(data.path, *missing)
        headers = {key: header(path, f"x_{key}") for key in KEYS if f"x_{key}" in arrays.files}
        mistakes = [
            *image_mistakes(headers),
            *label_mistakes({key: header(path, f"y_{key}") for key in headers}, headers),
        ]
        if mistakes:
            raise input_error(data.path, *mistakes)
        raw = {key: arrays[f"y_{key}"] for key in headers}
        names = _names(path, arrays)
    labels = {key: flat(values).astype(np.int64) for key, values in raw.items()}
    mistakes = [*class_mistakes(labels, names)]
    if mistakes:
        raise input_error(data.path, *mistakes)
    return assembled(path, labels, names)


def _names(path: Path, arrays: np.lib.npyio.NpzFile) -> NDArray[np.generic] | None:
    """Return the names of the classes, if there are any; their number is checked with the labels."""
    if "class_names" not in arrays.files:
        return None
    header(path, "class_names")
    names: NDArray[np.generic] = arrays["class_names"]
    return names


def assembled(path: Path, labels: dict[str, LabelArray], names: NDArray[np.generic] | None) -> Parts:
    """Return the parts of a checked archive."""
    parts = {key: archived_part(path, f"x_{key}", values) for key, values in labels.items()}
    classes = int(labels["train"].max()) + 1
    class_names = tuple(str(number) for number in range(classes)) if names is None else tuple(names.tolist())
    return Parts(train=parts["train"], validation=parts.get("val"), test=parts.get("test"), class_names=class_names)


def missing_keys(keys: list[str]) -> Iterator[Problem]:
    """Check for x_train, y_train, and any x without its y, or y without its x."""
    given = ", ".join(keys) or "no arrays"
    for key in KEYS:
        pair = (f"x_{key}", f"y_{key}")
        for name, partner in (pair, pair[::-1]):
            if name not in keys and (key == "train" or partner in keys):
                near = nearest(name, keys)
                cure = f"rename {near}" if near and near != partner else f"add {name}"
                why = "" if key == "train" else f" because it has {partner}"
                yield problem(f"the archive must contain {name}{why}", given=given, remedy=cure)


def image_mistakes(headers: dict[str, Header]) -> Iterator[Problem]:
    """Check that images are uint8 (n, height, width[, 1 or 3]), and of one size in all parts."""
    for key, (shape, dtype) in headers.items():
        name = f"x_{key}"
        if dtype != np.uint8:
            cure = f"if pixels are in 0–255, convert: {name}.astype('uint8')"
            if dtype.kind == "f":
                cure = (
                    f"if pixels are in 0–1, multiply by 255 and convert: np.rint({name} * 255).astype('uint8'); " + cure
                )
            yield problem(f"{name} must be uint8", given=str(dtype), remedy=cure)
        if len(shape) not in (3, 4) or (len(shape) == 4 and shape[-1] not in (1, 3)) or 0 in shape:
            cure = "the last axis must have one or three channels, and no axis may be empty"
            yield problem(f"{name} must have shape (n, height, width[, 1 or 3])", given=str(shape), remedy=cure)
        elif sides(shape) != sides(headers["train"][0]):
            given = f"{shape} and {headers['train'][0]}"
            yield problem(
                f"images in {name} must have the shape of those in x_train", given=given, remedy="resize one of the two"
            )


def sides(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return height, width and channels."""
    return (*shape[1:], 1) if len(shape) == 3 else shape[1:]


def label_mistakes(labels: dict[str, Header], images: dict[str, Header]) -> Iterator[Problem]:
    """Check that labels are one whole number per image, before they are read."""
    for key, (shape, dtype) in labels.items():
        name, (of_images, _) = f"y_{key}", images[key]
        if len(shape) == 2 and shape[1] > 1:
            cure = f"if it is one-hot: {name} = {name}.argmax(axis=1)"
            yield problem(f"{name} must have shape (n,) or (n, 1)", given=str(shape), remedy=cure)
        elif shape not in (of_images[:1], (*of_images[:1], 1)):
            given = f"{shape} for images of shape {of_images}"
            yield problem(
                f"{name} must hold one label for each image in x_{key}",
                given=given,
                remedy="shorten or correct one of them",
            )
        if dtype.kind not in "iu":
            cure = "number the classes from 0 and put their names in class_names"
            if dtype.kind in "US":
                cure += f": class_names, {name} = np.unique({name}, return_inverse=True)"
            elif dtype.kind in "fb":
                cure = f"if these are the numbers of the classes, convert: {name}.astype('int64')"
            yield problem(f"{name} must hold whole numbers", given=str(dtype), remedy=cure)


def class_mistakes(labels: dict[str, LabelArray], names: NDArray[np.generic] | None) -> Iterator[Problem]:
    """Check that labels are 0 … k - 1, each with training images, and that there is one name per class."""
    present = np.unique(labels["train"]).tolist()
    classes = len(present)
    if present != list(range(classes)):
        given = f"{classes} different labels between {present[0]} and {present[-1]}"
        cure = "renumber the classes: classes, y_train = np.unique(y_train, return_inverse=True)"
        yield problem("y_train must hold 0 … k - 1, each at least once", given=given, remedy=cure)
    for key, values in labels.items():
        unknown = sorted(set(np.unique(values).tolist()) - set(present))
        if unknown:
            given, cure = (
                first_few([str(number) for number in unknown]),
                "add training images of these classes, or remove the classes",
            )
            yield problem(f"y_{key} may hold only classes of y_train", given=given, remedy=cure)
    if classes < 2:
        yield problem("there must be at least two classes", given="one", remedy="add images of another class")
    if names is not None:
        yield from name_mistakes(names, classes)


def name_mistakes(names: NDArray[np.generic], classes: int) -> Iterator[Problem]:
    """Check that class names are texts, one per class, and all different."""
    if names.dtype.kind != "U" or names.shape != (classes,) or len(np.unique(names)) != classes:
        given = f"{names.dtype} of shape {names.shape}, {len(np.unique(names))} different"
        cure = f"save class_names=np.array([…]) with {classes} different texts, in the order of the labels"
        yield problem(f"class_names must hold one text for each of the {classes} classes", given=given, remedy=cure)


def flat(values: NDArray[np.generic]) -> NDArray[np.generic]:
    """Reshape (n, 1) to (n,); others stay as they are."""
    return values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values
