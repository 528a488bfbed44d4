"""How trials, values and times are told to people: one wording for the live view, the tables, W&B and the report."""

from __future__ import annotations

import math
from typing import Any, Final

ENDINGS: Final = ("complete", "stopped-early", "diverged", "failed", "interrupted")


def ending(state: str, reason: str) -> str:
    """How a trial ended, in one of ENDINGS; what has not ended keeps its state (running, waiting)."""
    if state == "pruned":
        return {"diverged": "diverged", "out of memory": "failed"}.get(reason, "stopped-early")
    return {"fail": "failed"}.get(state, state)


def ending_and_why(state: str, reason: str) -> str:
    """The ending, and the reason where the ending does not tell it: ``complete (patience)``, ``failed (lost)``."""
    word = ending(state, reason)
    return word if reason in ("", "finished", "asha", word) else f"{word} ({reason})"


def compact(value: Any) -> str:
    """A value in few characters: three significant digits, whole numbers whole, nothing for what is missing."""
    if value is None:
        return ""
    if not isinstance(value, float):
        return str(value)
    if math.isnan(value):
        return ""
    return f"{value:.0f}" if value.is_integer() and abs(value) < 1e6 else f"{value:.3g}"


def counted(number: int, noun: str) -> str:
    """``1 epoch``, ``2 epochs``, ``12,000 epochs``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def duration(seconds: float) -> str:
    """A time in its two largest units: ``45 s``, ``2 min 10 s``, ``1 h 05 min``, ``2 d 3 h``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def rough_duration(seconds: float) -> str:
    """A time that is only expected: ``45 s``, ``1 min 50 s``, ``38 min``, ``1 h 10 min``, ``2 d 3 h``."""
    if 300 <= seconds < 3570:
        return f"{round(seconds / 60)} min"
    told = duration(seconds if seconds < 300 else round(seconds / 60) * 60)
    return told.replace(" 00 min", "").replace(" min 00 s", " min")


def against(value: float, base: float) -> str:
    """How a value stands to the baseline's: ``0.0139 above the baseline's 0.9722``."""
    if value == base:
        return f"the same as the baseline's {base:.4f}"
    return f"{abs(value - base):.4f} {'above' if value > base else 'below'} the baseline's {base:.4f}"
