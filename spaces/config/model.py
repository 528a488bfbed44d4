"""What a configuration says of its model: a network from scratch, a pretrained backbone, or the user's own."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from spaces.config.features import Features
from spaces.config.settings import ClashError, FileRef, Rate, Settable, SettableUnlessZero, Settings

Rates = Rate | tuple[Rate, ...]
Penalty = Annotated[NonNegativeFloat, Settable]
RarePenalty = Annotated[NonNegativeFloat, SettableUnlessZero]
Folder = Annotated[str, Field(min_length=1), FileRef(beside=True)]
WeightsFile = Annotated[str, Field(min_length=1), FileRef("imagenet", "none")]
Activation = Literal["relu", "leaky_relu"]
Initializer = Literal["he_normal", "he_uniform", "glorot_uniform"]


def _refuse_lengths(settings: Settings, wanted: dict[str, int], *, each: str) -> None:
    """Holds the fields that are lists to the number of entries that they must have. Raises: ClashError."""
    for name, count in wanted.items():
        value = getattr(settings, name)
        if isinstance(value, tuple) and len(value) != count:
            entry = "answer" if isinstance(next(iter(value), None), bool) else "number"
            rule = f"a list of {name} must have one {entry} a {each}: {count}, not {len(value)}"
            raise ClashError(rule, at=(name,), remedy="make the list as long as that, or give one value for all")


class Head(Settings):
    """What turns feature maps into class probabilities."""

    pooling: Literal["average", "max", "flatten"] = "average"
    """How the last feature map becomes a vector."""
    units: PositiveInt | tuple[PositiveInt, ...] = ()
    """Widths of the hidden dense layers, if any."""
    batch_norm: bool | tuple[bool, ...] = False
    """Batch normalisation in each hidden dense layer, or one answer a layer: before the activation where a cnn has it
    there, else after it."""
    dropout: Annotated[Rates, Settable] = 0.0
    """Dropout rate after each hidden dense layer, or one number a layer; without hidden layers, after the pooling."""
    activation: Activation | None = None
    """Activation of the hidden layers; the model's own where not given, relu on a backbone."""
    negative_slope: NonNegativeFloat | None = None
    """Slope of leaky_relu below zero; the model's own where not given, 0.1 on a backbone."""
    initializer: Initializer | None = None
    """How the kernels of the hidden layers are drawn; as the model's where not given, glorot_uniform on a backbone."""
    l1: Annotated[NonNegativeFloat | None, SettableUnlessZero] = None
    """L1 penalty on the head's kernels; the model's where not given."""
    l2: Annotated[NonNegativeFloat | None, Settable] = None
    """L2 penalty on the head's kernels; the model's where not given."""
    bias_l2: Annotated[NonNegativeFloat | None, SettableUnlessZero] = None
    """L2 penalty on the head's biases; the model's where not given."""

    @property
    def widths(self) -> tuple[int, ...]:
        """Of the hidden dense layers, the first one first."""
        return self.units if isinstance(self.units, tuple) else (self.units,)

    @model_validator(mode="after")
    def _one_entry_a_hidden_layer(self) -> Self:
        _refuse_lengths(self, {"batch_norm": len(self.widths), "dropout": len(self.widths)}, each="hidden layer")
        return self


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
    kernel_size: PositiveInt | tuple[PositiveInt, ...] = 3
    """Side of the convolution kernels, in pixels, or one number for each convolution of a block."""
    padding: Literal["same", "valid"] = "same"
    """Whether convolutions keep the size of their images, or lose a border of half a kernel."""
    residual: bool = False
    """A 3 × 3 convolution leads around each block and is added before the block's last activation."""
    batch_norm: Literal["before", "after", "block", "off"] = "before"
    """Batch normalisation before each activation, after it, once a block after its pooling, or none."""
    activation: Activation = "relu"
    """Activation of every hidden layer."""
    negative_slope: NonNegativeFloat = 0.1
    """Slope of leaky_relu below zero."""
    initializer: Initializer = "he_normal"
    """How kernels are drawn at the start."""
    pool_size: PositiveInt = 2
    """Side of the max pooling that ends each block; 1 pools nowhere."""
    pool: bool | tuple[bool, ...] = True
    """Whether blocks end in pooling, or one answer a block."""
    dropout: Annotated[Rates, Settable] = 0.0
    """Dropout rate after each block, or one number a block."""
    conv_dropout: Annotated[Rates, SettableUnlessZero] = 0.0
    """Dropout rate after the activation of each convolution, or one number a block, or one a convolution."""
    l1: RarePenalty = 0.0
    """L1 penalty on every kernel."""
    l2: Penalty = 0.0
    """L2 penalty on every kernel."""
    bias_l2: RarePenalty = 0.0
    """L2 penalty on every bias."""
    head: Head = Head()
    """What turns feature maps into class probabilities."""

    @property
    def kernel_sizes(self) -> tuple[int, ...]:
        """Of each convolution of a block."""
        sizes = self.kernel_size
        return sizes if isinstance(sizes, tuple) else (sizes,) * self.convs_per_block

    @property
    def pools(self) -> tuple[bool, ...]:
        """Whether each block ends in pooling."""
        pools = self.pool if isinstance(self.pool, tuple) else (self.pool,) * self.blocks
        return tuple(pool and self.pool_size > 1 for pool in pools)

    @model_validator(mode="after")
    def _one_entry_a_block_or_convolution(self) -> Self:
        _refuse_lengths(self, {"filters": self.blocks, "dropout": self.blocks, "pool": self.blocks}, each="block")
        _refuse_lengths(self, {"kernel_size": self.convs_per_block}, each="convolution of a block")
        if not isinstance(self.conv_dropout, tuple) or len(self.conv_dropout) != self.blocks:
            each = "block or one a convolution"
            _refuse_lengths(self, {"conv_dropout": self.blocks * self.convs_per_block}, each=each)
        return self

    @model_validator(mode="after")
    def _a_way_around_keeps_the_size(self) -> Self:
        if self.residual and self.padding == "valid":
            rule = "the way around a residual block must end at the size of the block: padding valid shrinks images"
            raise ClashError(rule, at=("padding",), remedy="write padding: same, or residual: off")
        return self


