"""report.html: one self-contained page about a run, a file for every part of it."""

from search.report.write import write_report as write_report
