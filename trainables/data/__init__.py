"""Data sets decoded once, divided and counted; the two doors are `load` and `load_test` (in `load.py`)."""
