"""A backbone that has just been entered in the table trains."""

from __future__ import annotations

from tests.promises.test_new_backbone import model
from tests.promises.test_new_backbone import one_more_entry as one_more_entry
from tests.trainables.small import config, fit, measured


def test_it_trains_with_a_block_unfrozen() -> None:
    head, whole = measured(fit(config(model(unfrozen_blocks=1, head_epochs=1), epochs=2)))
    assert whole != head
