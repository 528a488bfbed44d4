"""`tunehound export wandb:ENTITY/PROJECT/GROUP`: a winner's configuration from W&B, without the run's directory.

It comes from the artifact of the leaderboard's run or, if there is none, from the runs of the trials. Whoever can write
to the project may have put anything there, so what is downloaded is read like any file that a user names.
"""

from __future__ import annotations

import math
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any

import wandb

from search.results.export import header
from search.tracking import client
from search.tracking.client import check_key, stop_service
from search.tracking.leaderboard import ALIAS, BEST_FILE, artifact_name
from search.tracking.wandb_runs import BOARD
from spaces.config.metric import direction_of
from spaces.file.load import load_config
from spaces.file.write import write_yaml
from spaces.problem import InputError, Problem

SCHEME = "wandb:"
FORM = f"{SCHEME}ENTITY/PROJECT/GROUP"
MAX_BYTES = 1_000_000
"""Larger files are not read: a configuration is far smaller."""
MAX_EPOCHS = 100_000


@dataclass(frozen=True, kw_only=True)
class Address:
    """The address of a sweep on W&B."""

    entity: str
    project: str
    group: str

    @property
    def path(self) -> str:
        """The path of the project."""
        return f"{self.entity}/{self.project}"

    def __str__(self) -> str:
        return f"{SCHEME}{self.path}/{self.group}"


def download_config(given: str, rank: int = 1) -> dict[str, Any]:
    """Download the closed configuration of a rank, with its `provenance`, as `best_config` of a run returns it.

    Args:
        given: ``wandb:ENTITY/PROJECT/GROUP``; the group is the name of the sweep's run.
        rank: 1 is the best.

    Raises:
        InputError: the address is malformed, there is no such sweep or rank, no key, or W&B cannot be reached.
    """
    address = parsed(given)
    check_key(given)
    with ThreadPool(1) as pool, _as_input_error(address):
        download = pool.apply_async(_download, (address, rank))
        download.wait(client.SYNC_TIMEOUT_S)
        if not download.ready():
            stop_service()
            raise TimeoutError(f"no answer in {client.SYNC_TIMEOUT_S:.0f} s")
        return download.get()


