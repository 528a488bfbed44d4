"""A backbone trains in half precision, too."""

from __future__ import annotations

from tests.trainables.small import config, fit, mobilenet


def test_a_backbone_is_fine_tuned_in_half_precision() -> None:
    trained = fit(config(mobilenet(unfrozen_blocks=1, head_epochs=1), mixed_precision=True, epochs=2))
    assert trained.reason == "finished"
    assert trained.built.model.get_layer("backbone").layers[1].compute_dtype == "float16"
