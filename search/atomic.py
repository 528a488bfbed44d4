"""Text files that appear whole or not at all."""

from __future__ import annotations

import secrets
from pathlib import Path


def write_text(destination: Path, text: str) -> None:
    """Writes UTF-8 text to a temporary file in the same folder, then renames it."""
    temporary = destination.with_name(f".{destination.name}.{secrets.token_hex(4)}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8", newline="")
        temporary.replace(destination)
    finally:
        temporary.unlink(missing_ok=True)
