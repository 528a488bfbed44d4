"""A model that a function of the user's builds: imported only where its module is trusted."""

from __future__ import annotations

import copy
import importlib
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from spaces.config.trial import CustomModel
from spaces.problem import InputError, Problem, shown
from trainables.trust import beside, distrust

CUSTOM_LAYER = "network"


def custom(
    images: keras.KerasTensor, settings: CustomModel, *, classes: int, image_shape: tuple[int, int, int]
) -> keras.KerasTensor:
    """Class probabilities (batch, classes) of images (batch, h, w, c) with pixels in [0, 255].

    Raises:
        InputError: the module is not trusted or cannot be imported, or its function returns no such model.
    """
    model = _called(settings, classes=classes, image_shape=image_shape)
    _refuse_misfits(model, settings, classes=classes, image_shape=image_shape)
    return keras.Model(model.inputs[0], model.outputs[0], name=CUSTOM_LAYER)(images)


def fresh_weights(
    settings: CustomModel, *, seed: int, classes: int, image_shape: tuple[int, int, int]
) -> list[np.ndarray]:
    """The weights that the function gives its model when it is called with this seed: drawn, or loaded by it."""
    keras.utils.set_random_seed(seed)
    weights: list[np.ndarray] = _called(settings, classes=classes, image_shape=image_shape).get_weights()
    return weights


def _called(settings: CustomModel, *, classes: int, image_shape: tuple[int, int, int]) -> Any:
    """What the user's function returns."""
    problem = distrust(settings)
    if problem is not None:
        raise InputError([problem], settings.build)
    function = _function(settings)
    try:
        return function(copy.deepcopy(settings.values), image_shape, classes)
    except Exception as error:  # it is the user's code: whatever it raises, they want to read it
        raise _refusal(settings, "the function must build a model", _told(error) + _line(settings, error)) from error


def _function(settings: CustomModel) -> Callable[..., Any]:
    name = settings.build.partition(":")[2]
    _prefer(settings)
    try:
        function: Callable[..., Any] | None = getattr(importlib.import_module(settings.module), name, None)
    except Exception as error:  # as above
        raise _refusal(settings, f"the module {settings.module} must be importable", _told(error)) from error
    if not callable(function):
        raise _refusal(settings, f"the module {settings.module} must have a function {name}", "none of this name")
    return function


def _prefer(settings: CustomModel) -> None:
    """Lets imports find the module beside the sweep first, and forgets one of the same name from elsewhere."""
    found = beside(settings)
    if found is None:
        return
    top = settings.module.partition(".")[0]
    loaded = getattr(sys.modules.get(top), "__file__", None)
    if loaded is not None and not Path(loaded).resolve().is_relative_to(found.resolve().parent):
        for name in [each for each in sys.modules if each == top or each.startswith(f"{top}.")]:
            del sys.modules[name]
    if sys.path[:1] != [settings.folder]:
        sys.path.insert(0, settings.folder)
        importlib.invalidate_caches()


def _refuse_misfits(model: Any, settings: CustomModel, *, classes: int, image_shape: tuple[int, int, int]) -> None:
    """Raises: InputError, where the function returned no classifier of stock layers for these images."""
    if not isinstance(model, keras.Model):
        raise _refusal(settings, "the function must return a keras.Model", type(model).__name__)
    strange = {type(each) for each in model._flatten_layers() if type(each).__module__.split(".")[0] != "keras"}
    if strange:
        names = ", ".join(sorted(each.__name__ for each in strange))
        raise _refusal(settings, "the model must consist of stock Keras layers, so that its file loads anywhere", names)
    if not model.built or (len(model.inputs), len(model.outputs)) != (1, 1):
        raise _refusal(settings, "the model must have one Input and one output", "another number of them")
    images = np.random.default_rng(0).integers(0, 256, (2, *image_shape)).astype(np.float32)
    try:
        probabilities = np.asarray(model(images, training=False))
    except Exception as error:  # as above
        rule = f"the model must take images of shape {image_shape}"
        raise _refusal(settings, rule, _told(error)) from error
    rule = f"the model must end in softmax over {classes} classes"
    if probabilities.shape != (2, classes):
        raise _refusal(settings, rule, f"an output of shape {probabilities.shape[1:]}")
    if not np.allclose(probabilities.sum(axis=-1), 1, atol=1e-2):
        raise _refusal(settings, rule, "outputs that do not add up to 1")


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".strip().split("\n")[0]


def _line(settings: CustomModel, error: Exception) -> str:
    """Where in the user's module it came from, and with which values it was called."""
    file = getattr(sys.modules.get(settings.module), "__file__", None)
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return (f" in line {lines[-1]} of {file}" if lines else "") + f", with values {shown(settings.values)}"


def _refusal(settings: CustomModel, rule: str, given: str) -> InputError:
    remedy = f"mend {settings.build}: function(values, image_shape, classes) → keras.Model"
    return InputError([Problem(path=("model", "build"), rule=rule, given=given, remedy=remedy)], settings.build)
