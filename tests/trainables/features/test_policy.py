"""When features are stored, and why not where they are not."""

from __future__ import annotations

from typing import Any

import pytest

from spaces.config.trial import PretrainedModel, TrialConfig
from tests.trainables.small import config, mobilenet
from trainables.features.policy import Sharing, Source, decide
from trainables.models.fine_tuning import stages

MANY, ALONE = Sharing(images="digits", trials=10), Sharing(images="digits")
REPORTED = Sharing(images="digits", trials=10, anew=True)


def decided(settings: TrialConfig, sharing: Sharing, *, images: int = 200) -> list[Source]:
    """Of each stage."""
    model = settings.model
    assert isinstance(model, PretrainedModel)
    return [decide(settings, model, stage, sharing, images=images) for stage in stages(settings)]


def settings(*, strength: float = 0.0, epochs: int = 3, steps: int | None = None, **model: Any) -> TrialConfig:
    return config(
        mobilenet(**model), augmentation={"strength": strength}, epochs=epochs, steps_per_epoch=steps, batch_size=10
    )


@pytest.mark.parametrize(
    ("made", "sharing", "source"),
    [
        (settings(), MANY, Source.STORED),
        (settings(), ALONE, Source.STORED),
        (settings(features={"store": "off"}), MANY, Source.SWITCHED_OFF),
        (settings(strength=1.0), REPORTED, Source.FRESH),
        (settings(), REPORTED, Source.STORED),
        (settings(strength=1.0), ALONE, Source.TOO_FEW_EPOCHS),
        (settings(strength=1.0, epochs=5), ALONE, Source.STORED),
        (settings(strength=1.0, epochs=5, steps=10), ALONE, Source.TOO_FEW_EPOCHS),
        (settings(epochs=1), ALONE, Source.TOO_FEW_EPOCHS),
    ],
)
def test_features_are_stored_where_that_pays_and_changes_nothing(
    made: TrialConfig, sharing: Sharing, source: Source
) -> None:
    assert decided(made, sharing) == [source]


def test_where_all_layers_train_only_the_head_stage_is_stored() -> None:
    assert decided(settings(unfrozen_blocks=18), MANY) == [Source.STORED, Source.NOTHING_FROZEN]


@pytest.mark.parametrize("source", Source)
def test_every_answer_has_words_of_its_own_from_which_it_is_read_back(source: Source) -> None:
    assert Source.of(source.told) is source
