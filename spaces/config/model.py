"""The model of a configuration: a network from scratch, a pretrained backbone, or the user's own."""

from __future__ import annotations

from math import log
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from spaces.config.features import Features
from spaces.config.settings import (
    Count,
    CountOrNone,
    Epochs,
    FileRef,
    IncompatibleError,
    LearningRate,
    NonNegative,
    PathText,
    Positive,
    Rate,
    Settable,
    SettableUnlessZero,
    Settings,
    SidePx,
    SmallCount,
)

Rates = Rate | tuple[Rate, ...]
Penalty = Annotated[NonNegative, Settable]
RarePenalty = Annotated[NonNegative, SettableUnlessZero]
Folder = Annotated[PathText, FileRef(default_to_folder=True)]
WeightsFile = Annotated[PathText, FileRef("imagenet", "none")]
Activation = Literal["relu", "leaky_relu"]
MOST_FILTERS = 100_000
"""As `Count` allows."""
Initializer = Literal["he_normal", "he_uniform", "glorot_uniform"]


def _check_lengths(settings: Settings, wanted: dict[str, int], *, each: str) -> None:
    """Check that fields that are lists have the required number of entries. Raises: IncompatibleError."""
    for name, count in wanted.items():
        value = getattr(settings, name)
        if isinstance(value, tuple) and len(value) != count:
            entry = "true or false" if isinstance(next(iter(value), None), bool) else "number"
            rule = f"a list of {name} must have one {entry} per {each}: {count}, not {len(value)}"
            raise IncompatibleError(rule, at=(name,), remedy=f"give {count} of them, or one value for all")


class Head(Settings):
    """Turns feature maps into class probabilities."""

    pooling: Literal["average", "max", "flatten"] = "average"
    """How the last feature map becomes a vector."""
    units: Count | tuple[Count, ...] = ()
    """Units of the hidden dense layers, if any."""
    batch_norm: bool | tuple[bool, ...] = False
    """Batch normalisation in all hidden dense layers, or one value per layer: before the activation if a cnn has it
    there, otherwise after it."""
    dropout: Annotated[Rates, Settable] = 0.0
    """Dropout rate after the hidden dense layers, or one number per layer; without hidden layers, after the pooling."""
    activation: Activation | None = None
    """Activation of the hidden layers; by default the model's own, or relu on a backbone."""
    negative_slope: NonNegative | None = None
    """Slope of leaky_relu below zero; by default the model's own, or 0.1 on a backbone."""
    initializer: Initializer | None = None
    """Initializer of the hidden layers' kernels; by default the model's own, or glorot_uniform on a backbone."""
    l1: Annotated[NonNegative | None, SettableUnlessZero] = None
    """L1 penalty on the head's kernels; by default the model's."""
    l2: Annotated[NonNegative | None, Settable] = None
    """L2 penalty on the head's kernels; by default the model's."""
    bias_l2: Annotated[NonNegative | None, SettableUnlessZero] = None
    """L2 penalty on the head's biases; by default the model's."""

    @property
    def widths(self) -> tuple[int, ...]:
        """Units of the hidden dense layers, in order."""
        return self.units if isinstance(self.units, tuple) else (self.units,)

    @model_validator(mode="after")
    def _one_entry_a_hidden_layer(self) -> Self:
        _check_lengths(self, {"batch_norm": len(self.widths), "dropout": len(self.widths)}, each="hidden layer")
        return self


class CnnModel(Settings):
    """A convolutional network trained from scratch: blocks of convolutions, each followed by pooling and dropout."""

    kind: Literal["cnn"]
    blocks: SmallCount = 3
    """Number of blocks."""
    convs_per_block: SmallCount = 1
    """Convolutions per block."""
    filters: Count | tuple[Count, ...] = 32
    """Filters of the first block, or one number per block."""
    growth: Positive = 2.0
    """Each block has this many times the filters of the previous one, if filters is one number."""
    kernel_size: SmallCount | tuple[SmallCount, ...] = 3
    """Side of the convolution kernels, in pixels, or one number for each convolution of a block."""
    padding: Literal["same", "valid"] = "same"
    """Whether convolutions keep the size of the image (same) or lose a border of half a kernel (valid)."""
    residual: bool = False
    """Each block has a shortcut, a 3 × 3 convolution that is added before the block's last activation."""
    batch_norm: Literal["before", "after", "block", "off"] = "before"
    """Batch normalisation before or after each activation, once per block after its pooling, or not at all."""
    activation: Activation = "relu"
    """Activation of every hidden layer."""
    negative_slope: NonNegative = 0.1
    """Slope of leaky_relu below zero."""
    initializer: Initializer = "he_normal"
    """Initializer of the kernels."""
    pool_size: SmallCount = 2
    """Side of the max pooling that ends each block; 1 disables pooling."""
    pool: bool | tuple[bool, ...] = True
    """Whether blocks end in pooling: one value for all, or one per block."""
    dropout: Annotated[Rates, Settable] = 0.0
    """Dropout rate after each block: one number for all, or one per block."""
    conv_dropout: Annotated[Rates, SettableUnlessZero] = 0.0
    """Dropout rate after each convolution's activation: one number for all, one per block, or one per convolution."""
    l1: RarePenalty = 0.0
    """L1 penalty on every kernel."""
    l2: Penalty = 0.0
    """L2 penalty on every kernel."""
    bias_l2: RarePenalty = 0.0
    """L2 penalty on every bias."""
    head: Head = Head()
    """Turns feature maps into class probabilities."""

    @property
    def kernel_sizes(self) -> tuple[int, ...]:
        """Kernel size of each convolution of a block."""
        sizes = self.kernel_size
        return sizes if isinstance(sizes, tuple) else (sizes,) * self.convs_per_block

    @property
    def pools(self) -> tuple[bool, ...]:
        """Whether each block ends in pooling."""
        pools = self.pool if isinstance(self.pool, tuple) else (self.pool,) * self.blocks
        return tuple(pool and self.pool_size > 1 for pool in pools)

    @model_validator(mode="after")
    def _one_entry_a_block_or_convolution(self) -> Self:
        _check_lengths(self, {"filters": self.blocks, "dropout": self.blocks, "pool": self.blocks}, each="block")
        _check_lengths(self, {"kernel_size": self.convs_per_block}, each="convolution of a block")
        if not isinstance(self.conv_dropout, tuple) or len(self.conv_dropout) != self.blocks:
            each = "block or per convolution"
            _check_lengths(self, {"conv_dropout": self.blocks * self.convs_per_block}, each=each)
        return self

    @model_validator(mode="after")
    def _no_block_grows_beyond_what_a_layer_may_have(self) -> Self:
        growth = (self.blocks - 1) * log(self.growth)  # as a logarithm: the number itself may be too large for a float
        if isinstance(self.filters, int) and growth + log(self.filters) > log(MOST_FILTERS):
            rule = f"the last block may have {MOST_FILTERS:,} filters at most: filters × growth^(blocks - 1)"
            raise IncompatibleError(rule, at=("growth",), remedy="choose a smaller growth, or fewer filters or blocks")
        return self

    @model_validator(mode="after")
    def _a_way_around_keeps_the_size(self) -> Self:
        if self.residual and self.padding == "valid":
            rule = "a residual block must keep the size of the image, but padding: valid shrinks it"
            raise IncompatibleError(rule, at=("padding",), remedy="write padding: same, or residual: off")
        return self


