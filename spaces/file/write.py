"""Plain data as readable YAML, written atomically."""

from __future__ import annotations

import io
import os
import pathlib
import secrets
from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.representer import RoundTripRepresenter
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from spaces.domains.domain import DOMAIN_KEYS
from spaces.printable import printable


class _Representer(RoundTripRepresenter):
    """Writes null as a word, because a key with nothing after it looks unfinished."""


_Representer.add_representer(type(None), lambda self, _: self.represent_scalar("tag:yaml.org,2002:null", "null"))


def write_yaml(path: str | os.PathLike[str], data: Mapping[str, Any], header: str = "") -> None:
    """Write plain data (dict, list, tuple, bool, int, float, str, None, paths) to a file.

    ``header`` becomes comment lines at the top. The file appears whole or not at all, and every value reads
    back equal (lists as tuples) by `spaces.file.document.read_yaml`.
    """
    write_text(pathlib.Path(path), yaml_text(data, header))


def write_text(path: pathlib.Path, text: str) -> None:
    """Write UTF-8 text to a temporary file in the same folder, then rename it.

    Bytes of file names that are not UTF-8 are escaped as by `printable`, so that the file is readable everywhere.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace", newline="")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def yaml_text(data: Mapping[str, Any], header: str = "") -> str:
    """Return plain data as YAML, with ``header`` above it as comment lines."""
    yaml = YAML(typ="rt")
    yaml.Representer = _Representer
    yaml.width = 120
    stream = io.StringIO()
    yaml.dump(_styled(data), stream)
    comments = "".join(f"# {printable(line)}".rstrip() + "\n" for line in header.splitlines())
    return comments + printable(stream.getvalue(), keep="\n")  # what is left of it stands in double quotes


def _styled(value: Any) -> Any:
    """Return the data with each list of scalars, and each domain of scalars, on one line."""
    if isinstance(value, Mapping):
        mapping = CommentedMap({_scalar(str(key)): _styled(entry) for key, entry in value.items()})
        if set(mapping) & DOMAIN_KEYS and all(_is_flat(entry) for entry in value.values()):
            mapping.fa.set_flow_style()
        return mapping
    if isinstance(value, (list, tuple)):
        sequence = CommentedSeq(_styled(entry) for entry in value)
        if _is_flat(value):
            sequence.fa.set_flow_style()
        return sequence
    return _scalar(value)


def _is_flat(value: Any) -> bool:
    """Whether a value is a scalar or a list of scalars."""
    entries = value if isinstance(value, (list, tuple)) else (value,)
    return not any(isinstance(entry, (Mapping, list, tuple)) for entry in entries)


def _scalar(value: Any) -> bool | int | float | str | None:
    """Convert a scalar to its plain type: NumPy's float64 to float, a path to text.

    Unprintable characters are escaped, because the emitter would turn some of them into line breaks.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, (str, os.PathLike)):
        text = str(value)
        return text if text.isprintable() else DoubleQuotedScalarString(text)
    raise TypeError(f"only plain data can be written as YAML; got {type(value).__name__}")
