"""Runs and places for them, small and on this disk."""

from __future__ import annotations

from pathlib import Path

from search.mirror.store import Place, place_of
from search.mirror.upload import Upload
from search.study.study import Proposal, Study
from spaces.file.load import load_sweep
from tests.search.runs import make_run, row


def place_at(tmp_path: Path, name: str = "one") -> Place:
    """A place that is a folder."""
    return place_of(f"file://{tmp_path}/store/{name}", option="--runs")


def uploaded(run: Path, place: Place) -> Upload:
    """Sends a run as it is."""
    upload = Upload(run, place, may_write=lambda: True)
    upload.send()
    return upload


def growing_run(directory: Path) -> tuple[Study, Proposal]:
    """A run of which one trial has begun, with its study as the driver has it."""
    make_run(directory, ())
    study = Study(directory / "study.journal", load_sweep(directory / "sweep.yaml", check_files=False))
    proposal = study.next()
    assert proposal
    folder = directory / "trials" / str(proposal.number)
    (folder / "checkpoint").mkdir(parents=True)
    (folder / "config.yaml").write_text("{}\n")
    return study, proposal


def history(epochs: int) -> str:
    """The text of a history.csv."""
    rows = [row(epoch, 0.5) for epoch in range(1, epochs + 1)]
    header = ",".join(row(1, 0.5))
    return "".join(f"{line}\n" for line in [header, *(",".join(map(str, each.values())) for each in rows)])
