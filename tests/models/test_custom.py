"""Whatever model a user's function returns, it trains an epoch or is refused with an error that names the function."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import pytest

from spaces.problem import InputError
from tests.trainables.models.strange_models import REFUSED, TRAINED, module
from tests.trainables.small import config, fit
from trainables import trust as trusting
from trainables.trust import trust


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(trusting, "_trusted", set())
    monkeypatch.syspath_prepend(tmp_path)
    before = keras.config.dtype_policy()
    yield tmp_path
    keras.config.set_dtype_policy(before)


def settings(folder: Path, body: str) -> dict[str, Any]:
    name = f"strange_{abs(hash(body))}"
    (folder / f"{name}.py").write_text(module(body))
    trust([name])
    return {"kind": "custom", "build": f"{name}:build", "folder": str(folder)}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_classifier_is_refused(folder: Path, kind: str) -> None:
    model = settings(folder, REFUSED[kind])
    with pytest.raises(InputError) as caught:
        fit(config(model, epochs=1))
    assert caught.value.problems[0].path == ("model", "build")


@pytest.mark.parametrize("kind", TRAINED)
def test_a_strange_classifier_trains_or_is_refused(folder: Path, kind: str) -> None:
    model = settings(folder, TRAINED[kind])
    try:
        trained = fit(config(model, epochs=1))
    except InputError:
        return
    trained.model().save(folder / "model.keras")
    assert keras.saving.load_model(folder / "model.keras").output_shape == (None, 10)
