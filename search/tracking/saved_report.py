"""The saved report on W&B: the trials sorted by the metric, parameter importances, parallel coordinates.

Needs the extra `wandb-report`; without it no report is saved.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
from typing import Any

from search.run.reader import Run
from search.tracking.client import safe
from search.tracking.wandb_runs import config_names

logger = logging.getLogger(__name__)

LAYOUT = "1"
"""The version of the layout; a report with another one is saved again."""


def can_be_saved() -> bool:
    """Whether the extra is installed."""
    if importlib.util.find_spec("wandb_workspaces") is not None:
        return True
    logger.debug("wandb-workspaces is not installed: no report is saved on W&B")
    return False


def save_report(run: Run, *, entity: str, project: str) -> str:
    """Save the report of a sweep in its project; return its address.

    Raises:
        Exception: the server did not take it; W&B's exceptions have no common base class.
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
    names = config_names(dict.fromkeys(run.names.values()))
    metrics = [*map(reports.Config, names), value]
    return [reports.ParallelCoordinatesPlotColumn(metric=metric) for metric in metrics]
