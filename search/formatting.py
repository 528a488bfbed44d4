"""Format trials, values and times the same way in the live view, the tables, W&B and the report."""

from __future__ import annotations

import math
from typing import Any, Final

ENDINGS: Final = ("complete", "stopped-early", "diverged", "failed", "interrupted")


def ending(state: str, reason: str) -> str:
    """Return how a trial ended, as one of ENDINGS, or its state (running, waiting) if it has not ended."""
    if state == "pruned":
        return {"diverged": "diverged", "out of memory": "failed"}.get(reason, "stopped-early")
    return {"fail": "failed"}.get(state, state)


def format_ending(state: str, reason: str) -> str:
    """Format the ending, with the reason unless the ending implies it: ``complete (patience)``, ``failed (lost)``."""
    word = ending(state, reason)
    return word if reason in ("", "finished", "asha", word) else f"{word} ({reason})"


def format_value(value: Any) -> str:
    """Format a value briefly: three significant digits, integers in full, nothing for a missing value."""
    if value is None:
        return ""
    if not isinstance(value, float):
        return str(value)
    if math.isnan(value):
        return ""
    return f"{value:.0f}" if value.is_integer() and abs(value) < 1e6 else f"{value:.3g}"


def format_count(number: int, noun: str) -> str:
    """Format a count: ``1 epoch``, ``2 epochs``, ``12,000 epochs``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def format_duration(seconds: float) -> str:
    """Format a time in its two largest units: ``45 s``, ``2 min 10 s``, ``1 h 05 min``, ``2 d 3 h``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def format_rough_duration(seconds: float) -> str:
    """Format an estimated time: ``45 s``, ``1 min 50 s``, ``38 min``, ``1 h 10 min``, ``2 d 3 h``."""
    if 300 <= seconds < 3570:
        return f"{round(seconds / 60)} min"
    text = format_duration(seconds if seconds < 300 else round(seconds / 60) * 60)
    return text.replace(" 00 min", "").replace(" min 00 s", " min")


def compared_to_baseline(value: float, base: float) -> str:
    """Compare a value to the baseline's: ``0.0139 above the baseline's 0.9722``."""
    if value == base:
        return f"the same as the baseline's {base:.4f}"
    return f"{abs(value - base):.4f} {'above' if value > base else 'below'} the baseline's {base:.4f}"


def uncapitalised(sentence: str) -> str:
    """Return a sentence as part of another one: its first letter small, without the point at its end."""
    return f"{sentence[:1].lower()}{sentence[1:]}".removesuffix(".")
