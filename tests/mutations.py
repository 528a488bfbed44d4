"""Damages the files of a run as people, disks and other programs do; a `random.Random`, seeded or not, decides how."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any

from spaces.file.document import read_yaml
from spaces.file.write import write_yaml
from spaces.problem import InputError

ODD: tuple[Any, ...] = (
    *(None, True, False, -1, 0, 1, 7, 1.5, -0.25, 2**31, 2**70, 1e308, math.nan, math.inf, -math.inf),
    *("", "text", "0", "nan", "off", "\x00\x1b[2J\n", "\ud800", "../../etc/passwd", "2026-13-45T99:00:00", "x" * 3000),
    *([], [None], [[1]], [1, "a"], {}, {"a": {"b": None}}, {"0": 1}, {"confirm": []}),
)
"""What may stand where something else is expected."""
BOMB = "bomb: [&a [x,x,x,x,x,x,x,x,x], " + ", ".join(
    f"&{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 9)}]" for n in range(9)
)
"""A few hundred bytes of YAML that stand for 9¹⁰ values."""
YAML_LINES = (
    *("theirs: !!python/object/apply:os.getcwd []", "x: !!binary aGVsbG8=", "when: 2026-01-01T00:00:00Z"),
    *("run: {id: ab12cd34}", "trial: {}", "? [a, b]\n: c", "1: 2", "null: 2", "<<: {a: 1}", "- 1\n- 2"),
    *(f"{BOMB}]", "a: &a [*a]", "deep: " + "[" * 5000 + "]" * 5000, "deep: " + "{a: " * 300 + "}" * 300),
    *("'\\x1b[2J': 1", '"\\e[2J": 1', "\tindented: 1", "unclosed: [1, 2", "text: 'unclosed"),
    *("...\n---\nsecond: 1", "%YAML 1.1\n---", "number: 0x" + "f" * 5000, "number: 1e999", "number: " + "9" * 5000),
)
"""Lines that a YAML file may get."""


def _record(op_code: int, **fields: Any) -> dict[str, Any]:
    return {"op_code": op_code, "worker_id": "w", **({"trial_id": 5} if op_code > 4 else {"study_id": 0}), **fields}


def _distribution(name: str, **attributes: Any) -> str:
    return json.dumps({"name": name, "attributes": attributes})


RECORDS: tuple[Any, ...] = (
    *(
        {"op_code": 99, "worker_id": "w"},
        {"op_code": 0},
        {"op_code": "4"},
        {"op_code": None},
        {},
        [1, 2],
        7,
        None,
        "text",
    ),
    _record(0, study_name="second", directions=[1]),
    _record(0, study_name="second", directions=[1, 2]),
    _record(1),
    _record(4, datetime_start=None),
    _record(4, datetime_start=None, state=1, value="high", params={}, distributions={}),
    _record(2, user_attr={"confirming": {"trials": [99], "seeds": [1], "overlap": 0.1}}),
    _record(2, user_attr={"confirm:1:2": {"value": 0.5}}),
    _record(2, user_attr={"confirm:x": {}}),
    _record(2, user_attr={"spent": {"hours": "many"}}),
    *(_record(7, step=step, intermediate_value=0.5) for step in (-7, 10**9, "3")),
    *(_record(7, step=3, intermediate_value=value) for value in ("high", None, [1], 1e308)),
    _record(8, user_attr={"epochs": "many"}),
    _record(8, user_attr={"seconds": [1]}),
    _record(8, user_attr={"reason": {"a": 1}}),
    _record(
        5,
        param_name="theirs",
        param_value_internal=3,
        distribution=_distribution("IntDistribution", log=False, step=1, low=0, high=9),
    ),
    _record(
        5,
        param_name="model.dropout",
        param_value_internal=3,
        distribution=_distribution("CategoricalDistribution", choices=["a", [1], None]),
    ),
    _record(5, param_name="\x1b[2J", param_value_internal=3, distribution="no JSON"),
    _record(6, state=1, values=[0.5, 0.6], datetime_complete="never"),
    _record(6, state=77, values=None),
    _record(6, state=1, values=["high"], datetime_complete="2026-01-01T00:00:00"),
)
"""Records that a journal of ours never has."""
CELLS = ("", "nan", "inf", "-1", "1e999", "text", "0x10", "é", "\0", '"', "1,5", "9" * 5000, "=1+1", "7.5")
RUBBISH = bytes(range(256)) * 8
OFTEN = ("study.journal", "study.journal", "study.journal", "sweep.yaml", "config.yaml")


def mutate(folder: Path, random: Random, *, files: str = "*") -> str:
    """Damage one or two files below ``folder`` that match ``files``, and say how."""
    return "; ".join(_mutate_once(folder, random, files) for _ in range(random.choice((1, 1, 1, 2))))


def _mutate_once(folder: Path, random: Random, pattern: str) -> str:
    files = sorted(path for path in folder.rglob(pattern) if path.is_file() and not path.is_symlink())
    files = files or [folder / "gone"]
    name = random.choice([*sorted({file.name for file in files}), *OFTEN])
    file = random.choice([file for file in files if file.name == name] or files)
    kinds = [_raw] * 2 + KINDS.get(file.suffix, [])
    named = str(file.relative_to(folder))
    try:
        return f"{named}: {random.choice(kinds)(file, random)}"
    except (ValueError, LookupError, OSError, InputError) as error:  # damaged already, so that it cannot be parsed
        return f"{named}: {_raw(file, random)} ({type(error).__name__})"


def _raw(file: Path, random: Random) -> str:
    """Damage a file without regard to what it holds."""
    content = file.read_bytes() if file.is_file() else b""
    kind = random.choice(sorted(RAW))
    file.unlink(missing_ok=True) if not file.is_dir() else shutil.rmtree(file)
    RAW[kind](file, content, random)
    return kind


def _cut(file: Path, content: bytes, random: Random) -> None:
    file.write_bytes(content[: random.randint(0, max(0, len(content) - 1))])


def _with_rubbish(file: Path, content: bytes, random: Random) -> None:
    at = random.randint(0, len(content))
    file.write_bytes(content[:at] + RUBBISH[: random.randint(1, 300)] + content[at:])


def _flipped(file: Path, content: bytes, random: Random) -> None:
    damaged = bytearray(content or b"x")
    for _ in range(random.randint(1, 5)):
        damaged[random.randint(0, len(damaged) - 1)] ^= 1 << random.randint(0, 7)
    file.write_bytes(bytes(damaged))


def _swapped(file: Path, content: bytes, random: Random) -> None:
    other = random.choice([path for path in sorted(file.parent.iterdir()) if path.is_file()] or [Path(__file__)])
    shutil.copyfile(other, file)


RAW: Mapping[str, Callable[[Path, bytes, Random], object]] = {
    "missing": lambda file, content, random: None,
    "empty": lambda file, content, random: file.write_bytes(b""),
    "one byte": lambda file, content, random: file.write_bytes(random.choice((b"\n", b"\0", b"{", b"7", b"\xff"))),
    "a folder": lambda file, content, random: file.mkdir(),
    "a circle of links": lambda file, content, random: file.symlink_to(file.name),
    "a link to nowhere": lambda file, content, random: file.symlink_to("/nowhere/at/all"),
    "a link to a device": lambda file, content, random: file.symlink_to("/dev/zero"),
    "a pipe": lambda file, content, random: os.mkfifo(file),
    "cut off": _cut,
    "zeros": lambda file, content, random: file.write_bytes(bytes(len(content))),
    "rubbish": lambda file, content, random: file.write_bytes(RUBBISH),
    "rubbish inside": _with_rubbish,
    "bits flipped": _flipped,
    "UTF-16": lambda file, content, random: file.write_bytes(content.decode("utf-8", "replace").encode("utf-16")),
    "Latin-1": lambda file, content, random: file.write_bytes(content + b"# caf\xe9\n"),
    "a byte order mark": lambda file, content, random: file.write_bytes(b"\xef\xbb\xbf" + content),
    "old Mac lines": lambda file, content, random: file.write_bytes(content.replace(b"\n", b"\r")),
    "Windows lines": lambda file, content, random: file.write_bytes(content.replace(b"\n", b"\r\n")),
    "twice": lambda file, content, random: file.write_bytes(content * 2),
    "another file": _swapped,
    "nested": lambda file, content, random: file.write_bytes(b"[" * 100_000 + b"\n"),
}  # fmt: skip


def _yaml(file: Path, random: Random) -> str:
    if random.random() < 0.3:
        line = random.choice(YAML_LINES)
        with file.open("a") as end:
            end.write(line + "\n")
        return f"with the line {line[:50]!r}"
    data, what = edit(_lists(read_yaml(file)), random)
    if not isinstance(data, dict):
        file.write_text(json.dumps(data) + "\n")
    else:
        write_yaml(file, data)
    return what


def _lists(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _lists(entry) for key, entry in value.items()}
    return [_lists(entry) for entry in value] if isinstance(value, tuple) else value


def _json(file: Path, random: Random) -> str:
    data, what = edit(json.loads(file.read_bytes()), random)
    file.write_text(json.dumps(data))
    return what


def _journal(file: Path, random: Random) -> str:
    lines = file.read_text().splitlines()
    at = random.randint(0, len(lines) - 1)
    match random.choice(("edit", "edit", "edit", "add", "add", "drop", "twice", "swap", "long")):
        case "edit":
            record, what = edit(json.loads(lines[at]), random)
            lines[at] = json.dumps(record)
        case "add":
            record = random.choice(RECORDS)
            what = f"a record {json.dumps(record)[:120]}"
            lines.insert(random.choice((at, len(lines))), json.dumps(record))
        case "drop":
            what = f"without {lines.pop(at)[:120]}"
        case "twice":
            what = f"twice {lines[at][:120]}"
            lines.insert(at, lines[at])
        case "swap":
            what = f"line {at} at the end"
            lines.append(lines.pop(at))
        case _:
            what = "a number of 5,000 digits"
            lines[at] = lines[at].replace("1", "1" * 5000, 1)
    file.write_text("\n".join(lines) + "\n")
    return f"line {at + 1}: {what}"


def _csv(file: Path, random: Random) -> str:
    rows = list(csv.reader(io.StringIO(file.read_text())))
    at, column = random.randint(0, len(rows) - 1), random.randint(0, max(0, len(rows[0]) - 1))
    match random.choice(("cell", "cell", "cell", "row", "column", "twice", "long")):
        case "cell":
            cell = random.choice(
                ("", "nan", "inf", "-1", "1e999", "text", "0x10", "é", "\0", '"', "1,5", "9" * 5000, "=1+1", "7.5")
            )
            rows[at][column : column + 1] = [cell]
            what = f"row {at}, column {column}: {cell[:40]!r}"
        case "row":
            what = f"without row {at}"
            del rows[at]
        case "column":
            what = f"without column {column}"
            rows = [row[:column] + row[column + 1 :] for row in rows]
        case "twice":
            what = f"row {at} twice"
            rows.insert(at, rows[at])
        case _:
            what = "a cell of 200,000 characters"
            rows[at][column : column + 1] = ["x" * 200_000]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    file.write_text(text.getvalue())
    return what


KINDS: Mapping[str, list[Callable[[Path, Random], str]]] = {
    ".journal": [_journal] * 6,
    ".jsonl": [_journal] * 6,
    ".yaml": [_yaml] * 5,
    ".csv": [_csv] * 4,
    ".json": [_json] * 4,
}
"""What is done to a file besides what is done to any."""


def places(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of everything in plain data."""
    yield path
    entries = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, entry in entries:
        yield from places(entry, (*path, key))


def edit(data: Any, random: Random) -> tuple[Any, str]:
    """Return plain data with one value replaced, wrapped, removed or renamed, and what was done."""
    data = json.loads(json.dumps(data))
    path = random.choice(list(places(data))[1:] or [()])
    if not path:
        return random.choice(ODD), "something else"
    holder = data
    for key in path[:-1]:
        holder = holder[key]
    key, odd = path[-1], random.choice(ODD)
    named = ".".join(map(str, path))
    match random.choice(("replace", "replace", "replace", "remove", "rename", "wrap", "add")):
        case "remove":
            del holder[key]
            return data, f"without {named}"
        case "rename" if isinstance(holder, dict):
            holder[random.choice(("theirs", "\x1b[2J", "", "a.b", f"{key}s"))] = holder.pop(key)
            return data, f"{named} renamed"
        case "wrap":
            holder[key] = [holder[key]]
            return data, f"{named} in a list"
        case "add" if isinstance(holder, dict):
            holder["theirs"] = odd
            return data, f"{named[:-1]}… beside {str(odd)[:40]!r}"
    holder[key] = odd
    return data, f"{named} = {str(odd)[:40]!r}"
