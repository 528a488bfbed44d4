"""A trial configuration: everything that one training run depends on, with no value left open."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from spaces.settings import ClashError, FileRef
from spaces.settings import Settable as Settable
from spaces.settings import Settings as Settings

Seed = Annotated[int, Field(ge=0, lt=2**32)]
Rate = Annotated[float, Field(ge=0, lt=1)]
Fraction = Annotated[float, Field(gt=0, lt=1)]
Regularisation = Annotated[NonNegativeFloat, Settable]
Path = Annotated[str, Field(min_length=1), FileRef()]
WeightsFile = Annotated[str, Field(min_length=1), FileRef("imagenet", "none")]


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


Data = Annotated[DigitsData | NpzData | FolderData, Field(discriminator="source")]


class Head(Settings):
    """What turns feature maps into class probabilities."""

    pooling: Literal["average", "max", "flatten"] = "average"
    """How the last feature map becomes a vector."""
    units: PositiveInt | tuple[PositiveInt, ...] = ()
    """Widths of the hidden dense layers, if any."""
    batch_norm: bool = False
    """Batch normalisation after each hidden dense layer."""
    dropout: Annotated[Rate, Settable] = 0.0
    """Dropout rate before each dense layer."""


class CnnModel(Settings):
    """A convolutional network trained from scratch: blocks of convolutions, each closed by pooling and dropout."""

    kind: Literal["cnn"]
    blocks: PositiveInt = 3
    """How many blocks."""
    convs_per_block: PositiveInt = 1
    """Convolutions in each block."""
    filters: PositiveInt | tuple[PositiveInt, ...] = 32
    """Filters of the first block, or one number a block."""
    growth: PositiveFloat = 2.0
    """Each block has this many times the filters of the one before, where one number is given."""
    kernel_size: PositiveInt = 3
    """Side of the convolution kernels, in pixels."""
    batch_norm: Literal["before", "after", "off"] = "before"
    """Batch normalisation before the activation, after it, or none."""
    activation: Literal["relu", "leaky_relu"] = "relu"
    """Activation of every hidden layer."""
    initializer: Literal["he_normal", "he_uniform", "glorot_uniform"] = "he_normal"
    """How kernels are drawn at the start."""
    pool_size: PositiveInt = 2
    """Side of the max pooling that ends each block; 1 pools nowhere."""
    dropout: Annotated[Rate, Settable] = 0.0
    """Dropout rate after each block."""
    l2: Regularisation = 0.0
    """L2 penalty on every kernel."""
    head: Head = Head()
    """What turns feature maps into class probabilities."""

    @model_validator(mode="after")
    def _one_number_of_filters_a_block(self) -> Self:
        if isinstance(self.filters, tuple) and len(self.filters) != self.blocks:
            rule = f"a list of filters must have one number a block: {self.blocks}, not {len(self.filters)}"
            raise ClashError(rule, at=("filters",), remedy="make the list as long as `blocks`, or give one number")
        return self


class PretrainedModel(Settings):
    """A backbone trained elsewhere, a new head, and as many unfrozen blocks as wanted."""

    only_when: ClassVar[dict[str, str]] = {
        "head_epochs": "unfrozen_blocks",
        "fine_tune_learning_rate": "unfrozen_blocks",
    }

    kind: Literal["pretrained"]
    backbone: str
    """Name of the backbone, such as mobilenet_v2."""
    alpha: PositiveFloat = 1.0
    """Width multiplier, for the backbones that have one."""
    weights: WeightsFile
    """A weights file of the backbone without its top, "imagenet" for the published ones, "none" for random ones."""
    input_size: PositiveInt | None = None
    """Side in pixels to which images are resized in the graph; the backbone's own size where not given."""
    unfrozen_blocks: NonNegativeInt = 0
    """Blocks of the backbone, counted from the top, that are trained too."""
    head_epochs: PositiveInt = 1
    """Epochs in which only the head is trained, before the unfrozen blocks join in."""
    fine_tune_learning_rate: Annotated[PositiveFloat, Settable] = 1e-5
    """Learning rate once the unfrozen blocks train."""
    l2: Regularisation = 0.0
    """L2 penalty on the kernels of the head."""
    head: Head = Head()
    """What turns feature maps into class probabilities."""


