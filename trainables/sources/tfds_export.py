"""Reads a set of TensorFlow Datasets in a separate process: `python -P tfds_export.py '{"name": …, "folder": …}'`.

Writes to the folder: about.json, and for each part its images as stored, one after another, where each ends, and their
labels. Imports nothing of Tunehound, because it is run as a file.
"""

from __future__ import annotations

import difflib
import json
import os
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import tensorflow_datasets as tfds

STALL_S = float(os.environ.get("TUNEHOUND_DOWNLOAD_STALL_S", "60"))
"""A download without progress for this long, in seconds, has failed."""
PARTS = {"train": "train", "validation": "validation", "val": "validation", "valid": "validation", "test": "test"}
"""Possible names of a split, and the part that it is."""


class DatasetError(Exception):
    """The data set cannot be used: the rule, what was given, and the remedy."""


def main(wanted: Mapping[str, Any]) -> None:
    """Write about.json: what was read, or why it was not."""
    folder = Path(wanted["folder"])
    stderr = redirect_output(folder)
    try:
        about = export(wanted, folder, stderr)
    except DatasetError as error:
        about = error_as_mapping(error)
    write_about(folder, about)


def export(wanted: Mapping[str, Any], folder: Path, stderr: TextIO) -> dict[str, Any]:
    """Write the parts, and return their description."""
    name = wanted["name"] + (f":{wanted['version']}" if wanted["version"] else "")
    builder = known_builder(name, wanted["data_dir"])
    raw, ready = undecoded(builder.info), threading.Event()
    if not builder.is_prepared():
        stderr.write(f"TensorFlow Datasets is downloading {name} to {builder.data_dir}\n")
        watch = threading.Thread(target=give_up_when_stalled, args=(ready, builder, name, folder), daemon=True)
        watch.start()
    try:
        loaded, info = tfds.load(name, data_dir=wanted["data_dir"], with_info=True, shuffle_files=False, decoders=raw)
    except Exception as error:  # the network, the disk, a server, a missing library: report any of them
        raise unavailable(builder, name, reason(error)) from error
    finally:
        ready.set()
    image, label = keys(info)
    names = list(info.features[label].names)
    splits = used_splits(list(info.splits), name)
    read = {part: write_part(folder, part, loaded[split], image, label) for part, split in splits.items()}
    parts = labelled(read, names, name)
    return {"class_names": names, "image_shape": list(info.features[image].shape), "splits": parts}


def known_builder(name: str, data_dir: str | None) -> Any:
    """Return the builder of the data set, by its name, or by its files if it is prepared in ``data_dir``."""
    try:
        return tfds.builder(name, data_dir=data_dir)
    except tfds.core.registered.DatasetNotFoundError as error:
        known = tfds.list_builders(with_community_datasets=False)
        near = difflib.get_close_matches(name, known, n=1)
        cure = (
            f"did you mean {near[0]}?"
            if near
            else "correct the name, or give the folder of prepared data sets as data_dir"
        )
        raise DatasetError("the data set must be known to TensorFlow Datasets, or prepared", name, cure) from error
    except Exception as error:  # no such version or configuration, a library that the set needs
        cure = "correct the name or the version, or install what is missing"
        raise DatasetError(
            "TensorFlow Datasets must be able to open the data set", f"{name}: {reason(error)}", cure
        ) from error


def undecoded(info: Any) -> Any:
    """Request images as they are stored, and nothing but images and labels."""
    image, label = keys(info)
    return tfds.decode.PartialDecoding({image: True, label: True}, decoders={image: tfds.decode.SkipDecoding()})


def keys(info: Any) -> tuple[str, str]:
    """Return the features of the image and its class: the supervised ones, else the only ones of their kind."""
    features = dict(info.features.items()) if hasattr(info.features, "items") else {}
    named = info.supervised_keys if info.supervised_keys and len(info.supervised_keys) == 2 else tuple(features)
    images = [key for key in named if isinstance(features.get(key), tfds.features.Image)]
    labels = [key for key in named if isinstance(features.get(key), tfds.features.ClassLabel)]
    if len(images) != 1 or len(labels) != 1 or features[images[0]].dtype not in (np.uint8, np.uint16):
        given = ", ".join(f"{key} ({type(feature).__name__})" for key, feature in features.items())
        rule = "each example must be one image with one class: an Image of whole numbers and a ClassLabel"
        raise DatasetError(rule, given, "choose a data set for image classification")
    return images[0], labels[0]