class PretrainedModel(Settings):
    """A backbone trained elsewhere, a new head, and as much of the backbone unfrozen as wanted."""

    only_when: ClassVar[dict[str, tuple[str, ...]]] = {
        "head_epochs": ("unfrozen_blocks", "unfreeze_from", "unfreeze_last"),
        "fine_tune_learning_rate": ("unfrozen_blocks", "unfreeze_from", "unfreeze_last"),
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
    unfreeze_from: str | Literal["off"] = "off"
    """Instead: the layer of the backbone from which on, to the top, layers are trained too, such as block_16_expand."""
    unfreeze_last: NonNegativeInt = 0
    """Instead: how many layers of the backbone, counted from the top, are trained too."""
    head_epochs: PositiveInt = 1
    """Epochs in which only the head is trained, before the unfrozen part joins in."""
    fine_tune_learning_rate: Annotated[PositiveFloat, Settable] = 1e-5
    """Learning rate once the unfrozen part trains."""
    l1: RarePenalty = 0.0
    """L1 penalty on the kernels of the head."""
    l2: Penalty = 0.0
    """L2 penalty on the kernels of the head."""
    bias_l2: RarePenalty = 0.0
    """L2 penalty on the biases of the head."""
    head: Head = Head()
    """What turns feature maps into class probabilities."""
    features: Features = Features()
    """What is kept of the frozen part's output, for all trials."""

    @property
    def fine_tunes(self) -> bool:
        """Whether any part of the backbone trains."""
        return bool(self.unfrozen_blocks or self.unfreeze_last or self.unfreeze_from != "off")

    @model_validator(mode="after")
    def _one_way_to_say_what_trains(self) -> Self:
        given = {name: getattr(self, name) for name in self.only_when["head_epochs"]}
        named = [name for name, value in given.items() if value not in (0, "off")]
        if len(named) > 1:
            rule = f"the unfrozen part is told in one way, not by {' and '.join(named)}"
            raise ClashError(rule, at=(named[-1],), remedy=f"keep one of {', '.join(named)}; 0 and off say nothing")
        return self


Value = bool | int | float | str | None


class CustomModel(Settings):
    """A model that a function of the user's builds. It runs only with ``--trust`` and the name of its module."""

    kind: Literal["custom"]
    build: Annotated[str, Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*$", examples=["my_models:build"])]
    """The function, as module:name. It is called with the values, the images' shape (height, width, channels) and the
    number of classes, and returns a model of stock Keras layers: pixels from 0 to 255 in, softmax out."""
    values: dict[str, Value | tuple[Value, ...]] = Field(default_factory=dict)
    """What the function is told: scalars and lists of them."""
    folder: Folder = "."
    """Where the module lies, if it is not installed."""

    @property
    def module(self) -> str:
        """The module of the function: what must be trusted."""
        return self.build.partition(":")[0]


Model = Annotated[CnnModel | PretrainedModel | CustomModel, Field(discriminator="kind")]
