"""What the model card says about images that the test part shares with the others."""

from __future__ import annotations

from collections.abc import Iterator

from trainables.dataset import DataInfo
from trainables.retrain.markdown import plain


def copies_found(data: DataInfo, *, leaked: int) -> Iterator[str]:
    """Yield a sentence each; ``leaked`` test images are also, pixel for pixel, in train or validation."""
    near, labels = data.near_copies, data.two_labels
    alike = [leak for leak in near or () if leak.second.startswith("test: ")]
    if leaked:
        yield f"{leaked} test images also occur, pixel for pixel, in the training data: the scores are too high."
    elif near is None:
        yield "No test image occurs, pixel for pixel, in the training images; near-copies were not looked for."
    elif not alike:
        yield "No test image occurs in the training images, pixel for pixel or resized or compressed again."
    else:
        yield "No test image occurs, pixel for pixel, in the training images."
    if alike:
        yield (
            f"Test images that look almost like a training image (resized or compressed again?): {len(alike)}, such as "
            f"{plain(str(alike[0]))}; the scores may be too high."
        )
    if labels:
        yield f"Images that stand under two labels in the data: {len(labels)}, such as {plain(str(labels[0]))}."
