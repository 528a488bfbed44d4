"""Files that earlier versions wrote mean what they meant then: what was not a setting yet keeps its effect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from spaces.file.document import Document

EARLIER_DATA: Mapping[str, Any] = {"copies": "bytes", "distinct_names": True}
"""What runs did before ``trial.data`` had these settings."""


def as_earlier(document: Document) -> Document:
    """Return a file of a run with the settings that its version did not know; any other file unchanged.

    A run writes out every default, so a setting that is missing was unknown to the version that made it.
    """
    if "run" in document.data:
        at: tuple[str, ...] = ("trial", "data")
    elif "provenance" in document.data or _is_trial_of_a_run(document):
        at = ("data",)
    else:
        return document
    return replace(document, data=_completed(document.data, at))


def _is_trial_of_a_run(document: Document) -> bool:
    """Whether a file is the config.yaml of a trial, which says nothing about its origin."""
    above = document.folder.parents
    return any(folder.name == "trials" and (folder.parent / "sweep.yaml").is_file() for folder in above)


def _completed(node: Any, at: tuple[str, ...]) -> Any:
    """Return nested data with those settings in the section ``at``, or in each of its branches."""
    if not isinstance(node, Mapping):
        return node
    if at:
        return {**node, at[0]: _completed(node[at[0]], at[1:])} if at[0] in node else node
    if isinstance(node.get("choice"), Mapping):
        return {**node, "choice": {label: _completed(branch, ()) for label, branch in node["choice"].items()}}
    return {**node, **{key: value for key, value in EARLIER_DATA.items() if key not in node}}
