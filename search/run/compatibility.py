"""What may change about a run between two sessions, and what may not: its trials must stay comparable."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from search.run.provenance import FORMAT, versions
from spaces.file.sweep import Sweep
from spaces.problem import InputError, Path, Problem, dotted, shown

LASTING = "lasting"
"""The note in the journal that holds `lasting` of the sweep with which a run began."""
SEARCH = ("metric", "scheduler", "grace_epochs", "reduction_factor")
"""What of the section `search` decides which trial is stopped, and what a trial is worth."""
ABSENT = "nothing"
FEATURES = "trial.model.features."
"""Settings that some runs are older than: those computed what is frozen in every epoch."""


def lasting(sweep: Sweep) -> dict[str, Any]:
    """What must stay as it was, by dotted path. The data are not among it: their fingerprint is compared."""
    written = sweep.as_mapping()
    trial = {key: value for key, value in written["trial"].items() if key != "data"}
    search = {key: written["search"][key] for key in SEARCH}
    return {dotted(path): value for path, value in _leaves({"trial": trial, "search": search})}


def refuse_changes(sweep: Sweep, began: Mapping[str, Any] | None) -> None:
    """Holds a sweep against the one with which its run began; None where the journal does not say.

    Raises:
        InputError: something changed that may not; every difference is named.
    """
    now = lasting(sweep)
    began = began and {**_before_features(now), **began}
    problems = [
        Problem(
            path=tuple(path.split(".")),
            rule=f"a run keeps the configurations that it began with; this began as {shown(began.get(path, ABSENT))}",
            given=shown(now.get(path, ABSENT)),
            remedy="put it back; or start a new run that learns from this one: search.warm_start: [RUN]",
        )
        for path in dict.fromkeys([*now, *(began or ())])
        if began is not None and now.get(path, ABSENT) != began.get(path, ABSENT)
    ]
    if problems:
        raise sweep.refusal(problems)


def _before_features(now: Mapping[str, Any]) -> dict[str, Any]:
    """What a run without those settings amounted to; of a store that is off the others mean nothing."""
    settings = {path: value for path, value in now.items() if path.startswith(FEATURES)}
    return {path: "off" if path == f"{FEATURES}store" else value for path, value in settings.items()}


def refuse_unknown(about: Mapping[str, Any], source: str) -> None:
    """Refuses a run directory that this version cannot read, by the section `run` of its sweep.yaml.

    Raises:
        InputError: a later version of Tunehound made it, or nobody's did.
    """
    if not re.fullmatch(r"[0-9a-f]{8}", str(about.get("id"))):  # it becomes part of file names
        rule = "the id of a run is eight hexadecimal digits, given by Tunehound"
        remedy = "name a folder that `tunehound run` made, and leave the section `run` of its sweep.yaml as it was"
        raise InputError([Problem(path=("run", "id"), rule=rule, given=shown(about.get("id")), remedy=remedy)], source)
    made = about.get("format", FORMAT)
    if made != FORMAT:
        begun = (about.get("versions") or {}).get("tunehound", "unknown")
        problem = Problem(
            path=("run", "format"),
            rule=f"this version of Tunehound ({versions()['tunehound']}) reads run directories of format {FORMAT}",
            given=f"{shown(made)}, written by Tunehound {begun}",
            remedy="use the version that wrote it, or a later one",
        )
        raise InputError([problem], source)


def other_versions(about: Mapping[str, Any]) -> str | None:
    """The packages whose versions are not those with which a run began, in a sentence; None where there are none."""
    began, now = about.get("versions") or {}, versions()
    changed = [f"{name} {began[name]} → {now[name]}" for name in began if name in now and began[name] != now[name]]
    return f"not the versions that this run began with: {', '.join(changed)}" if changed else None


def _leaves(node: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    if isinstance(node, Mapping) and node:
        for key, entry in node.items():
            yield from _leaves(entry, (*path, key))
    else:
        yield path, list(node) if isinstance(node, tuple) else node