class PretrainedModel(Settings):
    """A pretrained backbone, a new head, and as much of the backbone unfrozen as wanted."""

    only_when: ClassVar[dict[str, tuple[str, ...]]] = {
        "head_epochs": ("unfrozen_blocks", "unfreeze_from", "unfreeze_last"),
        "fine_tune_learning_rate": ("unfrozen_blocks", "unfreeze_from", "unfreeze_last"),
    }

    kind: Literal["pretrained"]
    backbone: str
    """Name of the backbone, such as mobilenet_v2."""
    alpha: Positive = 1.0
    """Width multiplier, for backbones that have one."""
    weights: WeightsFile
    """A weights file of the backbone without its top; "imagenet" for the published weights, "none" for random ones."""
    input_size: SidePx | None = None
    """Side in pixels to which images are resized in the graph; by default the backbone's own size."""
    unfrozen_blocks: CountOrNone = 0
    """Number of blocks of the backbone to train too, counted from the top."""
    unfreeze_from: str | Literal["off"] = "off"
    """Alternatively, the lowest layer of the backbone to train too, such as block_16_expand."""
    unfreeze_last: CountOrNone = 0
    """Alternatively, the number of layers of the backbone to train too, counted from the top."""
    head_epochs: Epochs = 1
    """Epochs in which only the head trains, before the unfrozen part joins in."""
    fine_tune_learning_rate: Annotated[LearningRate, Settable] = 1e-5
    """Learning rate once the unfrozen part trains."""
    l1: RarePenalty = 0.0
    """L1 penalty on the kernels of the head."""
    l2: Penalty = 0.0
    """L2 penalty on the kernels of the head."""
    bias_l2: RarePenalty = 0.0
    """L2 penalty on the biases of the head."""
    head: Head = Head()
    """Turns feature maps into class probabilities."""
    features: Features = Features()
    """How the frozen part's output is stored for all trials."""

    @property
    def fine_tunes(self) -> bool:
        """Whether any part of the backbone trains."""
        return bool(self.unfrozen_blocks or self.unfreeze_last or self.unfreeze_from != "off")

    @model_validator(mode="after")
    def _one_way_to_say_what_trains(self) -> Self:
        given = {name: getattr(self, name) for name in self.only_when["head_epochs"]}
        named = [name for name, value in given.items() if value not in (0, "off")]
        if len(named) > 1:
            rule = f"choose the unfrozen part in one way, not by {' and '.join(named)}"
            raise IncompatibleError(
                rule, at=(named[-1],), remedy=f"keep one of {', '.join(named)} (0 and off count as not given)"
            )
        return self


Value = bool | int | float | str | None


class CustomModel(Settings):
    """A model built by a function of yours, which runs only if you trust its module: ``--trust MODULE``."""

    kind: Literal["custom"]
    build: Annotated[str, Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*$", examples=["my_models:build"])]
    """The function, as module:name. It is called with the values, the images' shape (height, width, channels) and the
    number of classes, and returns a model of stock Keras layers: pixels from 0 to 255 in, softmax out."""
    values: dict[str, Value | tuple[Value, ...]] = Field(default_factory=dict)
    """The values that the function receives: scalars and lists of scalars."""
    folder: Folder = "."
    """The folder of the module, if it is not installed."""

    @property
    def module(self) -> str:
        """The module of the function: what must be trusted."""
        return self.build.partition(":")[0]


Model = Annotated[CnnModel | PretrainedModel | CustomModel, Field(discriminator="kind")]
