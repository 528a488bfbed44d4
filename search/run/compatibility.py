"""What may change about a run between two sessions and what may not: its trials must stay comparable."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from search.run.provenance import FORMAT, versions
from spaces.file.sweep import Sweep
from spaces.problem import InputError, Path, Problem, dotted, shown

LASTING = "lasting"
"""Name of the note that holds the `fixed_settings` of the sweep with which a run began."""
SEARCH = ("metric", "scheduler", "grace_epochs", "reduction_factor")
"""The settings in the section `search` that decide which trials are stopped and how they are scored."""
ABSENT = "nothing"
FEATURES = "trial.model.features."
"""Settings that older runs do not have: those computed the frozen layers in every epoch."""


def fixed_settings(sweep: Sweep) -> dict[str, Any]:
    """Return the settings that must not change, by dotted path, without the data, whose fingerprint is compared."""
    written = sweep.as_mapping()
    trial = {key: value for key, value in written["trial"].items() if key != "data"}
    search = {key: written["search"][key] for key in SEARCH}
    return {dotted(path): value for path, value in _leaves({"trial": trial, "search": search})}


def check_changes(sweep: Sweep, began: Mapping[str, Any] | None) -> None:
    """Check that a sweep has the settings with which its run began; None if the journal does not hold them.

    Raises:
        InputError: settings changed that must not; each of them is named.
    """
    now = fixed_settings(sweep)
    began = began and {**_before_features(now), **began}
    problems = [
        Problem(
            path=tuple(path.split(".")),
            rule=f"this setting cannot change within a run, which began with {shown(began.get(path, ABSENT))}",
            given=shown(now.get(path, ABSENT)),
            remedy="restore it, or start a new run that learns from this one: search.warm_start: [RUN]",
        )
        for path in dict.fromkeys([*now, *(began or ())])
        if began is not None and now.get(path, ABSENT) != began.get(path, ABSENT)
    ]
    if problems:
        raise sweep.as_error(problems)


def _before_features(now: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a run without those settings amounted to; if the store is off, the others have no effect."""
    settings = {path: value for path, value in now.items() if path.startswith(FEATURES)}
    return {path: "off" if path == f"{FEATURES}store" else value for path, value in settings.items()}


def check_format(about: Mapping[str, Any], source: str) -> None:
    """Check that this version can read a run directory, by the section `run` of its sweep.yaml.

    Raises:
        InputError: a later version of Tunehound made it, or none did.
    """
    if not re.fullmatch(r"[0-9a-f]{8}", str(about.get("id"))):  # it becomes part of file names
        rule = "the id of a run, which Tunehound assigns, has eight hexadecimal digits"
        remedy = "name a folder that `tunehound run` created, and do not edit the section `run` of its sweep.yaml"
        raise InputError([Problem(path=("run", "id"), rule=rule, given=shown(about.get("id")), remedy=remedy)], source)
    made = about.get("format", FORMAT)
    if made != FORMAT:
        begun = dict(about.get("versions") or {}).get("tunehound", "unknown")
        problem = Problem(
            path=("run", "format"),
            rule=f"this version of Tunehound ({versions()['tunehound']}) reads run directories of format {FORMAT}",
            given=f"{shown(made)}, written by Tunehound {begun}",
            remedy="use that version or a later one",
        )
        raise InputError([problem], source)


def changed_versions(about: Mapping[str, Any]) -> str | None:
    """Return a sentence that lists the packages whose versions changed since a run began; None if none did."""
    began, now = about.get("versions") or {}, versions()
    changed = [f"{name} {began[name]} → {now[name]}" for name in began if name in now and began[name] != now[name]]
    return f"package versions changed since this run began: {', '.join(changed)}" if changed else None


def _leaves(node: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    if isinstance(node, Mapping) and node:
        for key, entry in node.items():
            yield from _leaves(entry, (*path, key))
    else:
        yield path, list(node) if isinstance(node, tuple) else node
