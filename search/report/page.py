"""The bones of a self-contained HTML page: sections, tables, figures' script. Every text is escaped here."""

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
"""Nothing may be loaded from anywhere. The parallel coordinates compile their shaders, hence 'unsafe-eval'."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One field of a table: what is read, and what it is sorted by (a number's digits, or text)."""

    shown: str
    value: str


def page(*, title: str, lead: str, sections: Sequence[str]) -> str:
    """The whole page. ``lead`` and ``sections`` are HTML; the library of the figures, if any, goes in once."""
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
<style>{beside("page.css")}</style>
</head>
<body>
<main>
<header>{lead}<nav>{links}</nav></header>
{"".join(sections)}
</main>
{library}
<script>{beside("page.js")}</script>
</body>
</html>
"""


def beside(name: str) -> str:
    """The text of a file of this folder."""
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


@cache
def plotly() -> str:
    """Plotly's script, compressed and in letters: 2 MB instead of 5. The page unpacks it."""
    return base64.b64encode(gzip.compress(get_plotlyjs().encode(), mtime=0)).decode()


def section(name: str, body: str, *, note: str = "") -> str:
    """A titled part of the page; ``body`` is HTML, the name and the note are text. Nothing where there is no body."""
    if not body:
        return ""
    told = f'<p class="note">{escape(note)}</p>' if note else ""
    anchor = re.sub(r"\W+", "-", name.lower())
    return f'<section id="{anchor}"><h2>{escape(name)}</h2>{told}{body}</section>\n'


def table(heads: Sequence[str], rows: Sequence[Sequence[Cell]], *, classes: Sequence[str], text: Sequence[str]) -> str:
    """A sortable table. ``classes`` has one name (or nothing) a row; the columns named in ``text`` are set left."""
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
    """One field; what it is sorted by is told only where that is not what is read."""
    value = "" if cell.value == cell.shown else f' data-value="{escape(cell.value)}"'
    return f"<td{side}{value}>{escape(cell.shown)}</td>"


def definitions(entries: Mapping[str, object]) -> str:
    """Names and values, a line each."""
    lines = (f"<dt>{escape(str(name))}</dt><dd>{escape(str(value))}</dd>" for name, value in entries.items())
    return f"<dl>{''.join(lines)}</dl>" if entries else ""


def preformatted(text: str) -> str:
    """Text whose line breaks and blanks stand as they are."""
    return f'<div class="scroll"><pre>{escape(text)}</pre></div>'
