"""Holds a command of a page against what it calls: the real parsers, files, targets, extras. Nothing is run."""

from __future__ import annotations

import importlib
import importlib.util
import itertools
import re
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import typer
from ray.scripts.scripts import cli as ray_cli

from spaces.file.load import load_sweep, ready_sweeps
from tests.promises.pages import ROOT, simple_commands

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
OTHERS = {"ls", "chmod", ".", "pre-commit"}
"""Programs of which the pages need no proof."""
ROOMS = ("search/", "spaces/", "trainables/", "clusters/", "tests/", "docs/", ".ci/")
"""What begins so is a file or a folder of the repository."""


def our_cli() -> Any:
    """The command that the console script starts, made anew."""
    module, _, _ = PROJECT["scripts"]["tunehound"].partition(":")
    return typer.main.get_command(importlib.import_module(module).app)


def parse(command: Any, words: Sequence[str], *, name: str, parent: Any = None) -> list[str]:
    """Parses a command line down to the command that it names, with its types, and runs nothing; the names passed.

    Raises:
        UsageError (of Click, or of Typer's): an option, an argument or a command is unknown, missing or wrong.
    """
    for each in command.params:
        each.callback = None if each.is_eager else each.callback  # --version and --install-completion act at once
    context = command.make_context(name, list(words), parent=parent)
    rest = command.make_parser(context).parse_args(list(words))[1]
    if not hasattr(command, "resolve_command") or not rest:
        return [name]
    found, inner, rest = command.resolve_command(context, rest)
    return [name, *parse(inner, rest, name=str(found), parent=context)]


def is_name(words: Sequence[str]) -> bool:
    """Whether these are the name of a command and nothing more, as a text mentions it."""
    inner: Any = {"tunehound": our_cli(), "ray": ray_cli}.get(words[0])
    for word in words[1:]:
        inner = getattr(inner, "commands", {}).get(word)
    return inner is not None


def check_tunehound(words: Sequence[str]) -> None:
    parse(our_cli(), words, name="tunehound")
    if words[0] == "submit":
        check_tunehound(words[words.index("--") + 1 :])
    if words[0] in ("run", "plan") and len(words) > 1:
        check_overrides(words[1], words[2:])


def check_overrides(sweep: str, options: Sequence[str]) -> None:
    """Loads the sweep with what is set: a ready one, one of the repository, or the one that the README shows."""
    overrides = [value for option, value in itertools.pairwise(options) if option == "--set"]
    if sweep in ready_sweeps() or (ROOT / sweep).is_file():
        load_sweep(sweep if sweep in ready_sweeps() else ROOT / sweep, overrides, check_files=False)
    else:
        assert sweep == "SWEEP" or sweep.endswith(".yaml"), f"no ready sweep: {sweep}"


def check_make(words: Sequence[str]) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(words) <= targets


def check_python(words: Sequence[str]) -> None:
    """A script or a module that is there, and that knows the options by name."""
    if words[0] == "-m":
        spec = importlib.util.find_spec(words[1])
        assert spec is not None, words[1]
        script = Path(spec.origin or "").with_name("__main__.py") if spec.submodule_search_locations else spec.origin
        words = words[1:]
    else:
        script = ROOT / words[0]
    source = Path(str(script)).read_text(encoding="utf-8")
    if words[0] == "clusters/submit.py":
        return check_tunehound(words[1:])
    options = [word for word in words[1:] if word.startswith("--")]
    unknown = [option for option in options if not re.search(f'"({option}|{option.removeprefix("--")})"', source)]
    assert unknown == []


def check_pytest(words: Sequence[str]) -> None:
    assert [word for word in words if word.startswith("tests/") and not (ROOT / word).exists()] == []


def check_pip(words: Sequence[str]) -> None:
    """What is installed of ours has such an extra."""
    named = [extra for word in words for extra in re.findall(r"^tunehound\[(.+)\]$", word)]
    assert named
    assert set(named) <= set(PROJECT["optional-dependencies"])


def check_ray(words: Sequence[str]) -> None:
    """A command of Ray's own, and the command of ours that it carries to a cluster."""
    parse(ray_cli, words, name="ray")
    match list(words):
        case ["exec", _, command]:
            check_line(command)
        case ["submit", _, script, "--", *command]:
            check_python([script, *command])
        case ["job", "submit", *options]:
            check(options[options.index("--") + 1 :])


CHECKS: dict[str, Callable[[Sequence[str]], None]] = {
    "tunehound": check_tunehound,
    "make": check_make,
    "python": check_python,
    "pytest": check_pytest,
    "pip": check_pip,
    "ray": check_ray,
}


def check(words: Sequence[str]) -> None:
    """Holds a command against what it calls, and its files against the repository."""
    assert words[0] in CHECKS or words[0] in OTHERS, f"what is {words[0]}?"
    if words[0] in CHECKS:
        CHECKS[words[0]](words[1:])
    assert [word for word in words if word.startswith(ROOMS) and not (ROOT / word).exists()] == []


def check_line(line: str) -> None:
    for words in simple_commands(line):
        check(words)
