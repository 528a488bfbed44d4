"""Which columns of a table fit a terminal, and their headers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

GAP = 2
"""Spaces between two columns."""


def header(name: str) -> str:
    """Return a column's header, broken into lines to be no wider than its values."""
    return name.replace("_", "\n").replace(".", ".\n")


def fitting(cells: Mapping[str, Sequence[str]], droppable: Iterable[str], width: int) -> list[str]:
    """Return the columns that fit into ``width`` characters, without those of ``droppable`` that do not, in its order.

    Args:
        cells: of each column, the header first.
        droppable: columns that may be left out, the least important first.
        width: of the terminal.
    """
    kept = list(cells)
    candidates = [name for name in droppable if name in kept]
    while candidates and sum(breadth(cells[name]) + GAP for name in kept) - GAP > width:
        kept.remove(candidates.pop(0))
    return kept


def breadth(column: Sequence[str]) -> int:
    """Return the width of a column in characters."""
    return max(len(line) for text in column for line in text.split("\n"))