Model = Annotated[CnnModel | PretrainedModel, Field(discriminator="kind")]

Transform = Literal["flip", "rotation", "shift", "zoom", "shear", "brightness", "contrast"]


class Augmentation(Settings):
    """Random changes to training images, in the graph, on the batch; one strength scales them all."""

    policy: tuple[Transform, ...] = ()
    """Which transforms take part."""
    strength: Annotated[float, Field(ge=0, le=1), Settable] = 0.0
    """0 leaves images as they are; 1 is the full range of each transform."""


class Constant(Settings):
    """The learning rate stays as it is."""

    kind: Literal["constant"] = "constant"


class Plateau(Settings):
    """The learning rate falls when the validation loss no longer does."""

    kind: Literal["plateau"]
    factor: Fraction = 0.5
    """Multiplies the rate at each fall."""
    patience: PositiveInt = 3
    """Epochs without a lower validation loss before a fall."""
    min_learning_rate: NonNegativeFloat = 1e-6
    """The rate never falls below this."""


class Exponential(Settings):
    """The learning rate decays by a constant factor an epoch, after a flat start."""

    kind: Literal["exponential"]
    decay: PositiveFloat = 0.1
    """The rate is multiplied by e^-decay each epoch."""
    after: NonNegativeInt = 0
    """Epochs at the full rate before the decay begins."""


class Cosine(Settings):
    """The learning rate warms up linearly, then follows half a cosine towards zero."""

    kind: Literal["cosine"]
    warmup: NonNegativeInt = 0
    """Epochs of linear warm-up."""


Schedule = Annotated[Constant | Plateau | Exponential | Cosine, Field(discriminator="kind")]


class Optimizer(Settings):
    """How weights follow gradients."""

    name: Literal["adam", "adamw", "rmsprop", "sgd"] = "adam"
    """Which rule makes a step of a gradient."""
    learning_rate: Annotated[PositiveFloat, Settable] = 1e-3
    """Learning rate at the start (of the head, where a backbone is fine-tuned)."""
    momentum: Rate = 0.0
    """Momentum, for sgd and rmsprop."""
    weight_decay: Annotated[NonNegativeFloat, Settable] = 0.0
    """Decoupled weight decay, for adamw."""
    schedule: Schedule = Constant()
    """How the learning rate changes from epoch to epoch."""


class Training(Settings):
    """How long, in what portions, from which seed."""

    epochs: PositiveInt
    """The horizon: no trial trains longer."""
    batch_size: PositiveInt = 32
    """Images in one step."""
    patience: PositiveInt | None = None
    """Epochs without a better metric after which a trial ends by itself; none: it runs to the horizon."""
    min_delta: NonNegativeFloat = 0.0
    """A change of the metric smaller than this counts as none."""
    seed: Annotated[Seed, Settable] = 0
    """Seed of initial weights, data order, dropout and augmentation."""


class TrialConfig(Settings):
    """What a trial trains, what best.yaml holds and what retrain reads."""

    data: Data
    """The images to learn from."""
    model: Model
    """The network."""
    augmentation: Augmentation = Augmentation()
    """Random changes to the training images."""
    optimizer: Optimizer = Optimizer()
    """How weights follow gradients."""
    training: Training
    """How long, in what portions, from which seed."""

    @model_validator(mode="after")
    def _stages_end_before_the_horizon(self) -> Self:
        model, schedule, epochs = self.model, self.optimizer.schedule, self.training.epochs
        if isinstance(model, PretrainedModel) and model.unfrozen_blocks and model.head_epochs >= epochs:
            rule = f"head_epochs must be smaller than training.epochs, {epochs}, or nothing is ever fine-tuned"
            raise ClashError(rule, at=("model", "head_epochs"), remedy="train the head for fewer epochs")
        if isinstance(schedule, Cosine) and schedule.warmup >= epochs:
            rule = f"warmup must be smaller than training.epochs, {epochs}, or the rate never falls"
            raise ClashError(rule, at=("optimizer", "schedule", "warmup"), remedy="warm up for fewer epochs")
        return self
