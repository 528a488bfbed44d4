"""Data sets, decoded once, split and counted; the entry points are `load` and `load_test` (in `load.py`)."""
