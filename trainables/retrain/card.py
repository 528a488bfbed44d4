"""The model card: what somebody must know who is handed a retrained model."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import pandas as pd

from spaces.config.trial import Data
from spaces.file.write import yaml_text
from spaces.printable import printable
from trainables.dataset import DataInfo
from trainables.evaluation import wilson
from trainables.retrain.export_formats import FORMATS
from trainables.retrain.markdown import bullets, fenced, plain, table
from trainables.retrain.recipe import Recipe

PACKAGES = ("tunehound", "keras", "tensorflow", "numpy", "pillow")
SHOWN_CLASSES = 20
"""Of more classes only the weakest are listed."""
FEW_IMAGES = 30
"""A class with fewer test images has a recall that means little."""
ELSEWHERE = {"epochs", "learning_rates", "data_fingerprint", "versions"}
"""Of the provenance: what other lines of the card tell."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a model card is made of."""

    recipe: Recipe
    data: DataInfo
    own_test: bool
    """Whether the data set brings its test part; else it was carved from the training part."""
    leaked: int
    """How many test images stand, pixel for pixel, in another part."""
    metrics: Mapping[str, Any]
    """As metrics.json has them."""
    classes: pd.DataFrame
    """As classes.csv has them."""
    seeds: Sequence[int]
    """All that were trained; the first one's model is saved."""
    holdout: float | None
    """The share that was held out to stop early by."""
    exported: Sequence[str] = ()
    """What the model was handed over to besides Keras."""


def card(facts: Facts) -> str:
    """README.md of the output folder."""
    sections = {
        "Scores": _scores(facts),
        "Limits": bullets(_limits(facts)),
        "How to use it": _use(facts),
        "Data": _data(facts),
        "Training": _training(facts),
        "Where it comes from": _origin(facts),
    }
    text = "\n\n".join([_opening(facts), *(f"## {title}\n\n{text}" for title, text in sections.items())]) + "\n"
    return printable(text, keep="\n")


def _opening(facts: Facts) -> str:
    height, width, channels = facts.data.image_shape
    names, metrics, colour = facts.data.class_names, facts.metrics, "grey" if channels == 1 else "colour"
    told = ", ".join(plain(name) for name in names[:SHOWN_CLASSES]) + (", …" if len(names) > SHOWN_CLASSES else "")
    several = f"; over {len(facts.seeds)} seeds {_spread(metrics, 'accuracy')}" if len(facts.seeds) > 1 else ""
    return (
        f"# An image classifier of {len(names)} classes\n\n"
        f"It takes {colour} images of {width} × {height} pixels and gives the probability of each class: {told}.\n\n"
        f"**Accuracy on {metrics['test_images']} test images, by which nothing was chosen: "
        f"{metrics['accuracy']:.4f}**{several}."
    )


def _spread(metrics: Mapping[str, Any], name: str) -> str:
    return f"{metrics['mean'][name]:.4f} ± {metrics['sd'][name]:.4f}"


def _scores(facts: Facts) -> str:
    metrics, several = facts.metrics, len(facts.seeds) > 1
    heads = ["metric", "this model", *([f"mean ± sd of {len(facts.seeds)} seeds"] if several else [])]
    measured = [name for name, value in metrics.items() if isinstance(value, float)]
    rows = [[name, f"{metrics[name]:.4f}", *([_spread(metrics, name)] if several else [])] for name in measured]
    low, high = wilson(metrics["accuracy"], metrics["test_images"])
    chance = (
        "The test images are a sample. On others of the same kind the accuracy lies, as far as these can tell, between "
        f"{low:.3f} and {high:.3f} (Wilson's 95 % interval)."
    )
    return "\n\n".join([table(heads, rows), chance, _class_table(facts.classes)])


def _class_table(classes: pd.DataFrame) -> str:
    many = len(classes) > SHOWN_CLASSES
    shown = classes.sort_values("recall", kind="stable").head(SHOWN_CLASSES) if many else classes
    scores = ("precision", "recall", "f1")
    rows = [
        [plain(each["class"]), str(each["images"]), *(f"{each[name]:.3f}" for name in scores)]
        for each in shown.to_dict("records")
    ]
    which = f"These are the {SHOWN_CLASSES} of {len(classes)} classes with the lowest recall. " if many else ""
    files = "All classes: `classes.csv`. Who is taken for whom: `confusion.csv`, and with images `mistakes.csv`."
    return table(["class", "test images", *scores], rows) + f"\n\n{which}{files}"


def _limits(facts: Facts) -> Iterator[str]:
    """What the scores do not say, each in a sentence with its number."""
    height, width, _ = facts.data.image_shape
    worst, fewest = (facts.classes.iloc[facts.classes[name].to_numpy().argmin()] for name in ("recall", "images"))
    name, recall = plain(worst["class"]), worst["recall"]
    yield f"The weakest class is {name}: recall {recall:.3f}, of {worst['images']} test images."
    if fewest["images"] < FEW_IMAGES:
        few = f"{plain(fewest['class'])} has {fewest['images']} test images"
        yield f"What is said of a single class is rough where there are few images of it: {few}."
    if facts.leaked:
        yield f"{facts.leaked} test images stand, pixel for pixel, among the training images: the scores are too good."
    else:
        yield "No test image stands, pixel for pixel, among the training images; nearly the same was not sought."
    yield f"It names one of its {len(facts.data.class_names)} classes for every image, also for one of something else."
    yield "Its probabilities were not calibrated; `cross_entropy` above tells how good they are."
    yield f"Images of other sizes are squeezed to {width} × {height} pixels, whatever their proportions."
    yield (
        "It was tested on images of one source. How it does on those of another camera, place or time, or on damaged "
        "ones, or on one group of people or things rather than another, was not tested."
    )
    yield from _doubts(facts)


