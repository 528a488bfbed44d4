"""A few steps of a training run, timed. What runs here has TensorFlow awake: see `timing` for the rest."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from spaces.config.trial import TrialConfig
from spaces.file.load import load_config
from trainables.features.policy import is_approximated
from trainables.models.cut import Cut
from trainables.preflight.timing import ALWAYS_TIMED, Failed, StageTime, Timed
from trainables.process import prepare, resident_bytes, total_gpu_memory_mb
from trainables.trust import trust

ENOUGH_S = 0.5
"""What takes at least so long is timed well enough."""
LAPS, LAPS_S = 3, 4.0
FEW_IMAGES = 64
GENTLE = 1e-9
"""A learning rate at which no loss overflows, whatever the configuration asks for."""


def main(folder: Path, process: int) -> None:
    """The other process: times one configuration after the other, and writes a line for each."""
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    asked = json.loads((folder / "asked.json").read_text())
    prepare(cpus=asked["cpus"], gpu_memory_share=asked["gpus"])
    # As in a trial's process: Keras and Ray are part of what it costs, and of what it weighs, before it does anything.
    import trainables.training.train
    import trainables.trial.trainable  # noqa: F401

    trust(asked["trusted"])
    with (folder / f"answers-{process}.jsonl").open("w", encoding="utf-8", buffering=1) as answers:
        awake_s = time.time() - asked["began"]
        answers.write(json.dumps({"awake_s": awake_s, "gpu_bytes": _gpu_bytes()}) + "\n")
        for number in range(asked["count"]):
            if number >= ALWAYS_TIMED and time.time() - asked["began"] - awake_s > asked["limit_s"]:
                break
            cuts = [Cut(**cut) for cut in asked["cuts"][number]]
            found = timed_or_failed(folder / f"{number}.yaml", trials=asked["trials"], cuts=cuts)
            answers.write(json.dumps(asdict(found)) + "\n")


def timed_or_failed(file: Path, *, trials: int = 1, cuts: Sequence[Cut] = ()) -> Timed | Failed:
    """What the configuration in a file takes, or why it cannot train."""
    from tensorflow.errors import ResourceExhaustedError

    try:
        return timed(load_config(file)[0], trials=trials, cuts=cuts)
    except (MemoryError, ResourceExhaustedError):
        return Failed(told="out of memory")
    except Exception as error:  # whatever it is, a trial would end with it
        return Failed(told=" ".join(f"{type(error).__name__}: {error}".split())[:500])


def timed(config: TrialConfig, *, trials: int = 1, cuts: Sequence[Cut] = ()) -> Timed:
    """Builds, trains a few steps of each stage, evaluates a few images; nothing is kept but the compiled model.

    Where one of ``trials`` that cut their network at ``cuts`` would train on stored features, so does this.
    """
    from trainables.data.load import load
    from trainables.models.fine_tuning import stages
    from trainables.preflight.feature_sample import sample
    from trainables.training import checkpoint
    from trainables.training.build import Inputs, set_values
    from trainables.training.loss import class_weights
    from trainables.training.train import compiled

    with _memory() as peaks:
        loading = time.perf_counter()
        dataset = load(config.data)
        inputs = Inputs.of(dataset.train, classes=dataset.class_count)
        building = time.perf_counter()
        built = compiled(config, inputs)
        set_values(built, config)
        weights = class_weights(dataset.train.labels, config.training, classes=dataset.class_count)
        built.class_weights.assign(weights)
        built_at = time.perf_counter()
        again_s = _seconds(lambda: set_values(built, config))
        # Before anything trains: features are computed with the weights that a network begins with.
        found = [(stage, sample(built, config, dataset, stage, trials=trials, cuts=cuts)) for stage in stages(config)]
        times = tuple(_both(built, config, dataset, stage, few) for stage, few in found)
        snapshot_s = _seconds(lambda: checkpoint.take(built, []))
    return Timed(
        load_s=building - loading,
        build_s=built_at - building,
        again_s=again_s,
        stages=tuple(_longer(time, snapshot_s) for time in times),
        memory_bytes=peaks["memory"],
        gpu_memory_bytes=peaks.get("gpu"),
    )


def _both(built: Any, config: TrialConfig, dataset: Any, stage: Any, sampled: Any) -> StageTime:
    """A stage as the search trains it and, where that is on views of images, as the confirmation does."""
    found = _stage(built, config, dataset, stage, sampled)
    if not found.pass_s or not is_approximated(config):
        return found
    return replace(found, anew_s=_stage(built, config, dataset, stage, None).epoch_s)


def _longer(time: StageTime, seconds: float) -> StageTime:
    anew_s = None if time.anew_s is None else time.anew_s + seconds
    return replace(time, epoch_s=time.epoch_s + seconds, anew_s=anew_s)


def _stage(built: Any, config: TrialConfig, dataset: Any, stage: Any, sampled: Any) -> StageTime:
    """Where ``sampled`` is a `trainables.preflight.feature_sample.Sample`, its few features stand for all."""
    from trainables.dataset import Features, chosen
    from trainables.features.policy import Source
    from trainables.preflight.feature_sample import Sample
    from trainables.training.batches import order, steps_per_epoch
    from trainables.training.build import choose_stage, forget

    setting, held_out = config.training, dataset.validation
    steps = choose_stage(built, config, unfrozen=stage.unfrozen)
    few = sampled if isinstance(sampled, Sample) else None
    steps = few.steps if few else steps
    forget(built)
    built.optimizer.learning_rate.assign(GENTLE)
    positions = order(len(dataset.train.labels), seed=setting.seed, epoch=0)
    if setting.steps_per_epoch is not None:
        positions = positions[: setting.steps_per_epoch * setting.batch_size]

    def train(count: int) -> Callable[[], Any]:
        those = positions[: count * setting.batch_size]
        part, those = (few.features, those % len(few.features)) if few else (dataset.train, those)
        return lambda: steps.train(part, those, batch_size=setting.batch_size, heed=lambda: None)

    def evaluate(count: int) -> Callable[[], Any]:
        images = count * FEW_IMAGES
        if few:
            at = np.arange(min(images, len(held_out))) % len(few.features)
            features = Features(few.features.read(at), few.features.labels[at])
            return lambda: steps.evaluate(features, heed=lambda: None)
        some = held_out if images >= len(held_out) else chosen(held_out, np.arange(images))
        return lambda: steps.evaluate(some, heed=lambda: None)

    first = [train(1), evaluate(1)]
    cold_s, warm_s = (sum(map(_seconds, first)) for _ in range(2))
    train_s = _growing(train, whole=steps_per_epoch(len(positions), setting.batch_size))
    evaluate_s = _growing(evaluate, whole=-(-len(held_out) // FEW_IMAGES))
    pass_s = few.image_s * len(dataset.train) if few else 0.0
    told = Source.STORED.told if few else getattr(sampled, "told", "")
    return StageTime(stage.unfrozen, max(0.0, cold_s - warm_s), train_s + evaluate_s, pass_s, told)


def _growing(work: Callable[[int], Callable[[], Any]], *, whole: int) -> float:
    """Seconds that ``work`` takes on its ``whole``, from as much of it as takes `ENOUGH_S`, or from all."""
    count = 1
    while True:
        piece = work(count)
        seconds = _seconds(piece)
        if count == whole or seconds >= ENOUGH_S:
            # A process that has to wait for its core makes one lap long, and tells so only by the laps beside it.
            seconds = _typical(piece, seconds)
        if count == whole or seconds >= ENOUGH_S / 2:
            return seconds * whole / count
        count = min(whole, count * int(np.clip(1.5 * ENOUGH_S / max(seconds, 1e-6), 2, 8)))


def _typical(work: Callable[[], Any], first_s: float) -> float:
    """The median of some laps, of which the first took ``first_s``: three, or fewer where one takes seconds."""
    laps = [first_s]
    while len(laps) < LAPS and (sum(laps) < LAPS_S or len(laps) < 2):
        laps.append(_seconds(work))
    return median(laps)


def _seconds(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


@contextmanager
def _memory() -> Iterator[dict[str, int]]:
    """Yields what will hold the most memory that this process took meanwhile: of the machine, and of a GPU if any."""
    import tensorflow as tf

    peaks, done = {"memory": resident_bytes()}, threading.Event()

    def watch() -> None:
        while not done.wait(0.05):
            peaks["memory"] = max(peaks["memory"], resident_bytes())

    on_gpu = bool(tf.config.list_logical_devices("GPU"))
    if on_gpu:
        tf.config.experimental.reset_memory_stats("GPU:0")
    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield peaks
        if on_gpu:
            peaks["gpu"] = int(tf.config.experimental.get_memory_info("GPU:0")["peak"])
    finally:
        done.set()
        watcher.join()


def _gpu_bytes() -> int | None:
    import tensorflow as tf

    total_mb = total_gpu_memory_mb() if tf.config.list_physical_devices("GPU") else None
    return None if total_mb is None else int(total_mb * 2**20)


def _end_with_the_parent() -> None:
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
