"""Where the images come from: sources, splits, and the two doors `load` and `load_test` (in `load.py`)."""
