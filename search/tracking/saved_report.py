"""The saved report on W&B: the trials sorted by the metric, what mattered, all trials side by side.

Needs the extra `wandb-report`; without it there is none.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
from typing import Any

from search.run.reader import Run
from search.tracking.client import safe
from search.tracking.wandb_runs import for_the_grid

logger = logging.getLogger(__name__)

LAYOUT = "1"
"""Stands for what the report holds; a report of another layout is saved anew."""


def can_be_saved() -> bool:
    """Whether the extra is installed."""
    if importlib.util.find_spec("wandb_workspaces") is not None:
        return True
    logger.debug("wandb-workspaces is not installed: no report is saved on W&B")
    return False


def save_report(run: Run, *, entity: str, project: str) -> str:
    """Saves the report of a sweep in its project, and returns where it can be seen.

    Raises:
        Exception: one of W&B's many: the server did not take it.
    """
    reports = importlib.import_module("wandb_workspaces.reports.v2")
    value = reports.SummaryMetric(f"best_{run.metric}")
    trials = reports.Runset(
        entity=entity,
        project=project,
        name=run.name,
        filters=f"Group = '{safe(run.name)}' and JobType = 'trial'",
        order=[reports.OrderBy(value, ascending=run.direction == "minimize")],
    )
    panels = [
        reports.ParameterImportancePlot(with_respect_to=f"best_{run.metric}"),
        reports.ParallelCoordinatesPlot(columns=_columns(reports, run, value)),
    ]
    blocks = [reports.H1(run.name), reports.PanelGrid(runsets=[trials], panels=panels)]
    title = f"{run.name}: {run.metric}"
    return str(reports.Report(entity=entity, project=project, title=title, blocks=blocks).save().url)


def _columns(reports: Any, run: Run, value: Any) -> list[Any]:
    names = for_the_grid(dict.fromkeys(run.names.values()))
    metrics = [*map(reports.Config, names), value]
    return [reports.ParallelCoordinatesPlotColumn(metric=metric) for metric in metrics]
