"""What the trials of a sweep read from the disk of the node that they run on."""

from __future__ import annotations

from clusters.health.survey import Need
from search.plan.check import closed_corners
from spaces.config.fields import file_ref
from spaces.config.trial import PretrainedModel, Settings, TfdsData
from spaces.file.sweep import Sweep

DOWNLOADS = "https://storage.googleapis.com"
"""Where Keras has its published weights from, and TensorFlow Datasets what it knows of its sets."""


def needs(sweep: Sweep) -> tuple[Need, ...]:
    """Each file and folder once, and what is downloaded where it is not there."""
    found = [need for config in closed_corners(sweep) for part in (config.data, config.model) for need in _of(part)]
    return tuple({need.called: need for need in found}.values())


def _of(part: Settings) -> list[Need]:
    files = [Need(called=path, places=(path,)) for path in _files(part)]
    if isinstance(part, TfdsData) and part.data_dir is None:
        name = part.name.split("/")[0]
        places = (f"$TFDS_DATA_DIR/{name}", f"~/tensorflow_datasets/{name}")
        files.append(Need(called=f"the data set {name}, and a way to download it,", places=places, url=DOWNLOADS))
    if isinstance(part, PretrainedModel) and part.weights == "imagenet":
        name = part.backbone.replace("_", "*")
        places = (f"$KERAS_HOME/models/{name}*", f"~/.keras/models/{name}*")
        called = f"the published weights of {part.backbone}, and a way to download them,"
        files.append(Need(called=called, places=places, url=DOWNLOADS))
    return files


def _files(part: Settings) -> list[str]:
    """What the fields that name files say, but for the words that stand for none."""
    marks = {name: mark for name, field in type(part).model_fields.items() if (mark := file_ref(field)) is not None}
    named = {name: getattr(part, name) for name in marks}
    return [str(path) for name, path in named.items() if path is not None and path not in marks[name].words]
