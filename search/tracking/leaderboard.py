"""The W&B run of the leaderboard: the table, the figures, and the best configuration and model as artifacts.

Each of its parts has a digest, so that what W&B has is not sent again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import tempfile
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import wandb

from search.report.curves import learning_curves
from search.report.hyperparameters import importances, parallel_coordinates
from search.results.export import best_config, header
from search.results.headline import headline
from search.results.leaderboard import leaderboard
from search.run.reader import Run
from search.run.trials import best_trial
from search.tracking.client import Mode, safe
from search.tracking.ledger import note_part, noted_parts
from search.tracking.reconciler import UploadResult
from search.tracking.saved_report import LAYOUT, can_be_saved, save_report
from search.tracking.wandb_runs import BOARD, finish, open_leaderboard_run, session_files, settle, wandb_id
from spaces.file.document import read_yaml
from spaces.file.sweep import Wandb
from spaces.file.write import write_yaml
from spaces.problem import InputError

logger = logging.getLogger(__name__)

RESULTS, MODEL, REPORT = "leaderboard", "model", "report"
"""The parts: the table with figures and the best configuration, the retrained model, and the saved report."""
BEST_FILE, ALIAS = "best.yaml", "best"
RETRAINED = Path("retrained")
MODEL_FILES = ("model.keras", "preprocessing.json", "metrics.json", "config.yaml", "README.md")
"""Of the files that `retrain` wrote, those in the artifact of the model; enough for `predict`."""
MAX_ROWS = 10_000
"""W&B shows no more rows of a table."""
PARTS = "told"
"""The key of the summary under which the run keeps the digests of the parts that it has."""
MODEL_TIMEOUT_S = 900.0
"""How long an artifact may take when a user waits for it: models are large."""


def wanted_parts(run: Run) -> dict[str, str]:
    """The digests of the parts as they should be on W&B; none before a trial has a result."""
    if best_trial(run) is None:
        return {}
    saved = {REPORT: LAYOUT} if can_be_saved() else {}
    return {RESULTS: _digest_of_results(run), **_digest_of_model(run), **saved}


def missing_parts(run: Run, *, online: bool) -> dict[str, str]:
    """The parts that W&B's server (or, if not ``online``, not even a file) does not have."""
    noted = noted_parts(run.directory, online=online)
    missing = {name: digest for name, digest in wanted_parts(run).items() if noted.get(name) != digest}
    return missing if online else {name: digest for name, digest in missing.items() if name != REPORT}


def part_names(parts: Iterable[str]) -> list[str]:
    """Parts as messages name them."""
    return [f"the {part}" for part in parts]


def update_parts(
    run: Run,
    settings: Wandb,
    parts: Mapping[str, str],
    result: UploadResult,
    *,
    mode: Mode,
    home: Path,
    patient: bool = False,
) -> None:
    """Write parts to the W&B run of the leaderboard, new or continued; ``result`` says what became of them.

    Args:
        parts: their digests, as `missing_parts` returns them.
        mode, home, patient: as of `search.tracking.reconciler.Reconciler`.
    """
    if not parts:
        return
    earlier = session_files(run.directory, wandb_id(run, BOARD))
    try:
        board = open_leaderboard_run(run, settings, mode=mode, home=home, patient=patient)
        taken = _write_parts(board, run, parts, result, timeout_s=MODEL_TIMEOUT_S if patient else None)
        finish(board)
    except Exception as error:
        result.failed("the leaderboard", error)
        return
    for name, digest in taken.items():
        note_part(run.directory, name, digest, online=mode == "online")
    settle(run.directory, wandb_id(run, BOARD), online=mode == "online", earlier=earlier)
    result.parts = list(taken)


def _write_parts(
    board: Any, run: Run, parts: Mapping[str, str], result: UploadResult, *, timeout_s: float | None
) -> dict[str, str]:
    """Write what the W&B run lacks by its own account; return the parts that it then has."""
    kept = board.summary.get(PARTS) or {}
    there = {str(name): str(kept[name]) for name in list(kept.keys())}
    for name, digest in parts.items():
        try:
            if there.get(name) != digest:
                _write_part(name, board, run, timeout_s=timeout_s)
            there[name] = digest
            board.summary[PARTS] = dict(there)
        except Exception as error:
            result.failed(f"the {name}", error)
    return {name: digest for name, digest in parts.items() if there.get(name) == digest}


def _write_part(name: str, wandb_run: Any, run: Run, *, timeout_s: float | None) -> None:
    """Write one part; online, wait until the server has its artifact."""
    with tempfile.TemporaryDirectory() as folder:
        artifact = {RESULTS: _log_results, MODEL: _log_model, REPORT: _save_report}[name](wandb_run, run, Path(folder))
        if artifact is not None and not wandb_run.offline:
            artifact.wait(timeout=timeout_s)
            if name == MODEL:
                _link(wandb_run, artifact, safe(run.name))


