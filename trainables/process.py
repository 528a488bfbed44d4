"""What must be set before TensorFlow starts: threads, GPU memory, logging."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

import psutil

from trainables.credentials import without_credentials
from trainables.keras_settings import settle_environment, start_keras


def prepare(*, cpus: int, gpu_memory_share: float | None = None) -> None:
    """Make this process one of ours, settled and limited to its slot. Call it before anything else uses TensorFlow; a
    second call changes nothing.

    Without a GPU, the same seed then gives the same numbers whatever the threads do, and random numbers without a seed
    are an error. With a GPU it does not, because TensorFlow lacks deterministic kernels, among others for the gradient
    of a depthwise convolution.

    Args:
        cpus: CPU cores of the slot; TensorFlow's operations use as many threads.
        gpu_memory_share: in (0, 1), the share of one GPU's memory that this process may use; if it is None, 0 or a
            whole number, memory grows as needed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["OMP_NUM_THREADS"] = str(cpus)
    settle_environment()
    start_keras()
    limit(cpus=cpus, gpu_memory_share=gpu_memory_share, deterministic=True)


def limit(*, cpus: int, gpu_memory_share: float | None = None, deterministic: bool = False) -> None:
    """Limit TensorFlow to this many cores and a GPU's memory, as `prepare`, if it has not started to compute."""
    import tensorflow as tf

    try:
        tf.config.threading.set_intra_op_parallelism_threads(cpus)
        tf.config.threading.set_inter_op_parallelism_threads(max(2, cpus))
        gpus = tf.config.list_physical_devices("GPU")
        for gpu in gpus:
            _limit_memory(gpu, gpu_memory_share)
        if deterministic and not gpus:
            tf.config.experimental.enable_op_determinism()
    except RuntimeError:
        # TensorFlow has started: a reused process or a notebook, whose slot was set at its start.
        return


def resident_bytes() -> int:
    """Return how much of the machine's memory this process uses, without shared pages if these are reported."""
    process = psutil.Process()
    memory = process.memory_info()
    return int(memory.rss - getattr(memory, "shared", 0))


def child_environment(*, gpus: str, env: Collection[str] = ()) -> dict[str, str]:
    """Return the environment of another Python process that runs the user's code and finds the same modules.

    It sees these GPUs, ``-1`` for none, and of this process's credentials only those that ``env`` names.
    """
    path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
    return {**without_credentials(env=env), "PYTHONPATH": path, "CUDA_VISIBLE_DEVICES": gpus}


def _limit_memory(gpu: object, share: float | None) -> None:
    import tensorflow as tf

    total_mb = total_gpu_memory_mb()
    if total_mb is None or share is None or not 0 < share < 1:
        tf.config.experimental.set_memory_growth(gpu, True)
        return
    limit = tf.config.LogicalDeviceConfiguration(memory_limit=int(total_mb * share * 0.95))  # 5 % for CUDA itself
    tf.config.set_logical_device_configuration(gpu, [limit])


def total_gpu_memory_mb() -> float | None:
    """Return the memory of the smallest GPU in MiB, as the driver reports it; None if it does not."""
    query = ["nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=20, check=True).stdout.split()
        return min(float(megabytes) for megabytes in answer)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
