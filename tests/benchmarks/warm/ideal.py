"""The ideal: what an epoch of each architecture takes when its graphs are traced and nothing else is to be done.

`python -m warm.ideal JOB OUT.json`. As many processes as there are slots, each with one thread for operations, train
side by side, in step, as our slots do. Three plain ways to call Keras' `fit` are tried; of each architecture the
fastest counts. An epoch is training and validation; the first one of each, which traces, is left out.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
from collections.abc import Iterator
from multiprocessing.synchronize import Barrier
from pathlib import Path
from statistics import mean, median
from typing import TYPE_CHECKING, Any

from warm.job import Job, label

if TYPE_CHECKING:
    from multiprocessing.pool import Pool

    from warm.job import Arrays

WAYS = ("arrays", "tf.data", "tf.data, an epoch a call")
VALIDATION_BATCH = 256
SETTINGS = {"dropout": 0.2, "learning_rate": 1e-3}
"""Those of the space make no difference to the time of a step."""


def measure(job: Job, *, slots: int) -> dict[str, Any]:
    """Seconds of a warm epoch, by architecture the least, and by way and architecture all."""
    start = multiprocessing.get_context("spawn")
    barrier = start.Barrier(slots)
    with start.Pool(slots, initializer=_settle, initargs=(barrier,)) as pool:
        found = _all(pool, job, slots)
    ways = {way: {name: mean(times[way, name] for times in found) for name in _names(job)} for way in WAYS}
    return {"warm": {name: min(ways[way][name] for way in WAYS) for name in _names(job)}, "ways": ways}


def _all(pool: Pool, job: Job, slots: int) -> list[dict[tuple[str, str], float]]:
    return pool.map(_measured, [job] * slots, chunksize=1)


def _names(job: Job) -> list[str]:
    return [label(architecture) for architecture in job.architectures()]


def _settle(barrier: Barrier) -> None:
    """One thread an operation and two operations at a time, as in our slots."""
    global together
    together = barrier
    os.environ["OMP_NUM_THREADS"] = "1"
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(2)


def _measured(job: Job) -> dict[tuple[str, str], float]:
    """Median seconds by way and architecture, in one of the processes."""
    data, found = job.arrays(), {}
    for architecture in job.architectures():
        for way in WAYS:
            together.wait()
            found[way, label(architecture)] = median(_epochs(job, data, architecture, way))
    return found


def _epochs(job: Job, data: Arrays, architecture: dict[str, int], way: str) -> list[float]:
    from warm.epoch_log import EpochLog
    from warm.network import network

    steps = -(-len(data.x_train) // job.batch_size)
    values = SETTINGS | architecture | ({"l2": 1e-4} if "l2" in job.space else {})
    network_options = {"steps_per_execution": steps} if way == WAYS[2] else {}
    model = network(values, image_shape=data.x_train.shape[1:], **network_options)
    log = Path(job.folder) / f"{os.getpid()}-{label(architecture)}-{way}.jsonl"
    model.fit(**_fed(job, data, way), epochs=job.epochs, callbacks=[EpochLog(log)], verbose=0)
    return [epoch["seconds"] for epoch in _lines(log) if epoch["epoch"] > 1]


def _fed(job: Job, data: Arrays, way: str) -> dict[str, Any]:
    """The images as arguments of `fit`."""
    import tensorflow as tf

    if way == WAYS[0]:
        validation = {"validation_data": (data.x_val, data.y_val), "validation_batch_size": VALIDATION_BATCH}
        return {"x": data.x_train, "y": data.y_train, "batch_size": job.batch_size, **validation}
    train = tf.data.Dataset.from_tensor_slices((data.x_train, data.y_train))
    validation = tf.data.Dataset.from_tensor_slices((data.x_val, data.y_val)).batch(VALIDATION_BATCH)
    return {
        "x": train.shuffle(len(data.x_train)).batch(job.batch_size).prefetch(2),
        "validation_data": validation.cache().prefetch(2),
    }


def _lines(log: Path) -> Iterator[dict[str, Any]]:
    return map(json.loads, log.read_text().splitlines())


if __name__ == "__main__":
    job = Job.read(sys.argv[1])
    Path(sys.argv[2]).write_text(json.dumps(measure(job, slots=len(os.sched_getaffinity(0)))))
