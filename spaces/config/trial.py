"""A trial configuration: everything that one training run depends on, with no value left open."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from spaces.config.augmentation import Augmentation as Augmentation
from spaces.config.augmentation import Ranges as Ranges
from spaces.config.augmentation import Transform as Transform
from spaces.config.data import CsvData as CsvData
from spaces.config.data import Data as Data
from spaces.config.data import DigitsData as DigitsData
from spaces.config.data import FolderData as FolderData
from spaces.config.data import NpzData as NpzData
from spaces.config.data import Split as Split
from spaces.config.data import TfdsData as TfdsData
from spaces.config.features import Features as Features
from spaces.config.model import CnnModel as CnnModel
from spaces.config.model import CustomModel as CustomModel
from spaces.config.model import Head as Head
from spaces.config.model import Model as Model
from spaces.config.model import PretrainedModel as PretrainedModel
from spaces.config.optimizer import Constant as Constant
from spaces.config.optimizer import Cosine as Cosine
from spaces.config.optimizer import Exponential as Exponential
from spaces.config.optimizer import Optimizer as Optimizer
from spaces.config.optimizer import Plateau as Plateau
from spaces.config.optimizer import Product as Product
from spaces.config.optimizer import Schedule as Schedule
from spaces.config.settings import ClashError
from spaces.config.settings import Settable as Settable
from spaces.config.settings import Settings as Settings
from spaces.config.training import Training as Training


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
        if isinstance(model, PretrainedModel) and model.fine_tunes and model.head_epochs >= epochs:
            rule = f"head_epochs must be smaller than training.epochs, {epochs}, or nothing is ever fine-tuned"
            raise ClashError(rule, at=("model", "head_epochs"), remedy="train the head for fewer epochs")
        cosine = schedule.cosine if isinstance(schedule, Product) else schedule
        if isinstance(cosine, Cosine) and cosine.warmup >= epochs:
            rule = f"warmup must be smaller than training.epochs, {epochs}, or the rate never falls"
            at = ("optimizer", "schedule", *(("cosine",) if isinstance(schedule, Product) else ()), "warmup")
            raise ClashError(rule, at=at, remedy="warm up for fewer epochs")
        return self
