"""Reads a set of TensorFlow Datasets in a process of its own: `python -P tfds_export.py '{"name": …, "folder": …}'`.

Leaves in the folder: about.json, and for each part its images as they are stored, one after another, where each ends,
and their labels. Imports nothing of ours: it is run as a file.
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
"""A download in which nothing moves for so long, in seconds, has failed."""
PARTS = {"train": "train", "validation": "validation", "val": "validation", "valid": "validation", "test": "test"}
"""What a split may be called, and which part it is."""


class RefusedError(Exception):
    """The data set cannot be used: the rule, what was given, and the remedy."""


def main(wanted: Mapping[str, Any]) -> None:
    """Writes about.json: what was read, or why it was not."""
    folder = Path(wanted["folder"])
    told = own_voice(folder)
    try:
        about = export(wanted, folder, told)
    except RefusedError as error:
        about = refused(error)
    write_about(folder, about)


def export(wanted: Mapping[str, Any], folder: Path, told: TextIO) -> dict[str, Any]:
    """Writes the parts, and returns what is to be known of them."""
    called = wanted["name"] + (f":{wanted['version']}" if wanted["version"] else "")
    builder = known_builder(called, wanted["data_dir"])
    raw, ready = undecoded(builder.info), threading.Event()
    if not builder.is_prepared():
        told.write(f"TensorFlow Datasets downloads {called} to {builder.data_dir}\n")
        watch = threading.Thread(target=give_up_when_stalled, args=(ready, builder, called, folder), daemon=True)
        watch.start()
    try:
        loaded, info = tfds.load(called, data_dir=wanted["data_dir"], with_info=True, shuffle_files=False, decoders=raw)
    except Exception as error:  # the network, the disk, a server, a missing library: whatever it is, it is told
        raise not_had(builder, called, reason(error)) from error
    finally:
        ready.set()
    image, label = keys(info)
    names = list(info.features[label].names)
    splits = used_splits(list(info.splits), called)
    read = {part: write_part(folder, part, loaded[split], image, label) for part, split in splits.items()}
    parts = labelled(read, names, called)
    return {"class_names": names, "image_shape": list(info.features[image].shape), "splits": parts}


def known_builder(called: str, data_dir: str | None) -> Any:
    """What reads the data set; by its name, or by its files where it is prepared in ``data_dir``."""
    try:
        return tfds.builder(called, data_dir=data_dir)
    except tfds.core.registered.DatasetNotFoundError as error:
        known = tfds.list_builders(with_community_datasets=False)
        near = difflib.get_close_matches(called, known, n=1)
        cure = f"did you mean {near[0]}?" if near else "mend the name, or name the folder of prepared sets by data_dir"
        raise RefusedError("TensorFlow Datasets knows the data set, or it is prepared", called, cure) from error
    except Exception as error:  # no such version or configuration, a library that the set needs
        cure = "mend the name or the version, or install what is missing"
        raise RefusedError("TensorFlow Datasets can open the data set", f"{called}: {reason(error)}", cure) from error


def undecoded(info: Any) -> Any:
    """Asks for images as they are stored, and for nothing but images and labels."""
    image, label = keys(info)
    return tfds.decode.PartialDecoding({image: True, label: True}, decoders={image: tfds.decode.SkipDecoding()})


def keys(info: Any) -> tuple[str, str]:
    """The features that hold the image and its class: the supervised ones, else the only ones of their kind."""
    features = dict(info.features.items()) if hasattr(info.features, "items") else {}
    named = info.supervised_keys if info.supervised_keys and len(info.supervised_keys) == 2 else tuple(features)
    images = [key for key in named if isinstance(features.get(key), tfds.features.Image)]
    labels = [key for key in named if isinstance(features.get(key), tfds.features.ClassLabel)]
    if len(images) != 1 or len(labels) != 1 or features[images[0]].dtype not in (np.uint8, np.uint16):
        given = ", ".join(f"{key} ({type(feature).__name__})" for key, feature in features.items())
        rule = "each example is one image with one class: an Image of whole numbers and a ClassLabel"
        raise RefusedError(rule, given, "choose a set for image classification")
    return images[0], labels[0]


def used_splits(names: list[str], called: str) -> dict[str, str]:
    """The part that each split is; splits of other names are left alone."""
    splits = {PARTS[name]: name for name in names if name in PARTS}
    if "train" not in splits:
        raise RefusedError("the data set has a train split", ", ".join(names), f"choose another set than {called}")
    return splits


def write_part(folder: Path, part: str, examples: Iterable[Any], image: str, label: str) -> np.ndarray[Any, Any]:
    """Writes the images of a split, in its order, and returns their labels."""
    ends, labels = [0], []
    with (folder / f"{part}.images").open("wb") as file:
        try:
            for example in tfds.as_numpy(examples):
                ends.append(ends[-1] + file.write(example[image]))
                labels.append(int(example[label]))
        except Exception as error:  # what TensorFlow raises on damaged or missing shards
            cure = "prepare the data set again: delete its folder first"
            raise RefusedError(f"all of its {part} split can be read", reason(error), cure) from error
    if not labels:
        raise RefusedError("no split is empty", part, "prepare the data set again")
    np.save(folder / f"{part}.ends.npy", np.asarray(ends[1:], dtype=np.int64))
    np.save(folder / f"{part}.labels.npy", np.asarray(labels, dtype=np.int64))
    return np.asarray(labels)


def labelled(read: Mapping[str, np.ndarray[Any, Any]], names: list[str], called: str) -> list[str]:
    """The parts that have labels: a test or validation split may have none at all, and then it is none for us."""
    parts = [part for part, labels in read.items() if part == "train" or (labels >= 0).any()]
    for part in parts:
        missing = int((read[part] < 0).sum())
        if missing:
            rule, given = "every image has a class", f"{missing} in {part} that have none"
            raise RefusedError(rule, given, "write the others to class folders and use source: folder")
    counts = np.bincount(read["train"], minlength=len(names))
    empty = [name for name, count in zip(names, counts, strict=True) if not count]
    if empty or len(names) < 2:
        given = f"{called}, without images of {len(empty)} classes: {', '.join(empty[:5])}" if empty else "one class"
        rule, cure = "there are two classes or more, each with training images", "choose another set or configuration"
        raise RefusedError(rule, given, cure)
    return parts


def give_up_when_stalled(ready: threading.Event, builder: Any, called: str, folder: Path) -> None:
    """Ends the process when neither files nor processor time have grown for `STALL_S`."""
    last, since = moved(builder), time.monotonic()
    while not ready.wait(min(5.0, STALL_S / 4)):
        now = moved(builder)
        if now != last:
            last, since = now, time.monotonic()
        elif time.monotonic() - since > STALL_S:
            write_about(folder, refused(not_had(builder, called, f"nothing came for {STALL_S:g} s")))
            os._exit(0)


def moved(builder: Any) -> tuple[int, int]:
    """Bytes of the files that a preparation writes, and processor time in steps of two seconds."""
    places = root(builder) / "downloads", Path(builder.data_dir).parent
    sizes = (size(path) for place in places for path in place.rglob("*"))
    return sum(sizes), int(time.process_time() // 2)


def size(path: Path) -> int:
    """In bytes; 0 for what has just gone."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def root(builder: Any) -> Path:
    """The folder of prepared sets: that above name, configuration and version."""
    return Path(builder.data_dir).parents[2 if builder.builder_config else 1]