def _download(address: Address, rank: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        api = wandb.Api(timeout=int(client.SYNC_TIMEOUT_S))
        board = _board(api, address)
        file = _artifact_file(api, address, board, Path(folder)) if rank == 1 and board else None
        return _checked(file or _from_trials(api, address, rank, Path(folder)), address)


def parsed(given: str) -> Address:
    """Parse an address.

    Raises:
        InputError: it is malformed.
    """
    found = re.fullmatch(SCHEME + r"([\w.-]+)/([\w.-]+)/([\w.-]+)", given)
    if not found:
        remedy = (
            f"write {FORM}; the group is the name of the run, and the W&B page of any of its trials shows all three"
        )
        raise InputError(
            [Problem(rule=f"the address of a sweep on W&B has the form {FORM}", given=given, remedy=remedy)], given
        )
    return Address(entity=found[1], project=found[2], group=found[3])


@contextmanager
def _as_input_error(address: Address) -> Iterator[None]:
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # the client raises dozens, without a common base class
        reason = str(error).partition("\n")[0][:300] or type(error).__name__
        remedy = "check the address, the key (`wandb login`) and the network"
        raise InputError(
            [Problem(rule="the sweep could not be read from W&B", given=reason, remedy=remedy)], str(address)
        ) from error


def _board(api: Any, address: Address) -> Any | None:
    """Find the W&B run of the leaderboard, by group or, if several sweeps share that name, by id."""
    named = {"$or": [{"group": address.group}, {"name": address.group}]}
    boards = list(api.runs(address.path, filters={"$and": [named, {"jobType": BOARD}]}))
    if len(boards) > 1:
        rule, ids = f"{len(boards)} sweeps have the name {address.group}", [run.id for run in boards]
        remedy = f"use the id of the leaderboard run instead: {', '.join(map(str, ids))}"
        raise InputError([Problem(rule=rule, remedy=remedy)], str(address))
    return boards[0] if boards else None


def _artifact_file(api: Any, address: Address, board: Any, folder: Path) -> Path | None:
    """Download best.yaml from the leaderboard's artifact; None if it has none."""
    name = artifact_name("best", str(board.id).removesuffix(f"-{BOARD}"))
    if not api.artifact_exists(f"{address.path}/{name}:{ALIAS}"):
        return None
    artifact = api.artifact(f"{address.path}/{name}:{ALIAS}")
    entries = artifact.manifest.entries
    if BEST_FILE not in entries or (entries[BEST_FILE].size or 0) > MAX_BYTES:
        return None
    artifact.download(root=str(folder), path_prefix=BEST_FILE, skip_cache=True)
    return folder / BEST_FILE


def _from_trials(api: Any, address: Address, rank: int, folder: Path) -> Path:
    """Reconstruct the configuration of a rank from the W&B runs of the trials."""
    runs = [run for run in api.runs(address.path, filters={"group": address.group}, lazy=False) if _is_trial(run)]
    if not runs:
        remedy = "check the name; `tunehound sync RUN` uploads a sweep that was tracked offline"
        problem = Problem(rule=f"{address.path} has no trials in the group {address.group}", remedy=remedy)
        raise InputError([problem], str(address))
    metric = _metric(runs)
    ranked = sorted((run for run in runs if _value(run, metric) is not None), key=lambda run: _order(run, metric))
    if not 1 <= rank <= len(ranked):
        rule = f"the rank must be between 1 and {len(ranked)}, the number of trials on W&B with a finite {metric}"
        raise InputError([Problem(rule=rule, given=str(rank), remedy="choose another --rank")], str(address))
    chosen = ranked[rank - 1]
    write_yaml(folder / BEST_FILE, {**chosen.config["trial"], "provenance": _provenance(chosen, metric, address, rank)})
    return folder / BEST_FILE


def _provenance(run: Any, metric: str, address: Address, rank: int) -> dict[str, Any]:
    summary = run.summary_metrics
    epochs = int(summary["best_epoch"])
    rows = run.history(samples=MAX_EPOCHS, keys=["epoch", "learning_rate"], pandas=False)
    rates = {int(row["epoch"]): float(row["learning_rate"]) for row in rows}
    missing = next((epoch for epoch in range(1, epochs + 1) if epoch not in rates), None)
    if missing:
        rule = f"the trial's W&B run must have the learning rate of every epoch up to the best one, {epochs}"
        problem = Problem(rule=rule, given=f"no learning rate for epoch {missing}", remedy="choose another --rank")
        raise InputError([problem], str(address))
    return {
        "run": address.group,
        "run_id": str(run.id).rpartition("-")[0],
        "trial": int(str(run.id).rpartition("-")[2]),
        "rank": rank,
        "metric": metric,
        "value": _value(run, metric),
        "epochs": epochs,
        "learning_rates": [rates[epoch] for epoch in range(1, epochs + 1)],
    }


def _is_trial(run: Any) -> bool:
    return isinstance(run.config.get("trial"), Mapping) and str(run.id).rpartition("-")[2].isdigit()


def _metric(runs: Sequence[Any]) -> str:
    """Infer the metric of the sweep from the summaries of its trials."""
    names = [key.removeprefix("best_") for run in runs for key in run.summary_metrics if key.startswith("best_")]
    return next((name for name in names if name != "epoch"), "val_accuracy")


def _value(run: Any, metric: str) -> float | None:
    value = run.summary_metrics.get(f"best_{metric}")
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None


def _order(run: Any, metric: str) -> tuple[bool, bool, float, int]:
    """Sort as the leaderboard does: confirmed trials by mean, then sound ones by value, ties by number."""
    mean, value = run.summary_metrics.get("mean"), _value(run, metric)
    worth = mean if isinstance(mean, (int, float)) else value or 0.0
    unsound = run.summary_metrics.get("state") in ("failed", "diverged")
    number = int(str(run.id).rpartition("-")[2])
    return mean is None, unsound, -worth if direction_of(metric) == "maximize" else worth, number


def _checked(file: Path, address: Address) -> dict[str, Any]:
    try:
        config, provenance = load_config(file, check_files=False)
    except InputError as error:
        raise InputError(error.problems, str(address)) from error
    return {**config.model_dump(mode="json"), "provenance": provenance}


def write_download(given: str, destination: Path, rank: int = 1) -> Path:
    """Write `download_config` as YAML, atomically, and return its path. Raises: InputError, as that."""
    if not destination.absolute().parent.is_dir():
        problem = Problem(
            rule="the folder of the file must exist", given=str(destination.parent), remedy="create it first"
        )
        raise InputError([problem], str(destination))
    write_yaml(destination, download_config(given, rank), header=header(destination))
    return destination
