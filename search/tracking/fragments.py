"""The .wandb files of a run: one for each trial and session, in folders that W&B makes below wandb/."""

from __future__ import annotations

import shutil
from pathlib import Path


def fragments(home: Path, wandb_id: str) -> list[Path]:
    """The .wandb files of one W&B run, online or offline: one for each session."""
    return sorted(home.glob(f"*run-*/run-{wandb_id}.wandb"))


def uploaded(file: Path) -> bool:
    """Whether W&B's server knows a .wandb file: it was written online, or synchronised since."""
    return file.parent.name.startswith("run-") or file.with_suffix(".wandb.synced").exists()


def mark_uploaded(home: Path, wandb_id: str) -> None:
    """Marks the files of a W&B run as W&B does itself, so that `wandb sync` passes over them."""
    for file in fragments(home, wandb_id):
        file.with_suffix(".wandb.synced").touch()


def remove_replaced(earlier: list[Path]) -> None:
    """Deletes files whose every row was just written to a new one; what was uploaded stays."""
    for file in earlier:
        if not uploaded(file):
            shutil.rmtree(file.parent)
