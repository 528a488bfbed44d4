"""YAML files, read as plain data with the line of every value."""

from __future__ import annotations

import os
import pathlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from spaces.file.content import MOST_BYTES, content_of
from spaces.problem import InputError, Path, Problem, shown

MAX_DEPTH = 40
MAX_VALUES = 50_000
MOST_WHOLE = 10**300
"""Larger whole numbers are refused: they are no floats, and Python formats none of more than 4,300 digits."""
_TAG = "tag:yaml.org,2002:"
_PLAIN = {_TAG + name for name in ("null", "bool", "int", "float")}
_TEXT = {_TAG + name for name in ("str", "timestamp", "value")}


@dataclass(frozen=True, kw_only=True)
class Document:
    """The content of a file: plain data (dict, tuple, bool, int, float, str, None), and the line of each value."""

    source: str
    """The file name as the user gave it, for messages."""
    folder: pathlib.Path
    """The folder that relative paths in the file start from."""
    data: Mapping[str, Any]
    marks: Mapping[Path, int | str]
    """The line of every value, counted from 1, or the override that set it."""


class _BoundedComposer(Composer):
    """Stops at too many values, not only after minutes, when all of a file is composed."""

    _count = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Compose a value and what is below it. Raises: RecursionError."""
        self._count += 1
        if self._count > 2 * MAX_VALUES:  # keys are nodes, too
            raise RecursionError
        return super().compose_node(parent, index)


def header_remark(path: str | os.PathLike[str], about: str) -> str | None:
    """Return what follows ``about:`` in the comment at the head of a file; None if there is nothing."""
    lines = _text(os.fspath(path)).splitlines()
    lines = [line.removeprefix("#").strip() for line in takewhile(lambda line: line.startswith("#"), lines)]
    at = next((place for place, line in enumerate(lines) if line.startswith(f"{about}: ")), None)
    if at is None:
        return None
    more = takewhile(lambda line: line and not re.match(r"[A-Z][a-z ]*: ", line), lines[at + 1 :])
    return " ".join([lines[at].removeprefix(f"{about}: "), *more])


def mark_of(document: Document, path: Path) -> int | str | None:
    """Return the line or override of a value, or of the nearest section around it in the file."""
    for end in range(len(path), 0, -1):
        if path[:end] in document.marks:
            return document.marks[path[:end]]
    return document.marks.get(())


def locate(document: Document, problem: Problem) -> Problem:
    """Return the problem with its line, or with the override that caused it."""
    mark = mark_of(document, problem.path)
    return replace(problem, source=mark) if isinstance(mark, str) else replace(problem, line=mark)


def input_error(document: Document, problems: Sequence[Problem]) -> InputError:
    """Return an error with each problem once, in file order, overrides last."""
    located = [locate(document, problem) for problem in dict.fromkeys(problems)]
    return InputError(sorted(located, key=lambda each: (each.source is not None, each.line or 0)), document.source)


def read_document(path: str | os.PathLike[str]) -> Document:
    """Read a YAML 1.2 file whose top level is a mapping. Only plain data is ever constructed.

    Raises:
        InputError: no such file, not text, invalid YAML, a tag, a repeated key, or no mapping at the top level.
    """
    source = os.fspath(path)
    data, marks = _parsed(_text(source), source)
    if not isinstance(data, dict):
        rule = "the file is empty" if data is None else "the file must be a mapping of keys to values"
        given = None if data is None else shown(data)
        remedy = "start with a key, such as `trial:` in a sweep or `data:` in a closed configuration"
        raise InputError([Problem(rule=rule, given=given, remedy=remedy, line=1)], source)
    return Document(source=source, folder=pathlib.Path(source).absolute().parent, data=data, marks=marks)


def read_yaml(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the plain data of a YAML file, lists as tuples. Raises: InputError, as `read_document`."""
    return dict(read_document(path).data)


def parse_value(text: str, source: str) -> Any:
    """Parse a piece of YAML to plain data. Raises: InputError."""
    if len(text) > MOST_BYTES:
        problem = Problem(rule=f"a value has {MOST_BYTES:,} characters at most", remedy="write it into the sweep file")
        raise InputError([problem], source)
    return _parsed(text, source)[0]


def _text(source: str) -> str:
    content = content_of(source)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        problem = Problem(rule="the file must be UTF-8 text", remedy="save it as UTF-8", line=line)
        raise InputError([problem], source) from error


