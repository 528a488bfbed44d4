"""Writes the first images of an npz data set as another one, the same number of each class.

python tests/benchmarks/studies/subset.py FROM.npz TO.npz [--images 5000]

4,000 of the 5,000 train where a sweep holds back a fifth for validation. The test images stay all.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np


def main() -> None:
    """Reads, chooses, writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--images", type=int, default=5000, help="training images to keep")
    arguments = parser.parse_args()
    with np.load(arguments.source) as saved:
        arrays = dict(saved)
    kept = first_of_each_class(arrays["y_train"].ravel(), arguments.images)
    chosen = {"x_train": arrays["x_train"][kept], "y_train": arrays["y_train"].ravel()[kept]}
    np.savez(arguments.target, **chosen, x_test=arrays["x_test"], y_test=arrays["y_test"].ravel())
    print(f"{arguments.target}: {len(kept)} training and {len(arrays['y_test'])} test images")


def first_of_each_class(labels: np.ndarray, count: int) -> np.ndarray:
    """Positions of ``count`` images in all, as many of each class, in their order; ``labels`` is of shape (n,)."""
    classes = np.unique(labels)
    first = [np.flatnonzero(labels == each)[: count // len(classes)] for each in classes]
    return np.sort(np.concatenate(first))


if __name__ == "__main__":
    main()
