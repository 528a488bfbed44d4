"""Training on stored features: the same training, less work, and a reason where it is not done."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from spaces.config.trial import TrialConfig
from tests.trainables.small import config, digits, fit, measured, mobilenet
from trainables.data import store
from trainables.features import table
from trainables.features.policy import Sharing, Source
from trainables.features.prefix import Prefix
from trainables.features.storage import NoRoomError
from trainables.training import feed
from trainables.training import train as training
from trainables.training.checkpoint import Snapshot
from trainables.training.early_stopping import Interrupted
from trainables.training.train import Hooks, Trained

SHARING = Sharing(images="digits", trials=10)


@pytest.fixture(autouse=True)
def _fresh(cache: object) -> Iterator[None]:
    table._entries.clear()
    yield
    table._entries.clear()


def settings(
    *, features: dict[str, Any] | None = None, strength: float = 0.0, epochs: int = 3, **model: Any
) -> TrialConfig:
    head = {"units": (8,), "dropout": 0.2}
    network = mobilenet(**{"head": head, "features": {"dtype": "float32", **(features or {})}, **model})
    return config(network, augmentation={"strength": strength}, epochs=epochs)


def sources(trained: Trained) -> list[Source]:
    return [Source(int(row["features"])) for row in trained.history]


def stored_bytes() -> int:
    """Of all that lies in the store."""
    return sum(file.stat().st_size for file in store.root().rglob("*") if file.is_file())


@pytest.mark.parametrize("model", [{}, {"unfrozen_blocks": 1}, {"head": {"pooling": "flatten"}}], ids=str)
def test_stored_features_train_as_the_whole_network_does(model: dict[str, Any]) -> None:
    whole = fit(settings(**model))
    weights = [weight.copy() for weight in whole.built.model.get_weights()]
    stored = fit(settings(**model), sharing=SHARING)
    assert "features" not in whole.history[0]
    assert sources(stored) == [Source.STORED] * 3
    assert np.allclose(measured(stored), measured(whole), rtol=1e-5, atol=1e-6)
    for one, other in zip(weights, stored.built.model.get_weights(), strict=True):
        assert np.allclose(one, other, rtol=1e-5, atol=1e-6)


def test_half_precision_changes_little() -> None:
    exact, half = fit(settings(), sharing=SHARING), fit(settings(features={"dtype": "float16"}), sharing=SHARING)
    losses = [[(row["loss"], row["val_loss"]) for row in trained.history] for trained in (exact, half)]
    assert np.allclose(losses[1], losses[0], rtol=1e-3)
    assert losses[1] != losses[0]


def test_features_are_computed_once_for_all_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    first = fit(settings(strength=0.5, epochs=6), sharing=SHARING)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("computed twice")

    monkeypatch.setattr(Prefix, "compute", refuse)
    table._entries.clear()
    again = fit(settings(strength=0.6, epochs=6), sharing=SHARING)  # of the same multiple
    assert measured(again) == measured(first)


def test_a_trial_that_is_stopped_early_needs_no_more_views_than_it_has_epochs(monkeypatch: pytest.MonkeyPatch) -> None:
    computed: list[tuple[float, int]] = []
    compute = Prefix.compute

    def watched(self: Prefix, pixels: Any, *, strength: float, seed: Any, heed: Any) -> Any:
        computed.append((strength, int(seed[1])))
        return compute(self, pixels, strength=strength, seed=seed, heed=heed)

    monkeypatch.setattr(Prefix, "compute", watched)
    fit(settings(strength=0.5, epochs=2), sharing=SHARING)
    assert sorted(computed) == [(0.0, 0), (0.5, 0), (0.5, 1)]  # one chunk a view


def test_a_training_that_goes_on_is_the_one_that_was_never_interrupted() -> None:
    snapshots: list[Snapshot] = []
    hooks = Hooks(on_epoch=lambda row, reason, snapshot: snapshots.append(snapshot()))
    tuned = settings(strength=0.5, epochs=6, unfrozen_blocks=1)
    whole = fit(tuned, sharing=SHARING, hooks=hooks)
    assert measured(fit(tuned, sharing=SHARING, resume=snapshots[2])) == measured(whole)


def test_what_fine_tuning_changes_is_in_no_stored_feature() -> None:
    """The upper layers train in the second stage, while later views are still being computed."""
    fit(settings(strength=0.5, unfrozen_blocks=1, head={}, epochs=5), sharing=SHARING)
    frozen = Sharing(images="digits", trials=10, cuts=shelf_cuts())
    first = measured(fit(settings(strength=0.5, epochs=5, head={}), sharing=frozen))
    table._entries.clear()
    for folder in list(store.root().iterdir()):
        if folder.is_dir():
            store.evict(folder)
    assert measured(fit(settings(strength=0.5, epochs=5, head={}), sharing=frozen)) == first


def shelf_cuts() -> tuple[Any, ...]:
    from trainables.models.cut import cuts_of

    model = settings(unfrozen_blocks=1, head={}).model
    assert model.kind == "pretrained"
    return cuts_of(model)


def test_what_is_too_large_is_computed_and_said_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    feed.say_once.cache_clear()
    monkeypatch.setenv(store.LIMIT, "0.0000001")
    with caplog.at_level(logging.WARNING):
        trained, _ = (fit(settings(), sharing=SHARING) for _ in range(2))
    assert sources(trained) == [Source.TOO_LARGE] * 3
    (told,) = [record.message for record in caplog.records if "features" in record.message]
    assert told.endswith("and TUNEHOUND_CACHE_GB allows no more: the frozen part is computed in every epoch")


def test_where_not_all_cuts_fit_its_own_is_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    images, held_out = digits()
    vectors = 4 * 1280 * (len(images) + len(held_out))
    monkeypatch.setenv(store.LIMIT, f"{(1.2 * vectors + stored_bytes()) / 1e9}")
    sharing = Sharing(images="digits", trials=10, cuts=shelf_cuts())
    assert sources(fit(settings(), sharing=sharing)) == [Source.STORED] * 3


def test_what_no_trial_of_a_process_uses_any_more_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    fit(settings(strength=0.25), sharing=SHARING)
    monkeypatch.setenv(store.LIMIT, f"{1.2 * stored_bytes() / 1e9}")
    assert sources(fit(settings(strength=0.75), sharing=SHARING)) == [Source.STORED] * 3


def test_a_disk_that_becomes_full_loses_no_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    filled = table.Shelf.fill

    def full(self: table.Shelf, view: int, heed: Any) -> None:
        if view == 1:
            raise NoRoomError("disk", 1000)
        filled(self, view, heed)

    monkeypatch.setattr(table.Shelf, "fill", full)
    trained = fit(settings(strength=1.0, epochs=4), sharing=SHARING)
    assert sources(trained) == [Source.STORED, *[Source.NO_DISK] * 3]
    assert all(np.isfinite(row["val_loss"]) for row in trained.history)


def test_an_interruption_is_heeded_while_features_are_computed() -> None:
    asked: list[int] = []

    def interrupted() -> bool:
        asked.append(1)
        return len(asked) > 2  # before the chunk, then before its batch

    with pytest.raises(Interrupted):
        fit(settings(), sharing=SHARING, hooks=Hooks(interrupted=interrupted))
    assert sources(fit(settings(), sharing=SHARING)) == [Source.STORED] * 3


def test_a_network_from_scratch_has_no_such_column() -> None:
    assert "features" not in fit(config(epochs=1), sharing=SHARING).history[0]
    training._kept.clear()
