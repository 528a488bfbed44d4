"""Where the images come from, and how they are split."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from spaces.config.settings import FileRef, Fraction, IncompatibleError, PathText, Seed, Settings, SidePx

Path = Annotated[PathText, FileRef()]
Column = Annotated[str, Field(min_length=1)]


class Split(Settings):
    """How the images are split. Parts that the data set provides are used as they are."""

    validation: Fraction = 0.2
    """Share of the training images held out for validation, if the data set has no validation part."""
    test: Fraction = 0.2
    """Share of all images kept for the final score, if the data set has no test part."""
    split_seed: Seed = 0
    """Seed of the stratified split; independent of the training seed."""
    copies: Literal["auto", "pixels", "bytes"] = "auto"
    """What makes two images copies, which stay in one part of a split: equal pixels once decoded, or equal bytes of
    their files. By default pixels, unless the set is too large to be kept decoded."""
    near_copies: bool = True
    """Whether images in two parts that look alike, such as resized or recompressed ones, are reported."""
    distinct_names: bool = False
    """Whether class names may differ in nothing but case, blanks, their Unicode form or how a number is written."""


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
    image_size: SidePx = 128
    """Images are resized to a square of this many pixels a side."""
    unreadable: Literal["refuse", "skip"] = "refuse"
    """What to do about image files that cannot be read: refuse the data set, or leave them out."""


class CsvData(Split):
    """A table of image names and classes, and a folder of images: the layout of many competitions."""

    source: Literal["csv"]
    labels: Path
    """The table: text in UTF-8 or UTF-16, its columns separated by commas, semicolons, tabs or bars."""
    header: bool = True
    """Whether the first row names the columns; otherwise they are called 1, 2, …"""
    path: Path
    """The folder of the images, including its subfolders."""
    id_column: Column = "id"
    """The column of image names, relative to the folder, with or without their extension."""
    label_column: Column | None = None
    """The column of the classes; by default the only other column, or the one called label."""
    label_columns: Annotated[tuple[Column, ...], Field(min_length=2)] | None = None
    """One-hot columns, one per class, in place of a label column: 1 or true for the class of the image, else 0."""
    split_column: Column | None = None
    """The column that says of which part an image is: train, validation or test, in the usual spellings, or true and
    false in a column such as is_test. Parts that it does not name are split off train."""
    extension: Annotated[str, Field(min_length=1)] | None = None
    """The extension of the image files, such as jpg; by default it is found for each image."""
    image_size: SidePx = 128
    """Images are resized to a square of this many pixels a side."""
    unreadable: Literal["refuse", "skip"] = "refuse"
    """What to do about image files that cannot be read: refuse the data set, or leave them out."""

    @model_validator(mode="after")
    def _no_column_twice(self) -> Self:
        if self.label_column is not None and self.label_columns is not None:
            rule = "the classes are in one column, or in one-hot columns, not in both"
            raise IncompatibleError(rule, at=("label_columns",), remedy="keep label_column or label_columns")
        labels = (*(self.label_columns or ()), *([] if self.label_column is None else [self.label_column]))
        if self.split_column is not None and self.split_column in (self.id_column, *labels):
            rule = f"a column has one meaning; {self.split_column} is named twice"
            raise IncompatibleError(rule, at=("split_column",), remedy="name the column of train, validation and test")
        if self.id_column in labels or len(set(labels)) < len(labels):
            rule = "a column has one meaning; one of them is named twice"
            at = "label_column" if self.label_columns is None else "label_columns"
            raise IncompatibleError(rule, at=(at,), remedy="name each column once")
        return self


class TfdsData(Split):
    """A classification data set of TensorFlow Datasets, with the train, validation and test parts that it has."""

    source: Literal["tfds"]
    name: Annotated[str, Field(min_length=1)]
    """The name, such as stanford_dogs, followed by /config if there are several."""
    version: Annotated[str, Field(min_length=1)] | None = None
    """The version, such as 0.2.0; by default the newest."""
    data_dir: Path | None = None
    """The folder of prepared data sets; by default that of TensorFlow Datasets."""
    image_size: SidePx | None = None
    """Images are resized to a square of this many pixels a side; by default they keep the size that all share."""


Data = Annotated[DigitsData | NpzData | FolderData | CsvData | TfdsData, Field(discriminator="source")]
