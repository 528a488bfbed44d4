"""The report on paper: a browser without a window prints it with every figure, table and the sweep file."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from search.report import write_report
from tests.search.report.test_write import many
from tests.search.runs import SMALL, confirm, make_run

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture
def browser() -> str:
    found = next((name for name in BROWSERS if shutil.which(name)), None)
    if found is None or shutil.which("pdftotext") is None:
        pytest.skip(f"needs one of {', '.join(BROWSERS)}, and pdftotext (poppler-utils)")
    return found


def printed(page: Path, browser: str) -> list[str]:
    """The text of every sheet, that of the figures included."""
    pdf = page.with_suffix(".pdf")
    options = ["--headless", "--no-sandbox", "--no-pdf-header-footer", f"--print-to-pdf={pdf}"]
    subprocess.run([browser, *options, page.as_uri()], check=True, capture_output=True, timeout=300)
    text = subprocess.run(["pdftotext", "-layout", pdf, "-"], check=True, capture_output=True, text=True).stdout
    return text.split("\f")[:-1]


def test_all_figures_and_tables_are_printed(browser: str, tmp_path: Path) -> None:
    run = confirm(make_run(tmp_path / "run", [*many(40), *SMALL[2:5]]), {1: [0.9, 0.8], 0: [0.7, 0.8]})
    text = "\n".join(printed(write_report(run), browser))
    figures = ("best: trial 1", "best so far", "at epoch 1 (42 trials)", "trial 0 =", "seconds since the first trial")
    assert [words for words in figures if words not in text] == []
    assert "grace_epochs" in text or "search:" in text, "the sweep file is folded on the screen"
    rows = re.findall(r"^ *\d+ =? +\d+", text, flags=re.MULTILINE)
    assert len(rows) >= 40, "the leaderboard scrolls on the screen"


def test_a_table_of_hundreds_of_trials_is_printed_to_its_end(browser: str, tmp_path: Path) -> None:
    sheets = printed(write_report(make_run(tmp_path / "run", many(300))), browser)
    heads = [sheet for sheet in sheets if re.search(r"rank +trial +val_accuracy", sheet)]
    assert len(heads) > 3, "the names of the columns stand on every sheet"
    assert re.search(r"^ *300 +\d+", "\n".join(sheets), flags=re.MULTILINE)
