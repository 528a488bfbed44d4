"""Export a trained model for programs without Keras: as a SavedModel, a LiteRT file or an ONNX file."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from spaces.problem import InputError, Problem, did_you_mean
from trainables.keras_settings import silenced


@dataclass(frozen=True, kw_only=True)
class Format:
    """A format that Keras can export to."""

    keras_name: str
    file: str
    """Name of the exported file or folder."""
    use: str
    """How to load it elsewhere, in one line of Python."""
    packages: tuple[str, ...] = ()
    """Packages needed in addition to our dependencies; the extra named like the format installs them."""


FORMATS: dict[str, Format] = {
    "saved_model": Format(
        keras_name="tf_saved_model",
        file="saved_model",
        use='model = tensorflow.saved_model.load("saved_model"); model.serve(pixels)',
    ),
    "litert": Format(
        keras_name="litert",
        file="model.tflite",
        use='ai_edge_litert.interpreter.Interpreter("model.tflite").get_signature_runner()(pixels=pixels)',
    ),
    "onnx": Format(
        keras_name="onnx",
        file="model.onnx",
        use='onnxruntime.InferenceSession("model.onnx").run(None, {"pixels": pixels})',
        packages=("onnx", "tf2onnx"),
    ),
}


def check_formats(formats: Iterable[str]) -> None:
    """Check, before any training, that each format is known and the packages it needs are installed.

    Raises:
        InputError: a format is unknown or a package is missing.
    """
    problems = [problem for name in formats if (problem := _format_problem(name)) is not None]
    if problems:
        raise InputError(problems, "--export")


def _format_problem(name: str) -> Problem | None:
    if name not in FORMATS:
        rule = "the export format must be saved_model, litert or onnx"
        return Problem(rule=rule, given=name, remedy=did_you_mean(name, FORMATS))
    missing = [each for each in FORMATS[name].packages if not _installed(each)]
    if not missing:
        return None
    rule = f"exporting to {name} requires the package{'s' if len(missing) > 1 else ''} {' and '.join(missing)}"
    return Problem(rule=rule, given="not installed", remedy=f"pip install 'tunehound[{name}]'")


def export(network: keras.Model, folder: Path, formats: Iterable[str], *, staging: Path) -> dict[str, str]:
    """Export the model to ``folder`` in each format; every export is complete or absent.

    ``staging``, on the same disk, is used temporarily. The exported models map pixels, float32 (n, height, width,
    channels) in [0, 255], to probabilities, float32 (n, classes).

    Returns:
        The reason for each format that failed.
    """
    failures: dict[str, str] = {}
    staging.mkdir()
    for name in dict.fromkeys(formats):
        file = FORMATS[name].file
        try:
            with silenced():
                _write(network, staging / file, name)
            (staging / file).rename(folder / file)
        except Exception as error:  # converters raise anything; the trained model must survive
            failures[name] = str(error).strip().split("\n")[0].rstrip(".") or type(error).__name__
    shutil.rmtree(staging, ignore_errors=True)
    return failures


def _write(network: keras.Model, path: Path, name: str) -> None:
    signature = [keras.InputSpec(shape=network.input_shape, dtype="float32", name="pixels")]
    options = {"format": FORMATS[name].keras_name, "input_signature": signature, "verbose": False}
    with _constant_normalisations(network):
        _inference(network).export(str(path), **options)
    if name == "onnx":
        _check_single_input(path)


def _inference(network: keras.Model) -> keras.Model:
    """Return the model fixed to inference mode: an export does not set the mode, and layers may guess wrong."""
    pixels = keras.Input(network.input_shape[1:], dtype="float32", name="pixels")
    return keras.Model(pixels, network(pixels, training=False), name=network.name)


@contextmanager
def _constant_normalisations(network: keras.Model) -> Iterator[None]:
    """Hold normalisation constants as arrays: as tensors they would become inputs of the ONNX graph."""
    layers = list(_normalisations(network))
    kept = [(layer.mean, layer.variance) for layer in layers]
    for layer in layers:
        layer.mean, layer.variance = np.asarray(layer.mean), np.asarray(layer.variance)
    try:
        yield
    finally:
        for layer, (mean, variance) in zip(layers, kept, strict=True):
            layer.mean, layer.variance = mean, variance


def _normalisations(model: keras.Model) -> Iterator[keras.layers.Normalization]:
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _normalisations(layer)
        elif isinstance(layer, keras.layers.Normalization):
            yield layer


def _check_single_input(path: Path) -> None:
    import onnx

    names = [each.name for each in onnx.load(str(path), load_external_data=False).graph.input]
    if len(names) != 1:
        raise ValueError(f"the converter turned constants of the model into inputs: {', '.join(names[1:])}")


def _installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None
