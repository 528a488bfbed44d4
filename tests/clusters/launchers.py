"""The files that start clusters, as the tests read them."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parents[2] / "clusters"
CHECKOUT = FOLDER.parent


def documents(path: Path) -> list[dict[str, Any]]:
    """The YAML documents of a file, read as Ray and kubectl read them."""
    return list(yaml.safe_load_all(path.read_text()))


def is_launcher(path: Path) -> bool:
    """Whether the file is one for `ray up`."""
    return "cluster_name" in documents(path)[0]


FILES = sorted([*FOLDER.glob("*.yaml"), *FOLDER.glob("*.sh")])
LAUNCHERS = [path for path in FOLDER.glob("*.yaml") if is_launcher(path)]


def header(path: Path) -> str:
    """The comment that a file begins with, without its marks."""
    lines = path.read_text().splitlines()
    lines = lines[lines[0].startswith("#!") :]
    top = next(number for number, line in enumerate([*lines, ""]) if not line.startswith("#"))
    return "\n".join(line.removeprefix("#").removeprefix(" ") for line in lines[:top])


def commands(path: Path, program: str) -> list[list[str]]:
    """The words that follow the name of a program, for each time that the header of a file calls it."""
    lines = [line.strip() for line in header(path).splitlines() if line.startswith("  ")]
    found = [match[1] for line in lines for match in re.finditer(rf"(?:^|[ '\"/]){program} ([^'\";|]+)", line)]
    return [shlex.split(words, comments=True) for words in found]


def locked() -> dict[str, set[str]]:
    """The versions of constraints.txt."""
    versions: dict[str, set[str]] = {}
    for line in (CHECKOUT / "constraints.txt").read_text().splitlines():
        if match := re.match(r"([\w.-]+)==([^ ;]+)", line):
            versions.setdefault(match[1], set()).add(match[2])
    return versions
