"""A data set of TensorFlow Datasets. Another process reads it, so that TensorFlow does not wake in this one."""

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
from trainables.sources.location import Stamp, existing, stamp
from trainables.sources.part import Part, Parts, UnreadableError, digest, problem, refusal

NAME = ("trial", "data", "name")
IMAGE_SIZE = ("trial", "data", "image_size")
DATA_DIR = ("trial", "data", "data_dir")
READER = Path(__file__).with_name("tfds_export.py")
ENVIRONMENT = {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}
"""Of the process that reads: it holds no GPU and is quiet."""


@dataclass(frozen=True, eq=False)
class Records:
    """One split: its images as they are stored, PNG or JPEG, one after another, and where each ends."""

    content: NDArray[np.uint8]
    ends: NDArray[np.int64]
    labels: LabelArray

    def image(self, position: int) -> memoryview:
        """What the file of an image would hold."""
        start = int(self.ends[position - 1]) if position else 0
        return self.content.data[start : int(self.ends[position])]


@dataclass(frozen=True, eq=False)
class Stored:
    """A data set as it is stored."""

    class_names: tuple[str, ...]
    image_shape: tuple[int | None, ...]
    """Height, width and channels, as far as all images have the same."""
    splits: Mapping[str, Records]


def tfds_parts(data: TfdsData) -> Parts:
    """The parts that the data set brings; it is downloaded first where it is not prepared on this machine.

    A test or validation split without labels counts as none; splits of other names are not used.

    Raises:
        InputError: there is no such data set, it cannot be had, or it is none of images with one class each.
    """
    refuse_foreign_code(data.name)
    if data.data_dir is not None:
        existing(data.data_dir, folder=True, where=DATA_DIR)
    stored = read_stored(data.name, data.version, data.data_dir, stamp(data))
    height, width, channels = stored.image_shape
    sides = (data.image_size, data.image_size) if data.image_size else (height, width)
    if None in sides:
        rule, cure = "images become all of one size", "give the side in pixels, such as image_size: 128"
        raise refusal(data.name, problem(rule, given="images that vary in size", remedy=cure, where=IMAGE_SIZE))
    shape = (int(sides[0] or 0), int(sides[1] or 0), 1 if channels == 1 else 3)
    parts = {split: record_part(records, f"{data.name} {split}", shape) for split, records in stored.splits.items()}
    return Parts(
        train=parts["train"],
        validation=parts.get("validation"),
        test=parts.get("test"),
        class_names=stored.class_names,
    )


def refuse_foreign_code(name: str) -> None:
    """Raises: InputError, for a name such as ``somebody:their_set``, whose code would be downloaded and run."""
    if re.match(r"[\w-]+:[A-Za-z_]", name):
        rule = "a data set is one that TensorFlow Datasets knows itself, or that is prepared on this machine"
        cure = "prepare it yourself, after reading its code, and name its folder by data_dir"
        raise refusal(name, problem(rule, given=f"{name}, which brings code of its own", remedy=cure, where=NAME))


def record_part(records: Records, called: str, shape: tuple[int, int, int]) -> Part:
    """One part, its images decoded when they are read."""
    height, width, channels = shape

    def read(positions: PositionArray) -> PixelArray:
        files = [records.image(int(position)) for position in positions]
        pixels, failed = read_images(files, height=height, width=width, channels=channels)
        if failed:
            told = [f"{called}[{positions[place]}] ({why})" for place, why in failed.items()]
            cure = "prepare the data set again"
            raise UnreadableError(called, told, rule="every image can be read", remedy=cure, where=NAME)
        return pixels

    def digests(positions: PositionArray) -> list[bytes]:
        return [digest(records.image(int(position))) for position in positions]

    return Part(
        labels=records.labels,
        image_shape=shape,
        read=read,
        name=lambda position: f"{called}[{position}]",
        digests=digests,
        stored=records.image,
    )


@lru_cache(maxsize=2)
def read_stored(name: str, version: str | None, data_dir: str | None, _: Stamp) -> Stored:
    """Has the data set read by another process, into files that vanish with this one; the stamp is for the cache.

    Raises:
        InputError: as for `tfds_parts`.
    """
    with tempfile.TemporaryDirectory(prefix="tunehound-") as folder:
        wanted = json.dumps({"name": name, "version": version, "data_dir": data_dir, "folder": folder})
        # -P: the modules beside the reader, such as csv.py, must not hide those of the standard library.
        command = [sys.executable, "-P", str(READER), wanted]
        subprocess.run(command, env=os.environ | ENVIRONMENT, stdin=subprocess.DEVNULL, check=False)
        return opened_stored(name, Path(folder))


def opened_stored(name: str, folder: Path) -> Stored:
    """What the reader left. Mapped files stay readable when they are deleted."""
    about: dict[str, Any] = {"rule": "TensorFlow Datasets can read the data set", "remedy": "is it out of memory?"}
    if (folder / "about.json").exists():
        about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
    if "rule" in about:
        raise refusal(name, problem(about["rule"], given=about.get("given"), remedy=about["remedy"], where=NAME))
    return Stored(
        class_names=tuple(about["class_names"]),
        image_shape=tuple(about["image_shape"]),
        splits={split: opened_records(folder, split) for split in about["splits"]},
    )


def opened_records(folder: Path, split: str) -> Records:
    """The files of one split."""
    content = np.memmap(folder / f"{split}.images", dtype=np.uint8, mode="r")
    return Records(content, np.load(folder / f"{split}.ends.npy"), np.load(folder / f"{split}.labels.npy"))
