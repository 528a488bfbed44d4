"""The bones of a self-contained HTML page: its style, a sortable table, sections. Every text is escaped here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from plotly.offline import get_plotlyjs

STYLE = """
:root { --ink: #1c2530; --faint: #64707d; --line: #e2e6ea; --best: #0a7d4b; --baseline: #1f5fbf; --ground: #f6f7f9; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 24px 16px 64px; }
h1 { font-size: 1.5rem; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 0 0 8px; }
p { margin: 0 0 8px; }
.headline { font-size: 1.15rem; }
.note { color: var(--faint); font-size: .875rem; }
section { background: #fff; border: 1px solid var(--line); border-radius: 8px; padding: 16px; margin-top: 16px; }
.scroll { overflow: auto; max-height: 33rem; -webkit-overflow-scrolling: touch; }
table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; width: 100%; }
th, td { padding: 5px 10px; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
th.text, td.text { text-align: left; }
th { position: sticky; top: 0; background: #fff; cursor: pointer; user-select: none; }
th[aria-sort=ascending]::after { content: " ↑"; } th[aria-sort=descending]::after { content: " ↓"; }
tr.best td { font-weight: 600; color: var(--best); } tr.baseline td { color: var(--baseline); }
tr.failed td { color: var(--faint); }
pre { margin: 0; font-size: .8125rem; } code { overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 16px; margin: 0; font-size: .875rem; }
dt { color: var(--faint); } dd { margin: 0; overflow-wrap: anywhere; }
@media (max-width: 600px) { main { padding: 16px 8px 48px; } section { padding: 12px 10px; } }
"""

SCRIPT = """
document.querySelectorAll("table.sortable th").forEach((head, column) => {
  const sort = () => {
    const body = head.closest("table").tBodies[0];
    const up = head.getAttribute("aria-sort") !== "ascending";
    const key = (line) => line.cells[head.cellIndex].dataset.value;
    const compare = (a, b) => {
      const [x, y] = up ? [key(a), key(b)] : [key(b), key(a)];
      if (key(a) === "" || key(b) === "") return (key(a) === "") - (key(b) === "");
      return isNaN(x) || isNaN(y) ? x.localeCompare(y) : x - y;
    };
    [...body.rows].sort(compare).forEach((line) => body.append(line));
    head.parentNode.querySelectorAll("th").forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
  };
  head.tabIndex = 0;
  head.addEventListener("click", sort);
  head.addEventListener("keydown", (press) => { if (press.key === "Enter") sort(); });
});
"""

POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline' 'unsafe-eval'; img-src data: blob:"
"""Nothing may be loaded from anywhere. The parallel coordinates compile their shaders, hence 'unsafe-eval'."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One field of a table: what is read, and what it is sorted by (a number's digits, or text)."""

    shown: str
    value: str


def page(*, title: str, lead: str, sections: Sequence[str], plots: bool) -> str:
    """The whole page. ``lead`` and ``sections`` are HTML; plotly's script goes in once, where there are plots."""
    plotly = f"<script>{get_plotlyjs()}</script>" if plots else ""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<title>{escape(title)}</title>
<style>{STYLE}</style>
{plotly}
</head>
<body>
<main>
<header>{lead}</header>
{"".join(sections)}
</main>
<script>{SCRIPT}</script>
</body>
</html>
"""


def section(name: str, body: str, *, note: str = "") -> str:
    """A titled part of the page; ``body`` is HTML, the name and the note are text. Nothing where there is no body."""
    if not body:
        return ""
    told = f'<p class="note">{escape(note)}</p>' if note else ""
    return f"<section><h2>{escape(name)}</h2>{told}{body}</section>\n"


def table(heads: Sequence[str], rows: Sequence[Sequence[Cell]], *, classes: Sequence[str], text: Sequence[str]) -> str:
    """A sortable table. ``classes`` has one name (or nothing) a row; the columns named in ``text`` are set left."""
    sides = [' class="text"' if head in text else "" for head in heads]
    top = "".join(f"<th{side}>{escape(head)}</th>" for head, side in zip(heads, sides, strict=True))
    lines = []
    for row, name in zip(rows, classes, strict=True):
        fields = zip(row, sides, strict=True)
        cells = "".join(
            f'<td{side} data-value="{escape(cell.value)}">{escape(cell.shown)}</td>' for cell, side in fields
        )
        lines.append(f'<tr class="{escape(name)}">{cells}</tr>')
    body = "\n".join(lines)
    return (
        f'<div class="scroll"><table class="sortable"><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def definitions(entries: Mapping[str, object]) -> str:
    """Names and values, a line each."""
    lines = (f"<dt>{escape(str(name))}</dt><dd>{escape(str(value))}</dd>" for name, value in entries.items())
    return f"<dl>{''.join(lines)}</dl>" if entries else ""


def preformatted(text: str) -> str:
    """Text whose line breaks and blanks stand as they are."""
    return f'<div class="scroll"><pre>{escape(text)}</pre></div>'
