"""Reads .wandb files: LevelDB's log format (blocks of 32 KiB), each record a protobuf message."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wandb.proto.wandb_internal_pb2 import Record

BLOCK, HEADER, FILE_HEADER = 32768, 7, 7
FULL, FIRST, LAST = 1, 2, 4


@dataclass
class Shown:
    """What one W&B run will show once it is uploaded."""

    id: str = ""
    name: str = ""
    group: str = ""
    project: str = ""
    host: str = ""
    tags: list[str] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)
    artifacts: dict[str, list[str]] = field(default_factory=dict)
    """The names of the files of each, by its own name."""
    summary: dict[str, Any] = field(default_factory=dict)
    exit_code: int | None = None
    """None: the run was never finished."""


def shown(run_directory: Path) -> dict[int, Shown]:
    """The W&B runs below a run directory, by trial number. Two files of one trial are an error."""
    by_number: dict[int, Shown] = {}
    for file in files(run_directory):
        if file.stem.endswith("-leaderboard"):
            continue
        run = read(file)
        number = int(file.stem.rsplit("-", 1)[1])
        assert number not in by_number, f"trial {number} has two files"
        by_number[number] = run
    return by_number


def shown_board(run_directory: Path) -> Shown:
    """The W&B run of the leaderboard. Two files of it are an error."""
    (file,) = (run_directory / "wandb").glob("*/*-leaderboard.wandb")
    return read(file)


def files(run_directory: Path) -> list[Path]:
    """All .wandb files below a run directory."""
    return sorted((run_directory / "wandb").glob("*/*.wandb"))


def read(file: Path) -> Shown:
    """One file."""
    run = Shown()
    for message in messages(file.read_bytes()):
        record = Record.FromString(message)
        kind = record.WhichOneof("record_type")
        if kind == "run":
            told = record.run
            run.id, run.name, run.group, run.project = told.run_id, told.display_name, told.run_group, told.project
            run.tags, run.host = list(told.tags), told.host
            run.config.update({item.key: json.loads(item.value_json) for item in told.config.update})
        elif kind == "history":
            items = record.history.item
            run.rows.append({item.key or item.nested_key[0]: json.loads(item.value_json) for item in items})
        elif kind == "summary":
            updates = record.summary.update
            run.summary.update({item.key or item.nested_key[0]: json.loads(item.value_json) for item in updates})
        elif kind == "artifact":
            run.artifacts[record.artifact.name] = [entry.path for entry in record.artifact.manifest.contents]
        elif kind == "exit":
            run.exit_code = record.exit.exit_code
    return run


def messages(data: bytes) -> Iterator[bytes]:
    """The records of a file, put together from their fragments."""
    position, parts = FILE_HEADER, b""
    while position + HEADER <= len(data):
        left = BLOCK - position % BLOCK
        if left < HEADER:
            position += left
            continue
        _, length, kind = struct.unpack("<IHB", data[position : position + HEADER])
        parts = (b"" if kind in (FULL, FIRST) else parts) + data[position + HEADER : position + HEADER + length]
        position += HEADER + length
        if kind in (FULL, LAST):
            yield parts