def used_splits(names: list[str], name: str) -> dict[str, str]:
    """Return the split of each part; splits with other names are ignored."""
    splits = {PARTS[name]: name for name in names if name in PARTS}
    if "train" not in splits:
        raise DatasetError(
            "the data set must have a train split", ", ".join(names), f"choose a data set other than {name}"
        )
    return splits


def write_part(folder: Path, part: str, examples: Iterable[Any], image: str, label: str) -> np.ndarray[Any, Any]:
    """Write the images of a split, in its order, and return their labels."""
    ends, labels = [0], []
    with (folder / f"{part}.images").open("wb") as file:
        try:
            for example in tfds.as_numpy(examples):
                ends.append(ends[-1] + file.write(example[image]))
                labels.append(int(example[label]))
        except Exception as error:  # what TensorFlow raises on damaged or missing shards
            cure = "prepare the data set again: delete its folder first"
            raise DatasetError(f"its {part} split must be readable", reason(error), cure) from error
    if not labels:
        raise DatasetError("splits must not be empty", part, "prepare the data set again")
    np.save(folder / f"{part}.ends.npy", np.asarray(ends[1:], dtype=np.int64))
    np.save(folder / f"{part}.labels.npy", np.asarray(labels, dtype=np.int64))
    return np.asarray(labels)


def labelled(read: Mapping[str, np.ndarray[Any, Any]], names: list[str], name: str) -> list[str]:
    """Return the parts with labels; a test or validation split without any labels is ignored."""
    parts = [part for part, labels in read.items() if part == "train" or (labels >= 0).any()]
    for part in parts:
        missing = int((read[part] < 0).sum())
        if missing:
            rule, given = "every image must have a class", f"{missing} without a class in {part}"
            raise DatasetError(rule, given, "export the others to class folders and use source: folder")
    counts = np.bincount(read["train"], minlength=len(names))
    empty = [name for name, count in zip(names, counts, strict=True) if not count]
    if empty or len(names) < 2:
        given = f"{name}, without images of {len(empty)} classes: {', '.join(empty[:5])}" if empty else "one class"
        rule, cure = (
            "there must be at least two classes, each with training images",
            "choose another data set or configuration",
        )
        raise DatasetError(rule, given, cure)
    return parts


def give_up_when_stalled(ready: threading.Event, builder: Any, name: str, folder: Path) -> None:
    """End the process if neither files nor processor time have grown for `STALL_S`."""
    last, since = moved(builder), time.monotonic()
    while not ready.wait(min(5.0, STALL_S / 4)):
        now = moved(builder)
        if now != last:
            last, since = now, time.monotonic()
        elif time.monotonic() - since > STALL_S:
            write_about(folder, error_as_mapping(unavailable(builder, name, f"no data for {STALL_S:g} s")))
            os._exit(0)


def moved(builder: Any) -> tuple[int, int]:
    """Return the bytes of the files that a preparation writes, and processor time in steps of two seconds."""
    places = root(builder) / "downloads", Path(builder.data_dir).parent
    sizes = (size(path) for place in places for path in place.rglob("*"))
    return sum(sizes), int(time.process_time() // 2)


def size(path: Path) -> int:
    """Return a file's size in bytes; 0 if it has just vanished."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def root(builder: Any) -> Path:
    """Return the folder of prepared sets: the parent of name, configuration and version."""
    return Path(builder.data_dir).parents[2 if builder.builder_config else 1]


def unavailable(builder: Any, name: str, why: str) -> DatasetError:
    """Return the error for a data set that is neither here nor downloadable."""
    prepare = f"python -c \"import tensorflow_datasets as tfds; tfds.load('{name}')\""
    cure = f"prepare it where there is internet access ({prepare}) and copy its folder to {root(builder)}, or give the "
    cure += "folder of the copy as data_dir"
    return DatasetError(
        "the data set must be prepared on this machine, or be available for download", f"{name}: {why}", cure
    )


def reason(error: Exception) -> str:
    """Return a library's message in one line of moderate length."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [""]
    return f"{type(error).__name__}: {lines[0]}"[:300]


def error_as_mapping(error: DatasetError) -> dict[str, Any]:
    """Return the error in the form of about.json."""
    return dict(zip(("rule", "given", "remedy"), error.args, strict=True))


def write_about(folder: Path, about: Mapping[str, Any]) -> None:
    """Write about.json atomically."""
    (folder / "about.part").write_text(json.dumps(about), encoding="utf-8")
    (folder / "about.part").replace(folder / "about.json")


def redirect_output(folder: Path) -> TextIO:
    """Send the libraries' output to a file, and return the original stderr."""
    stderr = os.fdopen(os.dup(2), "w", buffering=1, encoding="utf-8")
    with (folder / "chatter.txt").open("w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    return stderr


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
