"""A file → a checked sweep or a closed configuration, or an error that lists every mistake."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from pydantic import ValidationError

from spaces.config.settings import Settings
from spaces.config.trial import TrialConfig
from spaces.domains.close import answers, closed_data, corners, validated, without_baseline
from spaces.domains.domain import Scalar
from spaces.domains.parse import parse_trial
from spaces.domains.tree import OpenTree, fill
from spaces.domains.validation import locate_in_tree, problems_of
from spaces.file.cross_checks import head_stage_problems, section_problems
from spaces.file.document import Document, header_remark, input_error, mark_of, read_document
from spaces.file.document import read_yaml as read_yaml
from spaces.file.earlier import as_earlier
from spaces.file.overrides import overridden
from spaces.file.paths import missing_files, relative_names, with_absolute_paths, with_default_folders
from spaces.file.sweep import SECTIONS, Confirm, Search, Sweep
from spaces.file.write import write_yaml as write_yaml
from spaces.problem import InputError, Path, Problem, did_you_mean, dotted, nearest, shown

Source = str | os.PathLike[str]


def ready_sweeps() -> dict[str, pathlib.Path]:
    """Return the sweep files that come with Tunehound, by name."""
    return {path.stem: path for path in sorted(pathlib.Path(__file__).parents[1].glob("*.yaml"))}


def load_sweep(
    source: Source, overrides: Sequence[str] = (), *, check_files: bool = True, elsewhere: bool = False
) -> Sweep:
    """Read a sweep and check it: every value, the baseline, and the corners of the space.

    ``source`` is a file, or the name of a ready sweep, whose relative paths start from the current folder.
    ``overrides`` are ``PATH=VALUE``. Without ``check_files`` the files that the sweep names need not exist, so that a
    run whose data have moved can be shown. With ``elsewhere`` they need not exist either, but their paths must be
    absolute: for a sweep that will be read again on another machine.

    Raises:
        InputError: with every mistake found.
    """
    file = _found(source)
    document, ready = overridden(as_earlier(read_document(file)), overrides), file in ready_sweeps().values()
    document = replace(document, folder=pathlib.Path.cwd()) if ready else document
    tree, problems = _trial(document)
    tree, (sections, section_mistakes) = with_default_folders(tree, TrialConfig), _sections(document)
    relative = _relative(tree, sections["search"], document, ready=ready) if elsewhere else []
    tree = with_absolute_paths(tree, TrialConfig, _folders(document, ("trial",)))
    if isinstance(sections["search"], Search):
        sections["search"] = _with_absolute_runs(sections["search"], document)
    problems += [*_unknown_sections(document), *section_mistakes, *relative]
    if isinstance(document.data.get("trial"), Mapping):
        problems += _trial_problems(tree, sections)
        missing = missing_files(tree, TrialConfig, ("trial",)) if check_files and not elsewhere else []
        problems += [_named_by_the_user(problem, document) if ready else problem for problem in missing]
    if problems:
        raise input_error(document, problems)
    name = pathlib.Path(document.source).stem
    by_hand, as_error = header_remark(file, "By hand"), partial(input_error, document)
    return Sweep(trial=fill(tree, TrialConfig), name=name, by_hand=by_hand, as_error=as_error, **sections)


def load_config(
    source: Source, overrides: Sequence[str] = (), *, check_files: bool = True, elsewhere: bool = False
) -> tuple[TrialConfig, dict[str, Any]]:
    """Read a closed configuration, such as `best.yaml`, and its provenance ({} if it has none).

    ``check_files`` and ``elsewhere`` as for `load_sweep`.

    Raises:
        InputError: with every mistake found.
    """
    document = overridden(as_earlier(read_document(source)), overrides, closed=True)
    data = {key: value for key, value in document.data.items() if key != "provenance"}
    provenance = document.data.get("provenance") or {}
    if "trial" in data:
        remedy = "give a closed configuration, such as best.yaml or a trial's config.yaml"
        problem = Problem(path=("trial",), rule="this is a sweep, not a closed configuration", remedy=remedy)
        raise input_error(document, [problem])
    named = with_default_folders(data, TrialConfig)
    data = with_absolute_paths(named, TrialConfig, _folders(document, ()))
    config = validated(answers(data, _never)[1])
    problems = [] if isinstance(config, TrialConfig) else config
    if not isinstance(provenance, Mapping):
        remedy = "keep what `tunehound export` wrote, or delete it"
        rule = "provenance must be a mapping"
        problems.append(Problem(path=("provenance",), rule=rule, given=shown(provenance), remedy=remedy))
    problems += relative_names(named, TrialConfig, ()) if elsewhere else []
    problems += missing_files(data, TrialConfig, ()) if check_files and not elsewhere else []
    if problems or not isinstance(config, TrialConfig):
        raise input_error(document, problems)
    return config, dict(provenance)


def _never(name: str, _: object) -> Scalar:
    raise AssertionError(f"a closed configuration has no open values, but a value for {name} was requested")


def _found(source: Source) -> Source:
    """Return the file of a sweep: the one given, else the ready sweep with that name."""
    name, ready = os.fspath(source), ready_sweeps()
    if not isinstance(source, str) or pathlib.Path(name).is_file():
        return source
    if name in ready:
        return ready[name]
    if pathlib.Path(name).is_dir():
        return source
    near = nearest(name, ready)
    remedy = (f"did you mean {near}? " if near else "") + f"ready sweeps: {', '.join(ready)}"
    rule = f"there is no file {pathlib.Path(name).absolute()}, and no ready sweep with this name"
    raise InputError([Problem(rule=rule, remedy=remedy)], name)


def _relative(tree: OpenTree, search: Settings | None, document: Document, *, ready: bool) -> list[Problem]:
    """Check for relative paths, which differ on another machine; in a ready sweep they start from the folder there."""
    problems = relative_names(tree, TrialConfig, ("trial",))
    if isinstance(search, Search):
        problems += relative_names({"warm_start": search.warm_start}, Search, ("search",))
    return [problem for problem in problems if not ready or isinstance(mark_of(document, problem.path), str)]


def _folders(document: Document, top: Path) -> Callable[[Path], pathlib.Path]:
    """Return where a relative path starts: the file's folder, or the current one if an override gave the path."""
    return lambda path: pathlib.Path.cwd() if isinstance(mark_of(document, (*top, *path)), str) else document.folder


