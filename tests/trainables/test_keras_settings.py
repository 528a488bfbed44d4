"""What a user has set for all programs does not change what we train, and holds again in a process that we borrowed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import keras
import pytest
import tensorflow as tf

from spaces.problem import InputError
from trainables.keras_internals import config
from trainables.keras_settings import HARMLESS, PREFIXES, VALUES, harmful, keras_home, settle_environment, settled

UNUSED = {"nnx_enabled"}
"""Settings in keras.json that other backends have."""
SWITCHES = {"flash_attention", "interactive_logging", "traceback_filtering", "unsafe_deserialization"}
"""What `keras.config` can enable and disable: of other backends, or about output, or about reading files."""
OTHERS = {
    *("CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS"),  # the slot of a trial
    *("GRPC_FAIL_FAST", "HDF5_PLUGIN_PATH", "PYCHARM_HOSTED", "TPU_ML_PLATFORM", "TPU_ML_PLATFORM_VERSION"),
}
"""Variables without our prefixes that Keras and TensorFlow read, but not as a setting of theirs."""
USERS = {
    "floatx": "float16",
    "epsilon": 1e-3,
    "image_data_format": "channels_first",
    "dtype_policy": "mixed_float16",
    "max_epochs": 1,
    "max_steps_per_epoch": 2,
}


def test_every_setting_of_keras_is_known() -> None:
    in_file = set(re.findall(r'_config\.get\("(\w+)"', Path(config.__file__).read_text()))
    assert in_file - UNUSED - {"backend"} <= set(VALUES)
    assert {name.removeprefix("set_") for name in dir(keras.config) if name.startswith("set_")} == {"backend", *VALUES}
    switches = {name.partition("_")[2] for name in dir(keras.config) if name.startswith(("enable_", "disable_"))}
    assert switches == SWITCHES


@pytest.mark.parametrize("folder", [Path(keras.__file__).parent / "src", Path(tf.__file__).parent / "python"])
def test_every_variable_of_keras_and_tensorflow_is_known(folder: Path) -> None:
    reads = re.compile(rb"""(?:environ(?:\.get)?[\[(]|getenv\()\s*['"]([A-Z]\w*)""")
    sources = [
        file for file in folder.rglob("*.py") if not re.search(r"test|multi_process", str(file.relative_to(folder)))
    ]
    found = {name.decode() for file in sources for name in reads.findall(file.read_bytes())}
    assert {name for name in found if not name.startswith(PREFIXES)} <= OTHERS


def test_what_changes_results_is_removed_and_the_rest_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = {
        "KERAS_HOME": "there",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        "TFDS_DATA_DIR": "d",
    }
    removed = {"TF_ENABLE_ONEDNN_OPTS": "0", "KERAS_MAX_EPOCHS": "1", "TF_USE_LEGACY_KERAS": "1", "TF_XLA_FLAGS": "-"}
    for name, value in {**kept, **removed, "XLA_FLAGS": "--fast --xla_gpu_cuda_data_dir=/cuda"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert set(harmful(os.environ)) == {*removed, "XLA_FLAGS"}
    settle_environment()
    assert removed.keys().isdisjoint(os.environ)
    assert kept.items() <= os.environ.items()
    assert (os.environ["XLA_FLAGS"], os.environ["KERAS_BACKEND"]) == ("--xla_gpu_cuda_data_dir=/cuda", "tensorflow")
    assert harmful(os.environ) == []
    assert len(HARMLESS) == len(set(HARMLESS))


def _now() -> dict[str, object]:
    found = {name: getattr(keras.config, name)() for name in VALUES}
    return found | {"dtype_policy": found["dtype_policy"].name}


def _set(values: dict[str, object]) -> None:
    for name, value in values.items():
        getattr(keras.config, f"set_{name}")(value)


def test_a_borrowed_process_gets_its_settings_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    _set(USERS)
    try:
        with ExitStack() as stack:
            with pytest.warns(UserWarning, match="imported before, with TF_ENABLE_ONEDNN_OPTS set"):
                stack.enter_context(settled())
            assert _now() == VALUES
            assert harmful(os.environ) == []
        assert _now() == USERS
        assert os.environ["TF_ENABLE_ONEDNN_OPTS"] == "0"
    finally:
        _set(VALUES)


def test_another_backend_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "_BACKEND", "jax")
    with (
        pytest.raises(InputError, match=r"must run on tensorflow; got jax in this process\n.*KERAS_BACKEND=tensorflow"),
        settled(),
    ):
        pass


def test_a_file_that_keras_rejects_is_named(tmp_path: Path) -> None:
    (tmp_path / "keras.json").write_text('{"floatx": "bfloat16"}')
    script = "from trainables.keras_settings import settled\nwith settled(): pass"
    environment = {**os.environ, "KERAS_HOME": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert f"{tmp_path}/keras.json" in done.stderr
    assert "Invalid `floatx` configuration" in done.stderr


def test_weights_are_not_looked_for_where_everybody_can_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUNEHOUND_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("KERAS_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert keras_home() == tmp_path / ".keras"
    monkeypatch.setenv("HOME", str(tmp_path / "none" / "home"))
    assert keras_home() == tmp_path / "cache" / "keras"
    monkeypatch.setenv("KERAS_HOME", "~/mine")
    assert keras_home() == tmp_path / "none" / "home" / "mine"
