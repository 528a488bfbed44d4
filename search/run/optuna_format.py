"""How Optuna writes a journal: what is private to it, in one place.

Optuna publishes no format of the lines of a journal. `tests/search/run/test_optuna_format.py` fails by name where a
version of Optuna changes what is relied on here, and shows that a journal of the version before is still read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optuna.storages.journal._storage import JournalOperation as JournalOperation  # the numbers in the file, by name

from search.run.events import EpochReported, TrialCreated, TrialEnded


def event(record: Mapping[str, Any], *, trials: int) -> TrialCreated | EpochReported | TrialEnded | None:
    """Return what a record of a journal says of a trial, or None if it says something else.

    Args:
        record: one line of the journal.
        trials: how many trials were created before it; Optuna numbers them in the order of the journal.
    """
    match record:
        case {"op_code": JournalOperation.CREATE_TRIAL}:
            return TrialCreated(number=trials, baseline=bool(record.get("user_attrs", {}).get("baseline")))
        case {"op_code": JournalOperation.SET_TRIAL_INTERMEDIATE_VALUE, "trial_id": number}:
            return EpochReported(number=number, epoch=record["step"], value=record["intermediate_value"])
        case {"op_code": JournalOperation.SET_TRIAL_USER_ATTR, "user_attr": {"reason": reason}}:
            return TrialEnded(number=record["trial_id"], reason=reason)
    return None
