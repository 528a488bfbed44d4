"""What went wrong in a run, by reason."""

from __future__ import annotations

from html import escape
from itertools import islice

import pandas as pd
from optuna.trial import FrozenTrial

from search.formatting import counted
from search.report.page import section
from search.report.plot import word
from search.run.reader import Run, reason

READ_BYTES = 20_000
"""The end of an error's file that is looked at."""
KINDS, NAMED = 50, 20
"""No more reasons are told than this, and no more trials are named for each."""


def failures_part(run: Run, frame: pd.DataFrame) -> str:
    """Failed and diverged trials: how many, by what was the matter, and which."""
    wrong = [trial for trial in run.trials if word(trial) in ("failed", "diverged")]
    by_reason: dict[str, list[int]] = {}
    for trial in wrong:
        by_reason.setdefault(failure(run, trial), []).append(trial.number)
    if not wrong:
        return ""
    in_order = sorted(by_reason.items(), key=lambda each: -len(each[1]))
    lines = "".join(line(why, numbers) for why, numbers in in_order[:KINDS])
    heads = '<th>trials</th><th class="text">why</th><th class="text">which</th>'
    body = f'<div class="scroll"><table><thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table></div>'
    diverged = sum(word(trial) == "diverged" for trial in wrong)
    note = f"{diverged} diverged, {len(wrong) - diverged} failed, of {counted(len(run.trials), 'trial')}."
    note += f" The {KINDS} most frequent reasons of {len(in_order)}." if len(in_order) > KINDS else ""
    return section("Failures", body, note=note)


def line(why: str, numbers: list[int]) -> str:
    """One reason."""
    more = f" and {len(numbers) - NAMED:,} more" if len(numbers) > NAMED else ""
    which = ", ".join(map(str, islice(numbers, NAMED))) + more
    return f'<tr><td>{len(numbers)}</td><td class="text long">{escape(why)}</td><td class="text long">{which}</td></tr>'


def failure(run: Run, trial: FrozenTrial) -> str:
    """Why a trial failed: the reason, and the last line of its error."""
    folder = run.directory / "trials" / str(trial.number)
    file = folder / "error.txt"
    if not file.is_file() or file.resolve() != file:  # a stranger's run may link to a file that is none of its own
        return reason(trial)
    with file.open("rb") as opened:
        opened.seek(max(0, file.stat().st_size - READ_BYTES))
        lines = opened.read().decode(errors="replace").strip().splitlines()
    return f"{reason(trial)}: {lines[-1][:500]}" if lines else reason(trial)
