"""Where the images come from, and how they are divided."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from spaces.config.settings import FileRef, Fraction, Seed, Settings

Path = Annotated[str, Field(min_length=1), FileRef()]


class Split(Settings):
    """How the images are divided. Parts that the data set brings along itself are used as they are."""

    validation: Fraction = 0.2
    """Share of the training images held out to choose by, where the data set has no validation part."""
    test: Fraction = 0.2
    """Share of all images kept for the final score, where the data set has no test part."""
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


class CsvData(Split):
    """A table of image names and classes beside a folder of images: the layout of many competitions."""

    source: Literal["csv"]
    labels: Path
    """The table: comma-separated, UTF-8, a header in its first row."""
    path: Path
    """The folder of the images; folders inside it are looked into."""
    id_column: Annotated[str, Field(min_length=1)] = "id"
    """The column that names the images, from the folder on, with or without their ending."""
    label_column: Annotated[str, Field(min_length=1)] | None = None
    """The column of the classes; where not given, the only other one, or of several the one called label."""
    extension: Annotated[str, Field(min_length=1)] | None = None
    """What the images' names end in, such as jpg; where not given, it is found for each."""
    image_size: PositiveInt = 128
    """Images are resized to a square of this many pixels a side."""


class TfdsData(Split):
    """A classification set of TensorFlow Datasets: its own train, validation and test parts, where it has them."""

    source: Literal["tfds"]
    name: Annotated[str, Field(min_length=1)]
    """Its name, such as stanford_dogs, with a /config where it has several."""
    version: Annotated[str, Field(min_length=1)] | None = None
    """Such as 0.2.0; the newest where not given."""
    data_dir: Path | None = None
    """The folder of prepared sets; that of TensorFlow Datasets where not given."""
    image_size: PositiveInt | None = None
    """Images are resized to a square of this many pixels a side; where not given, they keep the size they all have."""


Data = Annotated[DigitsData | NpzData | FolderData | CsvData | TfdsData, Field(discriminator="source")]