def artifact_name(kind: str, run_id: str) -> str:
    """The name of a sweep's artifact: one sequence of versions a sweep."""
    return safe(f"{kind}-{run_id}")


def _log_results(wandb_run: Any, run: Run, folder: Path) -> Any:
    frame = leaderboard(run)
    wandb_run.log({"leaderboard": _table(frame), **_figures(run)}, commit=True)
    wandb_run.summary.update(_summary(run, frame))
    config = _best(run)
    if config is None:
        return None
    write_yaml(folder / BEST_FILE, config, header=header(Path(BEST_FILE)))
    metadata = {key: config["provenance"][key] for key in ("run", "trial", "metric", "value")}
    artifact = wandb.Artifact(artifact_name("best", str(run.about["id"])), "configuration", metadata=metadata)
    artifact.add_file(str(folder / BEST_FILE), skip_cache=True)
    return wandb_run.log_artifact(artifact, aliases=[ALIAS])


def _save_report(wandb_run: Any, run: Run, _: Path) -> None:
    save_report(run, entity=wandb_run.entity, project=wandb_run.project)


def _log_model(wandb_run: Any, run: Run, _: Path) -> Any:
    folder = run.directory / RETRAINED
    scores = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    numbers = {name: value for name, value in scores.items() if isinstance(value, (int, float))}
    artifact = wandb.Artifact(artifact_name("model", str(run.about["id"])), "model", metadata=numbers)
    for name in _model_files(folder):
        artifact.add_file(str(folder / name), policy="immutable", skip_cache=True)
    if "accuracy" in numbers:
        wandb_run.summary["test_accuracy"] = numbers["accuracy"]
    return wandb_run.log_artifact(artifact, aliases=[ALIAS])


def _link(wandb_run: Any, artifact: Any, collection: str) -> None:
    """Link the model under the name of its run as well; a server without such links still has the artifact."""
    try:
        artifact.link(f"{wandb_run.entity}/{wandb_run.project}/{collection}", aliases=[ALIAS])
    except Exception as error:
        logger.warning("W&B did not link the model: %s", error)


def _table(frame: pd.DataFrame) -> Any:
    shown = frame.head(MAX_ROWS)
    whole = shown.astype(object).where(shown.notna(), None)
    return wandb.Table(columns=list(whole.columns), data=whole.to_numpy().tolist(), allow_mixed_types=True)


def _figures(run: Run) -> dict[str, Any]:
    drawn = {
        "learning_curves": learning_curves(run),
        "importance": importances(run),
        "parallel_coordinates": parallel_coordinates(run),
    }
    return {name: figure for name, figure in drawn.items() if figure is not None}


def _summary(run: Run, frame: pd.DataFrame) -> dict[str, Any]:
    best = frame.iloc[0]
    values = {
        "trials": len(frame),
        "best_trial": int(best["trial"]),
        f"best_{run.metric}": float(best[run.metric]),
        "mean": float(best["mean"]),
        "sd": float(best["sd"]),
        "seeds": int(best["seeds"]) or math.nan,
    }
    known = {name: value for name, value in values.items() if not math.isnan(value)}
    return {**known, "headline": headline(run)}


def _best(run: Run) -> dict[str, Any] | None:
    try:
        return best_config(run)
    except InputError:  # its history was lost: nothing can be retrained
        return None


def _digest_of_results(run: Run) -> str:
    config = _best(run) or {}
    lasting = {**config, "provenance": {**config.get("provenance", {}), "created": None}}
    content = leaderboard(run).to_csv(index=False) + json.dumps(lasting, sort_keys=True, default=str)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def _digest_of_model(run: Run) -> dict[str, str]:
    folder = run.directory / RETRAINED
    names = _model_files(folder)
    if MODEL_FILES[0] not in names or not _is_of(folder, run):
        return {}
    digest = hashlib.sha256()
    for name in names:
        with (folder / name).open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return {MODEL: digest.hexdigest()[:16]}


def _model_files(folder: Path) -> Collection[str]:
    return [name for name in MODEL_FILES if (folder / name).is_file()]


def _is_of(folder: Path, run: Run) -> bool:
    """Whether a folder holds all that `retrain` writes, of this very run."""
    if not all((folder / name).is_file() for name in ("config.yaml", "metrics.json")):
        return False
    try:
        provenance = read_yaml(folder / "config.yaml").get("provenance") or {}
    except InputError:
        return False
    return isinstance(provenance, Mapping) and provenance.get("run_id") == run.about.get("id")
