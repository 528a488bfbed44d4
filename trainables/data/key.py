"""The key of a decoded data set: the settings that determine its pixels, and the stamp of its files."""

from __future__ import annotations

import hashlib
import json
import os
from importlib.metadata import version
from pathlib import Path

import PIL

from spaces.cache import expanded
from spaces.config.fields import file_ref
from spaces.config.trial import Data, TfdsData
from trainables.data.unreadable import is_skipping
from trainables.sources.location import Stamp, files, stamp

FORMAT = 2
"""Version of an entry in the store. Increase it if the same settings give other pixels or parts."""
KEY_DIGITS = 24
REPORTED = {"near_copies"}
"""Settings that change what is reported about a data set, but not what is in the store."""


def stamp_of(data: Data) -> Stamp:
    """Return the stamp of all files that a data set is read from, including those that its settings do not name."""
    if isinstance(data, TfdsData) and data.data_dir is None:
        usual = expanded(os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets")
        return tuple(sorted(files(usual / data.name.split("/")[0])))
    return stamp(data, with_permissions=is_skipping(data))


def key_of(data: Data, at: Stamp) -> str:
    """Return the name of a data set's entry in the store; ``at`` is its stamp.

    What is stored compares pixels, unless its settings say otherwise.
    """
    data = data.model_copy(update={"copies": "pixels"}) if data.copies == "auto" else data
    named = [name for name, field in type(data).model_fields.items() if file_ref(field) is not None]
    paths = {name: str(Path(path).absolute()) for name in named if (path := getattr(data, name)) is not None}
    # Pillow decodes and resizes, scikit-learn divides: other versions may give other results.
    versions = [FORMAT, PIL.__version__, version("scikit-learn")]
    parts = [
        versions,
        data.model_dump(mode="json", exclude=REPORTED) | paths,
        [(str(Path(name).absolute()), *rest) for name, *rest in at],
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:KEY_DIGITS]
