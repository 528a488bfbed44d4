"""A data set of TensorFlow Datasets, read by another process, so that TensorFlow does not start in this one."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spaces.config.trial import TfdsData
from trainables.dataset import LabelArray, PixelArray, PositionArray
from trainables.sources.image import read_images
from trainables.sources.location import Stamp, check_exists, stamp
from trainables.sources.part import Part, Parts, UnreadableError, digest, input_error, problem

NAME = ("trial", "data", "name")
IMAGE_SIZE = ("trial", "data", "image_size")
DATA_DIR = ("trial", "data", "data_dir")
READER = Path(__file__).with_name("tfds_export.py")
ENVIRONMENT = {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}
"""Environment of the process that reads: no GPU, no log messages."""


@dataclass(frozen=True, eq=False)
class Records:
    """One split: its images as stored (PNG or JPEG), one after another, and where each ends."""

    content: NDArray[np.uint8]
    ends: NDArray[np.int64]
    labels: LabelArray

    def image(self, position: int) -> memoryview:
        """Return the content of an image's file."""
        start = int(self.ends[position - 1]) if position else 0
        return self.content.data[start : int(self.ends[position])]


@dataclass(frozen=True, eq=False)
class StoredSet:
    """A data set as it is stored."""

    class_names: tuple[str, ...]
    image_shape: tuple[int | None, ...]
    """Height, width and channels; None where they vary from image to image."""
    splits: Mapping[str, Records]


def tfds_parts(data: TfdsData) -> Parts:
    """Return the parts of the data set; it is downloaded first if it is not prepared on this machine.

    A test or validation split without labels is ignored, and so are splits with other names.

    Raises:
        InputError: there is no such data set, it is not available, or it does not have images with one class each.
    """
    check_no_foreign_code(data.name)
    if data.data_dir is not None:
        check_exists(data.data_dir, folder=True, where=DATA_DIR)
    stored = read_stored(data.name, data.version, data.data_dir, stamp(data))
    height, width, channels = stored.image_shape
    sides = (data.image_size, data.image_size) if data.image_size else (height, width)
    if None in sides:
        rule, cure = "images must all have one size", "give their side in pixels, such as image_size: 128"
        raise input_error(data.name, problem(rule, given="images of different sizes", remedy=cure, where=IMAGE_SIZE))
    shape = (int(sides[0] or 0), int(sides[1] or 0), 1 if channels == 1 else 3)
    parts = {split: record_part(records, f"{data.name} {split}", shape) for split, records in stored.splits.items()}
    return Parts(
        train=parts["train"],
        validation=parts.get("validation"),
        test=parts.get("test"),
        class_names=stored.class_names,
    )


def check_no_foreign_code(name: str) -> None:
    """Raises: InputError, for a name such as ``somebody:their_set``, whose code would be downloaded and run."""
    if re.match(r"[\w-]+:[A-Za-z_]", name):
        rule = "a data set must be known to TensorFlow Datasets itself, or prepared on this machine"
        cure = "prepare it yourself, after reading its code, and give its folder as data_dir"
        raise input_error(name, problem(rule, given=f"{name}, which has code of its own", remedy=cure, where=NAME))


def record_part(records: Records, name: str, shape: tuple[int, int, int]) -> Part:
    """Return one part, whose images are decoded when they are read."""
    height, width, channels = shape

    def read(positions: PositionArray) -> PixelArray:
        files = [records.image(int(position)) for position in positions]
        pixels, failed = read_images(files, height=height, width=width, channels=channels)
        if failed:
            unreadable = [f"{name}[{positions[place]}] ({why})" for place, why in failed.items()]
            cure = "prepare the data set again"
            raise UnreadableError(name, unreadable, rule="every image must be readable", remedy=cure, where=NAME)
        return pixels

    def digests(positions: PositionArray) -> list[bytes]:
        return [digest(records.image(int(position))) for position in positions]

    return Part(
        labels=records.labels,
        image_shape=shape,
        read=read,
        name=lambda position: f"{name}[{position}]",
        digests=digests,
        stored=records.image,
    )


@lru_cache(maxsize=2)
def read_stored(name: str, version: str | None, data_dir: str | None, _: Stamp) -> StoredSet:
    """Let another process read the data set into files that vanish with this process; the stamp is for the cache.

    Raises:
        InputError: as for `tfds_parts`.
    """
    with tempfile.TemporaryDirectory(prefix="tunehound-") as folder:
        wanted = json.dumps({"name": name, "version": version, "data_dir": data_dir, "folder": folder})
        # -P: the modules beside the reader, such as csv.py, must not hide those of the standard library.
        command = [sys.executable, "-P", str(READER), wanted]
        subprocess.run(command, env=os.environ | ENVIRONMENT, stdin=subprocess.DEVNULL, check=False)
        return open_stored(name, Path(folder))


def open_stored(name: str, folder: Path) -> StoredSet:
    """Open what the other process has written. Mapped files stay readable when they are deleted."""
    about: dict[str, Any] = {
        "rule": "TensorFlow Datasets must be able to read the data set",
        "remedy": "check whether the machine ran out of memory",
    }
    if (folder / "about.json").exists():
        about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
    if "rule" in about:
        raise input_error(name, problem(about["rule"], given=about.get("given"), remedy=about["remedy"], where=NAME))
    return StoredSet(
        class_names=tuple(about["class_names"]),
        image_shape=tuple(about["image_shape"]),
        splits={split: open_records(folder, split) for split in about["splits"]},
    )


def open_records(folder: Path, split: str) -> Records:
    """Open the files of one split."""
    content = np.memmap(folder / f"{split}.images", dtype=np.uint8, mode="r")
    return Records(content, np.load(folder / f"{split}.ends.npy"), np.load(folder / f"{split}.labels.npy"))