def _doubts(facts: Facts) -> Iterator[str]:
    provenance = facts.recipe.provenance
    if len(facts.seeds) == 1:
        yield "It was trained once: how much another seed would change was not measured (`tunehound retrain --seeds`)."
    else:
        yield "The seeds change initial weights and order alone; training and test images were the same for all."
    recorded = provenance.get("data_fingerprint")
    if recorded and recorded != facts.data.fingerprint:
        yield f"Its configuration was searched for on other data (fingerprint {plain(recorded)})."
    if provenance.get("value") is not None:
        yield "The search's validation score is that of the best of many trials, and so too good: trust the test score."


def _use(facts: Facts) -> str:
    height, width, channels = facts.data.image_shape
    code = (
        "import keras, numpy as np\n"
        "from PIL import Image\n\n"
        'model = keras.saving.load_model("model.keras")\n'
        f'image = Image.open("photo.jpg").convert("{"L" if channels == 1 else "RGB"}")\n'
        f'pixels = np.asarray(image.resize(({width}, {height}), Image.Resampling.BILINEAR), "float32")\n'
        f"probabilities = model.predict(pixels.reshape(1, {height}, {width}, {channels}))[0]"
    )
    after = (
        "The pixels go in as they are, 0 to 255: the model scales them itself. `preprocessing.json` names the classes, "
        "in the order of the probabilities. Or, with Tunehound, for files and whole folders:"
    )
    parts = [fenced(code, "python"), after, fenced("tunehound predict . photo.jpg --top 3")]
    if facts.exported:
        parts += ["The same model, for float32 pixels of shape (images, height, width, channels):"]
        parts += [bullets(f"`{FORMATS[name].file}`: `{FORMATS[name].use}`" for name in facts.exported)]
    return "\n\n".join(parts)


def _data(facts: Facts) -> str:
    data, counts = facts.recipe.config.data, {part: sum(images) for part, images in facts.data.counts.items()}
    per_class = pd.DataFrame(facts.data.counts).sum(axis=1)
    training = (
        f"{counts['train'] + counts['validation']} images: train {counts['train']}, validation {counts['validation']}"
    )
    rows = [
        ["source", _source(data)],
        ["fingerprint", f"{facts.data.fingerprint} (of train and validation)"],
        ["trained on", training],
        ["tested on", f"{counts['test']} images"],
        ["images a class, in all", f"{per_class.min()} to {per_class.max()}"],
    ]
    told = "The test split is the one that the data set brings."
    if not facts.own_test:
        drawn = f"{data.test:g} of the images, drawn class by class with seed {data.split_seed}"
        told = f"The test split is {drawn}; identical images are on the same side."
    held = f" Of the training images {facts.holdout:g} was held out, to stop early by." if facts.holdout else ""
    return table(["", ""], rows) + f"\n\n{told} It was read once, after all training.{held}"


def _source(data: Data) -> str:
    where = getattr(data, "path", getattr(data, "name", None))
    return plain(data.source if where is None else f"{data.source}: {where}")


def _training(facts: Facts) -> str:
    rates, seeds = facts.recipe.learning_rates, facts.seeds
    replayed = f", the learning rates of the search replayed, {rates[0]:g} to {rates[-1]:g}" if rates else ""
    text = f"{facts.metrics['epochs']} epochs{replayed}. Seed {seeds[0]}"
    others = f"; also trained with {', '.join(map(str, seeds[1:]))}, and the first is saved whatever the scores"
    configuration = yaml_text(facts.recipe.config.model_dump(mode="json"))
    told = f"{text}{others if len(seeds) > 1 else ''}. The configuration, which is also `config.yaml`:"
    return f"{told}\n\n{fenced(configuration, 'yaml')}"


def _origin(facts: Facts) -> str:
    """The provenance as it is told, and the versions, now and then."""
    provenance = facts.recipe.provenance
    told = {name: value for name, value in provenance.items() if name not in ELSEWHERE and value is not None}
    rows = [[plain(name.replace("_", " ")), plain(_shown(value))] for name, value in told.items()]
    searched = provenance.get("versions")
    then: Mapping[str, Any] = searched if isinstance(searched, Mapping) else {}
    for name, now in _versions().items():
        before = f" (at the search {plain(then[name])})" if then.get(name, now) != now else ""
        rows.append([name, f"{now}{before}"])
    return table(["", ""], rows)


def _shown(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_shown, value))
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def _versions() -> dict[str, str]:
    """Of Python and of what the model was made with, as far as it is installed."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
