"""What ends a sweep reads its journal once or twice, whatever the number of trials: parsing what is so long is slow."""

from __future__ import annotations

from pathlib import Path


def test_the_end_of_a_sweep_reads_its_journal_twice_at_most(shared_home: Path, second_run: object) -> None:
    """From the last training to the exit: results, report, W&B's offline files, leaderboard and headline."""
    run = shared_home / "cut"
    assert all((run / name).is_file() for name in ("leaderboard.csv", "best.yaml", "report.html", "wandb/ledger.jsonl"))
    records = (run / "study.journal").read_text().count("\n")
    parsed = int((shared_home / "parsed").read_text())
    assert records <= parsed <= 2 * records
