"""What must be settled before TensorFlow wakes: threads, GPU memory, how much it talks."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from trainables.credentials import without_credentials


def prepare(*, cpus: int, gpu_memory_share: float | None = None, deterministic: bool = True) -> None:
    """Limits this process to its slot. Call it before anything else touches TensorFlow; a second call changes nothing.

    Args:
        cpus: CPU cores of the slot; TensorFlow's operations use as many threads.
        gpu_memory_share: in (0, 1), the part of one GPU's memory that this process may take; where it is None, 0 or a
            whole number, memory grows as needed.
        deterministic: without a GPU, the same seed gives the same numbers whatever the threads do; and random numbers
            without any seed are refused, so this is not for a process of the user's. With a GPU nothing is demanded:
            TensorFlow would refuse what has no such kernel there, the gradient of a depthwise convolution among others.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ["OMP_NUM_THREADS"] = str(cpus)
    with unheard():
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
        # TensorFlow is awake: a reused process or a notebook. Its slot was settled when it woke.
        return


def resident_bytes() -> int:
    """How much of the machine's memory this process takes, without the pages it shares where these are told."""
    process = psutil.Process()
    told = process.memory_info()
    return int(told.rss - getattr(told, "shared", 0))


def child_environment(*, gpus: str, env: Collection[str] = ()) -> dict[str, str]:
    """For another Python, with code of the user in it: modules are found where this process finds them.

    It sees these GPUs, ``-1`` for none, and of this process's credentials those that ``env`` names.
    """
    path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
    return {**without_credentials(env=env), "PYTHONPATH": path, "CUDA_VISIBLE_DEVICES": gpus}


@contextmanager
def unheard() -> Iterator[None]:
    """Drops what is written to stderr, by libraries in C++ too. For TensorFlow's greetings, which come before it has
    read how much it may say, and for converters."""
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


def _limit_memory(gpu: object, share: float | None) -> None:
    import tensorflow as tf

    total_mb = total_gpu_memory_mb()
    if total_mb is None or share is None or not 0 < share < 1:
        tf.config.experimental.set_memory_growth(gpu, True)
        return
    limit = tf.config.LogicalDeviceConfiguration(memory_limit=int(total_mb * share * 0.95))  # 5 % for CUDA itself
    tf.config.set_logical_device_configuration(gpu, [limit])


def total_gpu_memory_mb() -> float | None:
    """Memory of the smallest GPU in MiB, asked of the driver; None where it cannot say."""
    query = ["nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=20, check=True).stdout.split()
        return min(float(megabytes) for megabytes in answer)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
