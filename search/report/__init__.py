"""report.html: one self-contained page about a run, with one module for each part."""

from search.report.write import write_report as write_report
