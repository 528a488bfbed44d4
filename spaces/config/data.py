"""Where the images come from, and how they are split."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from spaces.config.settings import FileRef, Fraction, PathText, Seed, Settings

Path = Annotated[PathText, FileRef()]


class Split(Settings):
    """How the images are split. Parts that the data set provides are used as they are."""

    validation: Fraction = 0.2
    """Share of the training images held out for validation, if the data set has no validation part."""
    test: Fraction = 0.2
    """Share of all images kept for the final score, if the data set has no test part."""
    split_seed: Seed = 0
    """Seed of the stratified split; independent of the training seed."""


class DigitsData(Split):
    """scikit-learn's handwritten digits: 1,797 grey images of 8 × 8 pixels, 10 classes."""

    source: Literal["digits"]


class NpzData(Split):
    """A NumPy archive with x_train, y_train and, optionally, x_val, y_val, x_test, y_test, class_names."""

    source: Literal["npz"]
    path: Path
    """The .npz file. Images are uint8 of shape (n, height, width[, channels])."""


class FolderData(Split):
    """A folder of class folders, or of train / val / test folders of class folders."""

    source: Literal["folder"]
    path: Path
    """The folder."""
    image_size: PositiveInt = 128
    """Images are resized to a square of this many pixels a side."""
    unreadable: Literal["refuse", "skip"] = "refuse"
    """What to do about image files that cannot be read: refuse the data set, or leave them out."""


class CsvData(Split):
    """A table of image names and classes, and a folder of images: the layout of many competitions."""

    source: Literal["csv"]
    labels: Path
    """The table: comma-separated, UTF-8, a header in its first row."""
    path: Path
    """The folder of the images, including its subfolders."""
    id_column: Annotated[str, Field(min_length=1)] = "id"
    """The column of image names, relative to the folder, with or without their extension."""
    label_column: Annotated[str, Field(min_length=1)] | None = None
    """The column of the classes; by default the only other column, or the one called label."""
    extension: Annotated[str, Field(min_length=1)] | None = None
    """The extension of the image files, such as jpg; by default it is found for each image."""
    image_size: PositiveInt = 128
    """Images are resized to a square of this many pixels a side."""
    unreadable: Literal["refuse", "skip"] = "refuse"
    """What to do about image files that cannot be read: refuse the data set, or leave them out."""


class TfdsData(Split):
    """A classification data set of TensorFlow Datasets, with the train, validation and test parts that it has."""

    source: Literal["tfds"]
    name: Annotated[str, Field(min_length=1)]
    """The name, such as stanford_dogs, followed by /config if there are several."""
    version: Annotated[str, Field(min_length=1)] | None = None
    """The version, such as 0.2.0; by default the newest."""
    data_dir: Path | None = None
    """The folder of prepared data sets; by default that of TensorFlow Datasets."""
    image_size: PositiveInt | None = None
    """Images are resized to a square of this many pixels a side; by default they keep the size that all share."""


Data = Annotated[DigitsData | NpzData | FolderData | CsvData | TfdsData, Field(discriminator="source")]
