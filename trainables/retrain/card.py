"""The model card: what anyone who receives a retrained model needs to know about it."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import pandas as pd

from spaces.file.write import yaml_text
from spaces.printable import printable
from trainables.dataset import DataInfo
from trainables.evaluation import wilson
from trainables.retrain.copies_found import copies_found
from trainables.retrain.export_formats import FORMATS
from trainables.retrain.markdown import bullets, fenced, plain, table
from trainables.retrain.recipe import Recipe
from trainables.sources.part import first_few

PACKAGES = ("tunehound", "keras", "tensorflow", "numpy", "pillow")
MAX_CLASSES = 20
"""If there are more classes, only the weakest are listed."""
FEW_IMAGES = 30
"""With fewer test images, the recall of a class means little."""
SHOWN_ELSEWHERE = {"epochs", "learning_rates", "data_fingerprint", "skipped_images", "versions"}
"""Provenance that other parts of the card show."""

CARD = """\
# Image classifier for {classes} classes

It takes {colour} images of {width} × {height} pixels and returns the probability of each class: {class_names}.

**Accuracy on {tested} test images (held out; not used for any decision): {accuracy:.4f}**{over_seeds}.

## Scores

{scores}

The test images are a sample. On other images of the same kind, expect an accuracy between {interval} (Wilson's \
95 % interval).

{class_scores}

All classes: `classes.csv`. Confusion matrix: `confusion.csv`; example images of the mistakes: `mistakes.csv`.

## Limits

{limits}

## Usage

```python
import keras, numpy as np
from PIL import Image

model = keras.saving.load_model("model.keras")
image = Image.open("photo.jpg").convert("{mode}")
pixels = np.asarray(image.resize(({width}, {height}), Image.Resampling.BILINEAR), "float32")
probabilities = model.predict(pixels.reshape(1, {height}, {width}, {channels}))[0]
```

Pass the pixels unscaled, 0 to 255: the model scales them itself. `preprocessing.json` lists the classes in the order \
of the probabilities. Or, with Tunehound, for files and whole folders:

```
tunehound predict . photo.jpg --top 3
```
{exports}
## Data

| | |
| --- | --- |
| source | {source} |
| fingerprint | {fingerprint} (of train and validation) |
| trained on | {trained} images: train {train}, validation {validation} |
| tested on | {test} images |
| images per class, in total | {fewest} to {most} |

{test_split}

## Training

{training} The configuration, also in `config.yaml`:

{configuration}

## Provenance

{provenance}
"""


@dataclass(frozen=True, kw_only=True)
class CardFacts:
    """Everything the model card is made from."""

    recipe: Recipe
    data: DataInfo
    own_test: bool
    """Whether the data set comes with a test split; otherwise it was split off the training images."""
    leaked: int
    """Number of test images that also occur, pixel for pixel, in another split."""
    metrics: Mapping[str, Any]
    """The content of metrics.json."""
    classes: pd.DataFrame
    """The content of classes.csv."""
    seeds: Sequence[int]
    """All seeds trained; the model of the first one is saved."""
    holdout: float | None
    """The share of the images held out for early stopping."""
    exported: Sequence[str] = ()
    """The formats exported besides Keras."""


def card(facts: CardFacts) -> str:
    """Return the README.md of the output folder."""
    height, width, channels = facts.data.image_shape
    names, metrics, several = facts.data.class_names, facts.metrics, len(facts.seeds) > 1
    text = CARD.format(
        classes=len(names),
        class_names=", ".join(map(plain, names[:MAX_CLASSES])) + (", …" if len(names) > MAX_CLASSES else ""),
        colour="greyscale" if channels == 1 else "colour",
        mode="L" if channels == 1 else "RGB",
        width=width,
        height=height,
        channels=channels,
        tested=metrics["test_images"],
        accuracy=metrics["accuracy"],
        over_seeds=f"; over {len(facts.seeds)} seeds {_mean_and_sd(metrics, 'accuracy')}" if several else "",
        scores=_scores(facts),
        interval="{:.3f} and {:.3f}".format(*wilson(metrics["accuracy"], metrics["test_images"])),
        class_scores=_class_scores(facts.classes),
        limits=bullets(_limits(facts)),
        exports=_exports(facts),
        **_data(facts),
        training=_training(facts),
        configuration=fenced(yaml_text(facts.recipe.config.model_dump(mode="json")), "yaml"),
        provenance=_provenance(facts),
    )
    return printable(text, keep="\n")


def _mean_and_sd(metrics: Mapping[str, Any], name: str) -> str:
    return f"{metrics['mean'][name]:.4f} ± {metrics['sd'][name]:.4f}"


def _scores(facts: CardFacts) -> str:
    metrics, several = facts.metrics, len(facts.seeds) > 1
    heads = ["metric", "this model", *([f"mean ± sd of {len(facts.seeds)} seeds"] if several else [])]
    names = [name for name, value in metrics.items() if isinstance(value, float)]
    return table(heads, [[n, f"{metrics[n]:.4f}", *([_mean_and_sd(metrics, n)] if several else [])] for n in names])


def _class_scores(classes: pd.DataFrame) -> str:
    scores, note = ("precision", "recall", "f1"), ""
    if len(classes) > MAX_CLASSES:
        note = f"\n\nThese are the {MAX_CLASSES} of {len(classes)} classes with the lowest recall."
        classes = classes.sort_values("recall", kind="stable").head(MAX_CLASSES)
    rows = [
        [plain(row["class"]), str(row["images"]), *(f"{row[name]:.3f}" for name in scores)]
        for row in classes.to_dict("records")
    ]
    return table(["class", "test images", *scores], rows) + note


def _limits(facts: CardFacts) -> Iterator[str]:
    """Yield what the scores do not show, one sentence each."""
    height, width, _ = facts.data.image_shape
    worst, fewest = (facts.classes.iloc[facts.classes[name].to_numpy().argmin()] for name in ("recall", "images"))
    yield f"The weakest class is {plain(worst['class'])}: recall {worst['recall']:.3f}, {worst['images']} test images."
    if fewest["images"] < FEW_IMAGES:
        yield f"Scores of small classes are rough: {plain(fewest['class'])} has only {fewest['images']} test images."
    yield from copies_found(facts.data, leaked=facts.leaked)
    if facts.data.skipped:
        yield f"Images that cannot be read were left out, {plain(first_few(list(facts.data.skipped)))}."
    yield f"It assigns every image to one of its {len(facts.data.class_names)} classes, even an image of none of them."
    yield "Its probabilities are not calibrated; `cross_entropy` above shows how good they are."
    yield f"Images of other sizes are resized to {width} × {height} pixels without keeping their proportions."
    yield (
        "It was tested on images from a single source. Its performance with another camera, place or time, on damaged "
        "images, or on one group of people or things compared to another was not tested."
    )
    yield from _caveats(facts)


def _caveats(facts: CardFacts) -> Iterator[str]:
    provenance = facts.recipe.provenance
    if len(facts.seeds) == 1:
        yield "It was trained once: the variation between seeds was not measured (`tunehound retrain --seeds`)."
    else:
        yield "The seeds only change initial weights and the order of images, not the training and test images."
    recorded = provenance.get("data_fingerprint")
    if recorded and recorded != facts.data.fingerprint:
        yield f"Its configuration was found on different data (fingerprint {plain(recorded)})."
    if provenance.get("value") is not None:
        yield "The validation score below is the best of many trials and thus too optimistic: trust the test score."


def _exports(facts: CardFacts) -> str:
    if not facts.exported:
        return ""
    lines = bullets(f"`{FORMATS[name].file}`: `{FORMATS[name].use}`" for name in facts.exported)
    return f"\nThe same model for float32 pixels of shape (images, height, width, channels):\n\n{lines}\n"


def _data(facts: CardFacts) -> dict[str, Any]:
    data, counts = facts.recipe.config.data, {part: sum(images) for part, images in facts.data.counts.items()}
    location, origin = getattr(data, "path", getattr(data, "name", None)), "comes with the data set"
    if not facts.own_test:
        drawn = f"{data.test:g} of the images, drawn class by class with seed {data.split_seed}"
        same = "images with the same pixels" if data.copies == "pixels" else "image files with the same bytes"
        origin = f"is {drawn}; {same} are never on both sides"
    held_out = f" {facts.holdout:g} of the training images were held out for early stopping." if facts.holdout else ""
    per_class = [sum(images) for images in zip(*facts.data.counts.values(), strict=True)]
    return {
        "source": plain(data.source if location is None else f"{data.source}: {location}"),
        "fingerprint": facts.data.fingerprint,
        "trained": counts["train"] + counts["validation"],
        **counts,
        "fewest": min(per_class),
        "most": max(per_class),
        "test_split": f"The test split {origin}. It was read once, after all training.{held_out}",
    }


def _training(facts: CardFacts) -> str:
    rates, seeds, epochs = facts.recipe.learning_rates, facts.seeds, facts.metrics["epochs"]
    replayed = f", replaying the learning rates of the search, {rates[0]:g} to {rates[-1]:g}" if rates else ""
    others = f"; also trained with {', '.join(map(str, seeds[1:]))}. The first model is saved, whatever the scores"
    return f"{epochs} epoch{'s' * (epochs != 1)}{replayed}. Seed {seeds[0]}{others if len(seeds) > 1 else ''}."


def _provenance(facts: CardFacts) -> str:
    """Return the provenance, and the versions now and at the time of the search."""
    provenance = facts.recipe.provenance
    shown = {name: value for name, value in provenance.items() if name not in SHOWN_ELSEWHERE and value is not None}
    rows = [[plain(name.replace("_", " ")), plain(_text(value))] for name, value in shown.items()]
    then = searched if isinstance(searched := provenance.get("versions"), Mapping) else {}
    installed = {"python": platform.python_version()} | {package: version(package) for package in PACKAGES}
    for name, now in installed.items():
        before = f" (during the search: {plain(then[name])})" if then.get(name, now) != now else ""
        rows.append([name, f"{now}{before}"])
    return table(["", ""], rows)


def _text(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_text, value))
    return f"{value:.4f}" if isinstance(value, float) else str(value)
