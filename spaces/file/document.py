"""YAML files: read as plain data with the line of every value, written atomically."""

from __future__ import annotations

import os
import pathlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from spaces.problem import InputError, Path, Problem, shown

MAX_DEPTH = 40
MAX_VALUES = 50_000
_TAG = "tag:yaml.org,2002:"
_PLAIN = {_TAG + name for name in ("null", "bool", "int", "float")}
_TEXT = {_TAG + name for name in ("str", "timestamp", "value")}


@dataclass(frozen=True, kw_only=True)
class Document:
    """What a file says: plain data (dict, tuple, bool, int, float, str, None), and where each value was written."""

    source: str
    """The file as the user named it, for messages."""
    folder: pathlib.Path
    """Relative paths in the file count from here."""
    data: Mapping[str, Any]
    marks: Mapping[Path, int | str]
    """The line (from 1) of every value, or the override that set it."""


def remark(path: str | os.PathLike[str], about: str) -> str | None:
    """What the comment at the head of a file says behind ``about:``; None where it says nothing."""
    lines = pathlib.Path(path).read_text(encoding="utf-8").splitlines()
    said = [line.removeprefix("#").strip() for line in takewhile(lambda line: line.startswith("#"), lines)]
    at = next((place for place, line in enumerate(said) if line.startswith(f"{about}: ")), None)
    if at is None:
        return None
    more = takewhile(lambda line: line and not re.match(r"[A-Z][a-z ]*: ", line), said[at + 1 :])
    return " ".join([said[at].removeprefix(f"{about}: "), *more])


def mark_of(document: Document, path: Path) -> int | str | None:
    """The line or override of a value, or of the nearest section around it that was written."""
    for end in range(len(path), 0, -1):
        if path[:end] in document.marks:
            return document.marks[path[:end]]
    return document.marks.get(())


def located(document: Document, problem: Problem) -> Problem:
    """The problem with its line, or with the override that caused it."""
    mark = mark_of(document, problem.path)
    return replace(problem, source=mark) if isinstance(mark, str) else replace(problem, line=mark)


def refuse(document: Document, problems: Sequence[Problem]) -> InputError:
    """An error that tells each problem once, in file order, overrides last."""
    placed = [located(document, problem) for problem in dict.fromkeys(problems)]
    return InputError(sorted(placed, key=lambda each: (each.source is not None, each.line or 0)), document.source)


def read_document(path: str | os.PathLike[str]) -> Document:
    """Read a YAML 1.2 file whose top is a mapping. Nothing but plain data is ever constructed.

    Raises:
        InputError: no such file, not text, broken YAML, a tag, a key given twice, or no mapping at the top.
    """
    source = os.fspath(path)
    data, marks = _parsed(_text(source), source)
    if not isinstance(data, dict):
        rule = "the file is empty" if data is None else "a file must be a mapping of keys and values"
        given = None if data is None else shown(data)
        remedy = "start with a key, such as `trial:` in a sweep or `data:` in a closed configuration"
        raise InputError([Problem(rule=rule, given=given, remedy=remedy, line=1)], source)
    return Document(source=source, folder=pathlib.Path(source).absolute().parent, data=data, marks=marks)


def read_yaml(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The plain data of a YAML file; lists come as tuples. Raises: InputError, as `read_document`."""
    return dict(read_document(path).data)


def parse_value(text: str, source: str) -> Any:
    """The plain data of a piece of YAML. Raises: InputError."""
    return _parsed(text, source)[0]


def _text(source: str) -> str:
    path = pathlib.Path(source)
    try:
        content = path.read_bytes()
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        problem = Problem(rule="the file must be UTF-8 text", remedy="save it as UTF-8", line=line)
    except IsADirectoryError:
        problem = Problem(rule="this is a folder, not a file", remedy="name a YAML file in it")
    except (FileNotFoundError, NotADirectoryError):
        remedy = f"check the name; it was looked for at {path.absolute()}"
        problem = Problem(rule="there is no such file", remedy=remedy)
    except (OSError, ValueError) as error:
        problem = Problem(rule="the file cannot be read", given=str(error), remedy="check its name and its permissions")
    raise InputError([problem], source)


def _parsed(text: str, source: str) -> tuple[Any, dict[Path, int | str]]:
    yaml = YAML(typ="safe", pure=True)
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
        rule = f"a file may be nested {MAX_DEPTH} levels deep and hold {MAX_VALUES} values, aliases counted"
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
    """The data of one node. Marks are the nodes' own lines; a mapping's values are marked at their keys."""
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
            return yaml.constructor.construct_object(node)
    rule = "a value may not carry a YAML tag"
    remedy = "write the plain value, without the tag"
    problems.append(Problem(path=path, rule=rule, given=str(node.tag), remedy=remedy, line=line))
    return None


def _untagged(yaml: YAML, node: ScalarNode) -> bool:
    """Whether the value is what it would be with no tag written before it."""
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
        return Problem(rule="merge keys (<<) are not read", given="<<", remedy="write the keys out")
    if node.tag not in _TEXT or not _untagged(yaml, node):
        return Problem(rule="a key must be text", given=str(node.value), remedy=f'write it in quotes: "{node.value}"')
    if node.value in data:
        return Problem(rule="a key may stand only once in a mapping", given=f"{node.value} twice", remedy="delete one")
    return None