def _parsed(text: str, source: str) -> tuple[Any, dict[Path, int | str]]:
    yaml = YAML(typ="safe", pure=True)
    yaml.Composer = _BoundedComposer
    problems: list[Problem] = []
    marks: dict[Path, int | str] = {}
    try:
        node = yaml.compose(text)
        data = None if node is None else _plain(yaml, node, path=(), marks=marks, problems=problems)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problems = [_broken(error.problem or "it cannot be parsed", None if mark is None else mark.line + 1)]
    except ReaderError as error:
        line = text[: error.position].count("\n") + 1
        problems = [_broken(f"character U+{ord(text[error.position]):04X} is not allowed", line)]
    except RecursionError:
        rule = f"a file may be {MAX_DEPTH} levels deep and hold {MAX_VALUES:,} values at most, aliases included"
        problems = [Problem(rule=rule, remedy="make it flatter or smaller")]
    except (YAMLError, ValueError, NotImplementedError) as error:
        problems = [_broken(str(error).splitlines()[0] if str(error) else "it cannot be parsed", None)]
    if problems:
        raise InputError(problems, source)
    return data, marks


def _broken(what: str, line: int | None) -> Problem:
    remedy = "correct the syntax at this line (or just before it): indentation, brackets, quotes, `key: value`"
    return Problem(rule=f"this is not valid YAML: {what}", remedy=remedy, line=line)


def _plain(yaml: YAML, node: Node, *, path: Path, marks: dict[Path, int | str], problems: list[Problem]) -> Any:
    """Return the data of one node. Its mark is its line; the values of a mapping are marked at their keys."""
    line = node.start_mark.line + 1
    marks.setdefault(path, line)
    if len(path) > MAX_DEPTH or len(marks) > MAX_VALUES:
        raise RecursionError
    if isinstance(node, MappingNode) and node.tag == _TAG + "map":
        return _mapping(yaml, node, path=path, marks=marks, problems=problems)
    if isinstance(node, SequenceNode) and node.tag == _TAG + "seq":
        entries = enumerate(node.value)
        return tuple(_plain(yaml, each, path=(*path, i), marks=marks, problems=problems) for i, each in entries)
    if isinstance(node, ScalarNode) and _untagged(yaml, node):
        if node.tag in _TEXT:
            return str(node.value)
        if node.tag in _PLAIN:
            return _scalar(yaml, node, path=path, problems=problems)
    rule = "YAML tags are not allowed"
    remedy = "write the plain value, without the tag"
    problems.append(Problem(path=path, rule=rule, given=str(node.tag), remedy=remedy, line=line))
    return None


def _scalar(yaml: YAML, node: ScalarNode, *, path: Path, problems: list[Problem]) -> Any:
    try:
        value = yaml.constructor.construct_object(node)
    except ValueError:  # more digits than Python reads, or none
        value = MOST_WHOLE
    if not isinstance(value, int) or abs(value) < MOST_WHOLE:
        return value
    rule, line = "a whole number has 300 digits at most", node.start_mark.line + 1
    given = shown(node.value) + f", {len(node.value):,} characters"
    problems.append(Problem(path=path, rule=rule, given=given, remedy="give a smaller number", line=line))
    return None


def _untagged(yaml: YAML, node: ScalarNode) -> bool:
    """Whether the value has the tag that it would have without an explicit one."""
    plain = node.style is None
    return str(yaml.resolver.resolve(ScalarNode, node.value, (plain, not plain))) == str(node.tag)


def _mapping(
    yaml: YAML, node: MappingNode, *, path: Path, marks: dict[Path, int | str], problems: list[Problem]
) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line, key = key_node.start_mark.line + 1, key_node.value
        fault = _key_fault(yaml, key_node, data)
        if fault is not None:
            problems.append(replace(fault, path=path, line=line))
            continue
        marks[(*path, key)] = line
        data[key] = _plain(yaml, value_node, path=(*path, key), marks=marks, problems=problems)
    return data


def _key_fault(yaml: YAML, node: Node, data: Mapping[str, Any]) -> Problem | None:
    if not isinstance(node, ScalarNode):
        return Problem(rule="a key must be text", given="a list or a mapping", remedy="write a plain name")
    if node.tag == _TAG + "merge":
        return Problem(rule="merge keys (<<) are not supported", given="<<", remedy="write the keys out in full")
    if node.tag not in _TEXT or not _untagged(yaml, node):
        return Problem(rule="a key must be text", given=str(node.value), remedy=f'write it in quotes: "{node.value}"')
    if node.value in data:
        return Problem(rule="a key may appear only once in a mapping", given=f"{node.value} twice", remedy="delete one")
    return None
