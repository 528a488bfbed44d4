"""A model that the user's own function builds; its module is imported only if it is trusted."""

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
from trainables.keras_internals import flat_layers
from trainables.trust import local_module, trust_problem

CUSTOM_LAYER = "network"


def custom(
    images: keras.KerasTensor, settings: CustomModel, *, classes: int, image_shape: tuple[int, int, int]
) -> keras.KerasTensor:
    """Return class probabilities (batch, classes) of images (batch, h, w, c) with pixels in [0, 255].

    Raises:
        InputError: the module is not trusted or cannot be imported, or its function does not return a suitable model.
    """
    model = _build(settings, classes=classes, image_shape=image_shape)
    _check_model(model, settings, classes=classes, image_shape=image_shape)
    return keras.Model(model.inputs[0], model.outputs[0], name=CUSTOM_LAYER)(images)


def fresh_weights(
    settings: CustomModel, *, seed: int, classes: int, image_shape: tuple[int, int, int]
) -> list[np.ndarray]:
    """Return the weights of the model that the function builds with this seed, whether drawn or loaded."""
    keras.utils.set_random_seed(seed)
    weights: list[np.ndarray] = _build(settings, classes=classes, image_shape=image_shape).get_weights()
    return weights


def _build(settings: CustomModel, *, classes: int, image_shape: tuple[int, int, int]) -> Any:
    """Call the user's function."""
    problem = trust_problem(settings)
    if problem is not None:
        raise InputError([problem], settings.build)
    function, policy = _function(settings), keras.config.dtype_policy()
    try:
        return function(copy.deepcopy(settings.values), image_shape, classes)
    except (Exception, SystemExit) as error:  # the user's code: show whatever it raises
        raise _error(
            settings, "the function must build a model", _format_error(error) + _line(settings, error)
        ) from error
    finally:
        keras.config.set_dtype_policy(policy)  # what the function sets is for its own model


def _function(settings: CustomModel) -> Callable[..., Any]:
    name = settings.build.partition(":")[2]
    _import_first(settings)
    try:
        function: Callable[..., Any] | None = getattr(importlib.import_module(settings.module), name, None)
    except Exception as error:  # as above
        raise _error(settings, f"the module {settings.module} must be importable", _format_error(error)) from error
    if not callable(function):
        raise _error(settings, f"the module {settings.module} must have a function {name}", "no such function")
    return function


def _import_first(settings: CustomModel) -> None:
    """Make imports find the module next to the sweep first, and forget one of the same name from elsewhere."""
    found = local_module(settings)
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


def _check_model(model: Any, settings: CustomModel, *, classes: int, image_shape: tuple[int, int, int]) -> None:
    """Raises: InputError, if the model is not a classifier of these images made of stock layers."""
    if not isinstance(model, keras.Model):
        raise _error(settings, "the function must return a keras.Model", type(model).__name__)
    strange = {type(each) for each in (model, *flat_layers(model)) if not _is_stock(each)}
    if strange:
        names = ", ".join(sorted(each.__name__ for each in strange))
        raise _error(
            settings, "the model must consist of stock Keras layers, so that its file can be loaded anywhere", names
        )
    if not model.built or (len(model.inputs), len(model.outputs)) != (1, 1):
        raise _error(settings, "the model must have one input and one output", "more, or none")
    if (size := model.inputs[0].shape[0]) is not None:
        raise _error(settings, "the model must take batches of any size", f"an input for batches of {size}")
    images = np.random.default_rng(0).integers(0, 256, (2, *image_shape)).astype(np.float32)
    try:
        probabilities = np.asarray(model(images, training=False))
    except Exception as error:  # as above
        rule = f"the model must take images of shape {image_shape}"
        raise _error(settings, rule, _format_error(error)) from error
    rule = f"the model must end in softmax over {classes} classes"
    if probabilities.shape != (2, classes):
        raise _error(settings, rule, f"an output of shape {probabilities.shape[1:]}")
    if probabilities.dtype != np.float32:
        rule = "the model must end in float32 (the last layer with dtype='float32'), as the loss computes"
        raise _error(settings, rule, f"an output of {probabilities.dtype}")
    if not np.allclose(probabilities.sum(axis=-1, dtype=np.float32), 1, atol=1e-2):
        raise _error(settings, rule, "outputs that do not sum to 1")


def _is_stock(layer: Any) -> bool:
    """Whether a layer's code comes with Keras. A Lambda's is the user's own, and no file with one is loaded."""
    return type(layer).__module__.split(".")[0] == "keras" and not isinstance(layer, keras.layers.Lambda)


def _format_error(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".strip().split("\n")[0]


def _line(settings: CustomModel, error: BaseException) -> str:
    """Return the line of the user's module that raised the error, and the values of the call."""
    file = getattr(sys.modules.get(settings.module), "__file__", None)
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return (f" in line {lines[-1]} of {file}" if lines else "") + f", with values {shown(settings.values)}"


def _error(settings: CustomModel, rule: str, given: str) -> InputError:
    remedy = f"fix {settings.build}: function(values, image_shape, classes) → keras.Model"
    return InputError([Problem(path=("model", "build"), rule=rule, given=given, remedy=remedy)], settings.build)
