"""The skeleton of a self-contained HTML page: sections, tables, the script of the figures. Escapes all text."""

from __future__ import annotations

import base64
import gzip
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path

from plotly.offline import get_plotlyjs

POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline' 'unsafe-eval'; img-src data: blob:"
"""Nothing may be loaded. The parallel coordinates compile their shaders, hence 'unsafe-eval'."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One field of a table: the text that is shown, and what it is sorted by (digits of a number, or text)."""

    shown: str
    value: str


def page(*, title: str, lead: str, sections: Sequence[str]) -> str:
    """Return the whole page. ``lead`` and ``sections`` are HTML; the library is included once if there are figures."""
    plots = any('class="figure"' in each for each in sections)
    library = f'<script type="application/gzip" id="plotly">{plotly()}</script>' if plots else ""
    heads = re.findall(r'<section id="([^"]*)"><h2>([^<]*)</h2>', "".join(sections))
    links = "".join(f'<a href="#{anchor}">{name}</a>' for anchor, name in heads)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<title>{escape(title)}</title>
<style>{asset("page.css")}</style>
</head>
<body>
<main>
<header>{lead}<nav>{links}</nav></header>
{"".join(sections)}
</main>
{library}
<script>{asset("page.js")}</script>
</body>
</html>
"""


def asset(name: str) -> str:
    """Return the text of a file in this folder."""
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


@cache
def plotly() -> str:
    """Return Plotly's script, compressed, as base64: 2 MB instead of 5. The page unpacks it."""
    return base64.b64encode(gzip.compress(get_plotlyjs().encode(), mtime=0)).decode()


def section(name: str, body: str, *, note: str = "") -> str:
    """Return a titled section; ``body`` is HTML, the name and the note are text. Empty if there is no body."""
    if not body:
        return ""
    caption = f'<p class="note">{escape(note)}</p>' if note else ""
    anchor = re.sub(r"\W+", "-", name.lower())
    return f'<section id="{anchor}"><h2>{escape(name)}</h2>{caption}{body}</section>\n'


def table(heads: Sequence[str], rows: Sequence[Sequence[Cell]], *, classes: Sequence[str], text: Sequence[str]) -> str:
    """Return a sortable table: one CSS class (or none) per row; the columns named in ``text`` are left-aligned."""
    sides = [' class="text"' if head in text else "" for head in heads]
    top = "".join(f"<th{side}>{escape(head)}</th>" for head, side in zip(heads, sides, strict=True))
    lines = []
    for row, name in zip(rows, classes, strict=True):
        cells = "".join(field(cell, side) for cell, side in zip(row, sides, strict=True))
        lines.append(f'<tr class="{escape(name)}">{cells}</tr>' if name else f"<tr>{cells}</tr>")
    body = "\n".join(lines)
    return (
        f'<div class="scroll"><table class="sortable"><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def field(cell: Cell, side: str) -> str:
    """Return one field; the value it is sorted by is given only if it differs from what is shown."""
    value = "" if cell.value == cell.shown else f' data-value="{escape(cell.value)}"'
    return f"<td{side}{value}>{escape(cell.shown)}</td>"


def definitions(entries: Mapping[str, object]) -> str:
    """Return names and values as a definition list."""
    lines = (f"<dt>{escape(str(name))}</dt><dd>{escape(str(value))}</dd>" for name, value in entries.items())
    return f"<dl>{''.join(lines)}</dl>" if entries else ""


def preformatted(text: str) -> str:
    """Return text that keeps its line breaks and spaces."""
    return f'<div class="scroll"><pre>{escape(text)}</pre></div>'
