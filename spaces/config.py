"""A trial configuration: everything that one training run depends on, with no value left open."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from spaces.augmentation import Augmentation as Augmentation
from spaces.augmentation import Ranges as Ranges
from spaces.augmentation import Transform as Transform
from spaces.data import CsvData as CsvData
from spaces.data import Data as Data
from spaces.data import DigitsData as DigitsData
from spaces.data import FolderData as FolderData
from spaces.data import NpzData as NpzData
from spaces.data import Split as Split
from spaces.data import TfdsData as TfdsData
from spaces.features import Features as Features
from spaces.model import CnnModel as CnnModel
from spaces.model import CustomModel as CustomModel
from spaces.model import Head as Head
from spaces.model import Model as Model
from spaces.model import PretrainedModel as PretrainedModel
from spaces.optimizer import Constant as Constant
from spaces.optimizer import Cosine as Cosine
from spaces.optimizer import Exponential as Exponential
from spaces.optimizer import Optimizer as Optimizer
from spaces.optimizer import Plateau as Plateau
from spaces.optimizer import Product as Product
from spaces.optimizer import Schedule as Schedule
from spaces.settings import ClashError
from spaces.settings import Settable as Settable
from spaces.settings import Settings as Settings
from spaces.training import Training as Training


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