def not_had(builder: Any, called: str, why: str) -> RefusedError:
    """The refusal of a data set that is not here and does not come."""
    prepare = f"python -c \"import tensorflow_datasets as tfds; tfds.load('{called}')\""
    cure = f"prepare it where there is a network ({prepare}) and copy its folder to {root(builder)}, or name by "
    cure += "data_dir where it was copied to"
    return RefusedError("the data set is prepared on this machine, or can be downloaded", f"{called}: {why}", cure)


def reason(error: Exception) -> str:
    """What a library says, in one line of moderate length."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [""]
    return f"{type(error).__name__}: {lines[0]}"[:300]


def refused(error: RefusedError) -> dict[str, Any]:
    """The refusal, as about.json holds it."""
    return dict(zip(("rule", "given", "remedy"), error.args, strict=True))


def write_about(folder: Path, about: Mapping[str, Any]) -> None:
    """Writes about.json, whole or not at all."""
    (folder / "about.part").write_text(json.dumps(about), encoding="utf-8")
    (folder / "about.part").replace(folder / "about.json")


def own_voice(folder: Path) -> TextIO:
    """Sends the chatter of the libraries to a file, and returns what was stderr."""
    told = os.fdopen(os.dup(2), "w", buffering=1, encoding="utf-8")
    with (folder / "chatter.txt").open("w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    return told


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
