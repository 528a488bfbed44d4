"""Keras' and TensorFlow's settings for all programs of a user, which must not change what Tunehound trains.

They are `keras.json` in Keras' folder, and environment variables. A configuration and its seed decide alone what comes
of a training run, so that it gives the same elsewhere.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from spaces.cache import cache_home, expanded, home
from spaces.problem import InputError, Problem

BACKEND = "tensorflow"
VALUES: dict[str, Any] = {
    "floatx": "float32",
    "epsilon": 1e-7,
    "image_data_format": "channels_last",
    "dtype_policy": "float32",
    "max_epochs": None,
    "max_steps_per_epoch": None,
}
"""Keras' settings that change results, with the values that Keras has without a `keras.json`. Each is read by the
function `keras.config.NAME` and set by `keras.config.set_NAME`."""
PREFIXES = (
    "AUTOGRAPH_",
    "CUDNN_",
    "DNNL_",
    "KERAS_",
    "NVIDIA_TF32_",
    "ONEDNN_",
    "TENSORFLOW_",
    "TF2_",
    "TF_",
    "XLA_",
)
"""Variables with these prefixes may change results: those of Keras, TensorFlow and the libraries it computes with."""
HARMLESS = (
    "KERAS_BACKEND",  # is always set to TensorFlow
    "KERAS_HOME",  # where published weights are
    *("TF_CLI_", "TF_IN_AUTOMATION", "TF_VAR_", "TF_WORKSPACE"),  # Terraform's
    "TF_BFC_MEMORY_DUMP",
    "TF_CPP_",  # logs
    "TF_CPU_",
    "TF_CUDA_",
    "TF_DEVICE_MIN_SYS_MEMORY_IN_MB",
    "TF_ENABLE_GPU_GARBAGE_COLLECTION",
    "TF_FORCE_GPU_ALLOW_GROWTH",
    "TF_FORCE_UNIFIED_MEMORY",
    "TF_GPU_",  # memory and threads
    "TF_MIN_GPU_MULTIPROCESSOR_COUNT",
    "TF_PER_DEVICE_MEMORY_LIMIT_MB",
)
"""Starts of the names of those that do not: they say where files are, what is logged, how a GPU's memory is managed."""
XLA_FLAGS, CUDA_FOLDER = "XLA_FLAGS", "--xla_gpu_cuda_data_dir="
"""The only flag of XLA that does not change results, and without which some GPUs cannot be used."""
TF2 = "TF2_BEHAVIOR", "1"
"""TensorFlow itself sets this when it is imported."""


def harmful(environment: dict[str, str] | os._Environ[str]) -> list[str]:
    """Return the names of the variables that may change results, sorted."""
    return sorted(
        name
        for name, value in environment.items()
        if name.startswith(PREFIXES) and not name.startswith(HARMLESS) and value != _kept(name, value)
    )


def settle_environment() -> None:
    """Remove the variables that change results, for this process and those that it starts."""
    for name in harmful(os.environ):
        if kept := _kept(name, os.environ[name]):
            os.environ[name] = kept
        else:
            del os.environ[name]
    os.environ["KERAS_BACKEND"] = BACKEND


def _kept(name: str, value: str) -> str:
    """Return the part of a variable that changes no results."""
    if name == XLA_FLAGS:
        return " ".join(flag for flag in value.split() if flag.startswith(CUDA_FOLDER))
    return "1" if (name, value) == TF2 else ""


def keras_home() -> Path:
    """Return Keras' folder, whose folder `models` holds published weights: KERAS_HOME or ``~/.keras``.

    If there is no home or it is not writable, it is a folder in the cache. Keras itself would then use one in /tmp that
    every user can write to.
    """
    if named := os.environ.get("KERAS_HOME"):
        return expanded(named)
    usual = home() / ".keras"
    return usual if os.access(usual if usual.is_dir() else usual.parent, os.W_OK) else cache_home() / "keras"


@contextmanager
def silenced() -> Iterator[None]:
    """Discard stderr, of C++ libraries too: converters, and TensorFlow before it reads its log level."""
    sys.stderr.flush()
    saved, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)


def start_keras() -> None:
    """Import TensorFlow and Keras in a process of ours, with the settings that all our processes have.

    Neither reads or writes a `keras.json`.
    """
    folder, named = keras_home(), os.environ.get("KERAS_HOME")
    os.environ["KERAS_HOME"] = os.devnull  # exists, and holds no files
    try:
        with silenced():
            import keras
            import tensorflow  # noqa: F401  # it reads keras.json too
    finally:
        if named is None:
            del os.environ["KERAS_HOME"]
        else:
            os.environ["KERAS_HOME"] = named
    from trainables.keras_internals import use_keras_home

    use_keras_home(folder)
    for name, value in VALUES.items():
        getattr(keras.config, f"set_{name}")(value)


@contextmanager
def settled() -> Iterator[None]:
    """Settle Keras and TensorFlow inside the block, in a process of the user's, who gets their own settings back.

    Raises:
        InputError: Keras cannot be imported because of its settings, or has been with another backend.
    """
    with ExitStack() as stack:
        stack.callback(_restore, dict(os.environ))
        _warn_if_started()
        settle_environment()
        keras = _users_keras()
        for name, value in VALUES.items():
            stack.callback(getattr(keras.config, f"set_{name}"), getattr(keras.config, name)())
            getattr(keras.config, f"set_{name}")(value)
        yield


def _users_keras() -> Any:
    """Import Keras with the user's settings, which hold again outside the block.

    Raises:
        InputError: as `settled`.
    """
    rule, restart = f"Keras must run on {BACKEND}", f"restart Python (the kernel) with KERAS_BACKEND={BACKEND}"
    try:
        with silenced():
            import keras
    except Exception as error:  # a backend that is not installed, or a keras.json that Keras rejects
        given = f"importing it fails: {type(error).__name__}: {error}"
        problem = Problem(rule="Keras must accept its settings", given=given, remedy="correct or remove this file")
        raise InputError([problem], str(keras_home() / "keras.json")) from error
    if keras.config.backend() != BACKEND:
        problem = Problem(rule=rule, given=f"{keras.config.backend()} in this process", remedy=restart)
        raise InputError([problem], "keras")
    return keras


def _warn_if_started() -> None:
    if "tensorflow" in sys.modules and (names := harmful(os.environ)):
        warnings.warn(
            f"TensorFlow was imported before, with {', '.join(names)} set: the results may differ from those of other "
            "processes. To avoid this, unset the variables and restart Python (the kernel).",
            stacklevel=4,
        )


def _restore(environment: dict[str, str]) -> None:
    for name in [*harmful(environment), "KERAS_BACKEND"]:
        if name in environment:
            os.environ[name] = environment[name]
        else:
            os.environ.pop(name, None)
