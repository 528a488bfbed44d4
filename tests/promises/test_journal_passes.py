"""What ends a sweep reads its journal once or twice, whatever the number of trials: it is long, and parsing it is slow."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.search.commands import TINY, environment

COUNTING = """
import atexit
from pathlib import Path
from search.run import journal
from search.study.recorder import Recorder
from search.tuner.confirmation import ConfirmationRecorder
from tunehound import main

parsed, parse = [], journal.record_of

def counted(line):
    parsed.append(line)
    return parse(line)

def restarting(end):
    def ended(*given, **named):
        end(*given, **named)
        parsed.clear()
    return ended

journal.record_of = counted
for recorder in (Recorder, ConfirmationRecorder):
    recorder.end = restarting(recorder.end)
atexit.register(lambda: Path("parsed").write_text(str(len(parsed))))
main()
"""
"""The command, counting the records that are parsed after the last trial, or training of the confirmation, has ended."""
SWEEP = TINY.replace("confirm: off", "confirm: {top: 1, seeds: 2}\ntracking: {wandb: {project: passes}}")


def test_the_end_of_a_sweep_reads_its_journal_twice_at_most(tmp_path: Path) -> None:
    """From the last training to the exit: results, report, W&B's offline files, leaderboard and headline."""
    (tmp_path / "tiny.yaml").write_text(SWEEP)
    command = [sys.executable, "-c", COUNTING, "run", "tiny.yaml", "--name", "one", "--set", "search.trials=4"]
    ended = subprocess.run(
        command,
        cwd=tmp_path,
        env=environment(tmp_path, {"WANDB_MODE": "offline"}),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stderr
    run = tmp_path / "runs" / "one"
    assert all((run / name).is_file() for name in ("leaderboard.csv", "best.yaml", "report.html", "wandb/ledger.jsonl"))
    records = (run / "study.journal").read_text().count("\n")
    parsed = int((tmp_path / "parsed").read_text())
    assert records <= parsed <= 2 * records