def _trial(document: Document) -> tuple[OpenTree, list[Problem]]:
    raw = document.data.get("trial")
    if isinstance(raw, Mapping):
        return parse_trial(raw, ("trial",))
    rule = "a sweep needs a section `trial`: the configuration, with some values left open"
    return {}, [
        Problem(path=("trial",), rule=rule, given=shown(raw), remedy="for an example, see `tunehound spaces digits`")
    ]


def _unknown_sections(document: Document) -> list[Problem]:
    known = ["trial", *SECTIONS]
    problems = []
    for key in document.data:
        if key not in (*known, "run"):
            below = key in TrialConfig.model_fields
            remedy = f"move it below trial: trial.{key}" if below else did_you_mean(key, known)
            problems.append(Problem(path=(key,), rule="there is no such section", given=key, remedy=remedy))
    return problems


def _sections(document: Document) -> tuple[dict[str, Any], list[Problem]]:
    """Return the sections other than `trial`, with their defaults, and what is wrong with them."""
    sections: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, kind in SECTIONS.items():
        sections[name], mistakes = _section(name, kind, document.data.get(name))
        problems += mistakes
    return sections, problems


def _with_absolute_runs(search: Search, document: Document) -> Search:
    named = with_absolute_paths({"warm_start": search.warm_start}, Search, _folders(document, ("search",)))
    return search.model_copy(update=named)


def _section(name: str, kind: type[Settings], raw: Any) -> tuple[Settings | None, list[Problem]]:
    off = raw is False or raw == "off"
    if kind is Confirm and off:
        return None, []
    words = {"resources": raw == "auto", "tracking": off}
    data = {"wandb": "off"} if name == "tracking" and off else {} if raw is None or words.get(name) else raw
    try:
        return kind.model_validate(data), []
    except ValidationError as error:
        if not isinstance(data, Mapping):
            alternative = {"resources": "auto, or ", "confirm": "off, or ", "tracking": "off, or "}.get(name, "")
            rule = f"must be {alternative}a section (a mapping of keys to values)"
            remedy = "write its keys below it: " + ", ".join(kind.model_fields)
            return None, [Problem(path=(name,), rule=rule, given=shown(raw), remedy=remedy)]
        return None, [_below(problem, name) for problem in problems_of(error, data, kind)]


def _below(problem: Problem, *top: str) -> Problem:
    return Problem(path=(*top, *problem.path), rule=problem.rule, given=problem.given, remedy=problem.remedy)


def _named_by_the_user(missing: Problem, document: Document) -> Problem:
    """Explain that a ready sweep can only guess a path, unless an override gave it."""
    if isinstance(mark_of(document, missing.path), str):
        return missing
    name = pathlib.Path(document.source).stem
    change = f"add --set {dotted(missing.path[1:])}=…, or edit this line in a copy: tunehound spaces {name} > mine.yaml"
    return replace(missing, remedy=f"a ready sweep does not know where your data is: {change}")


def _trial_problems(tree: OpenTree, sections: Mapping[str, Any]) -> list[Problem]:
    """Check the trial at its corners, and against the other sections."""
    problems: dict[tuple[Path, str], Problem] = {}
    for values in corners(tree):
        config = validated(closed_data(tree, values))
        found = head_stage_problems(config, sections["search"]) if isinstance(config, TrialConfig) else config
        for problem in found:
            problem = _below(locate_in_tree(problem, tree, values), "trial")
            problems.setdefault((problem.path, problem.rule), problem)
    lacking = [_no_baseline(("trial", *item.path)) for item in without_baseline(tree)]
    training = tree.get("training")
    epochs = training.get("epochs") if isinstance(training, Mapping) else None
    return [*problems.values(), *lacking, *section_problems(sections, epochs)]


def _no_baseline(path: Path) -> Problem:
    rule = "give baselines for all open values (of the branches taken) or for none; this one has none"
    return Problem(path=path, rule=rule, remedy="add `baseline: VALUE` here, or delete the others")
