"""Time a few steps of a training run, in a process that has TensorFlow loaded; started by `timing`."""

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
from trainables.preflight.timing import ALWAYS_TIMED, StageTime, TimingFailure, TimingResult
from trainables.process import prepare, resident_bytes, total_gpu_memory_mb
from trainables.trust import trust

ENOUGH_S = 0.5
"""Work that takes at least this long is timed accurately enough."""
LAPS, LAPS_S = 3, 4.0
FEW_IMAGES = 64
TINY_RATE = 1e-9
"""A learning rate at which no loss overflows, whatever the configuration."""


def main(folder: Path, process: int) -> None:
    """Run the other process: time one configuration after the other and write a line for each."""
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    asked = json.loads((folder / "asked.json").read_text())
    prepare(cpus=asked["cpus"], gpu_memory_share=asked["gpus"])
    # As in a trial's process, whose startup time and memory include Keras and Ray.
    import trainables.training.train
    import trainables.trial.trainable  # noqa: F401

    trust(asked["trusted"])
    with (folder / f"answers-{process}.jsonl").open("w", encoding="utf-8", buffering=1) as answers:
        startup_s = time.time() - asked["began"]
        answers.write(json.dumps({"startup_s": startup_s, "gpu_bytes": _gpu_bytes()}) + "\n")
        for number in range(asked["count"]):
            if number >= ALWAYS_TIMED and time.time() - asked["began"] - startup_s > asked["limit_s"]:
                break
            cuts = [Cut(**cut) for cut in asked["cuts"][number]]
            found = try_timing(folder / f"{number}.yaml", trials=asked["trials"], cuts=cuts)
            answers.write(json.dumps(asdict(found)) + "\n")


def try_timing(file: Path, *, trials: int = 1, cuts: Sequence[Cut] = ()) -> TimingResult | TimingFailure:
    """Time the configuration in a file, or return why it cannot train."""
    from tensorflow.errors import ResourceExhaustedError

    try:
        return time_config(load_config(file)[0], trials=trials, cuts=cuts)
    except (MemoryError, ResourceExhaustedError):
        return TimingFailure(reason="out of memory")
    except Exception as error:  # whatever it is, a trial would fail with it
        return TimingFailure(reason=" ".join(f"{type(error).__name__}: {error}".split())[:500])


def time_config(config: TrialConfig, *, trials: int = 1, cuts: Sequence[Cut] = ()) -> TimingResult:
    """Build, train a few steps of each stage and evaluate a few images; keep only the compiled model.

    Trains on features if one of ``trials`` trials that cut their networks at ``cuts`` would use stored features.
    """
    from trainables.data.load import load
    from trainables.models.fine_tuning import stages
    from trainables.preflight.feature_sample import sample
    from trainables.training import checkpoint
    from trainables.training.build import Inputs, set_values
    from trainables.training.loss import class_weights
    from trainables.training.train import compiled_model

    with _memory() as peaks:
        loading = time.perf_counter()
        dataset = load(config.data)
        inputs = Inputs.of(dataset.train, classes=dataset.class_count)
        building = time.perf_counter()
        built = compiled_model(config, inputs)
        set_values(built, config)
        weights = class_weights(dataset.train.labels, config.training, classes=dataset.class_count)
        built.class_weights.assign(weights)
        built_at = time.perf_counter()
        reset_s = _seconds(lambda: set_values(built, config))
        # Before anything trains, since features are computed with the initial weights.
        found = [(stage, sample(built, config, dataset, stage, trials=trials, cuts=cuts)) for stage in stages(config)]
        times = tuple(_both(built, config, dataset, stage, few) for stage, few in found)
        snapshot_s = _seconds(lambda: checkpoint.take(built, []))
    return TimingResult(
        load_s=building - loading,
        build_s=built_at - building,
        reset_s=reset_s,
        stages=tuple(_add_snapshot(time, snapshot_s) for time in times),
        memory_bytes=peaks["memory"],
        gpu_memory_bytes=peaks.get("gpu"),
    )


def _both(built: Any, config: TrialConfig, dataset: Any, stage: Any, sampled: Any) -> StageTime:
    """Time a stage as in the search and, if that uses stored views, also as in the confirmation."""
    found = _stage(built, config, dataset, stage, sampled)
    if not found.pass_s or not is_approximated(config):
        return found
    return replace(found, fresh_s=_stage(built, config, dataset, stage, None).epoch_s)


def _add_snapshot(time: StageTime, seconds: float) -> StageTime:
    fresh_s = None if time.fresh_s is None else time.fresh_s + seconds
    return replace(time, epoch_s=time.epoch_s + seconds, fresh_s=fresh_s)


def _stage(built: Any, config: TrialConfig, dataset: Any, stage: Any, sampled: Any) -> StageTime:
    """Time a stage; if ``sampled`` is a `trainables.preflight.feature_sample.Sample`, its features stand for all."""
    from trainables.dataset import StoredFeatures, select
    from trainables.features.policy import Source
    from trainables.preflight.feature_sample import Sample
    from trainables.training.batches import order, steps_per_epoch
    from trainables.training.build import reset_optimizer, set_stage

    setting, held_out = config.training, dataset.validation
    steps = set_stage(built, config, unfrozen=stage.unfrozen)
    few = sampled if isinstance(sampled, Sample) else None
    steps = few.steps if few else steps
    reset_optimizer(built)
    built.optimizer.learning_rate.assign(TINY_RATE)
    positions = order(len(dataset.train.labels), seed=setting.seed, epoch=0)
    if setting.steps_per_epoch is not None:
        positions = positions[: setting.steps_per_epoch * setting.batch_size]

    def train(count: int) -> Callable[[], Any]:
        those = positions[: count * setting.batch_size]
        part, those = (few.features, those % len(few.features)) if few else (dataset.train, those)
        return lambda: steps.train(part, those, batch_size=setting.batch_size, check_interrupt=lambda: None)

    def evaluate(count: int) -> Callable[[], Any]:
        images = count * FEW_IMAGES
        if few:
            at = np.arange(min(images, len(held_out))) % len(few.features)
            features = StoredFeatures(few.features.read(at), few.features.labels[at])
            return lambda: steps.evaluate(features, check_interrupt=lambda: None)
        some = held_out if images >= len(held_out) else select(held_out, np.arange(images))
        return lambda: steps.evaluate(some, check_interrupt=lambda: None)

    first = [train(1), evaluate(1)]
    cold_s, warm_s = (sum(map(_seconds, first)) for _ in range(2))
    train_s = _extrapolate(train, whole=steps_per_epoch(len(positions), setting.batch_size))
    evaluate_s = _extrapolate(evaluate, whole=-(-len(held_out) // FEW_IMAGES))
    pass_s = few.image_s * len(dataset.train) if few else 0.0
    source = Source.STORED.label if few else getattr(sampled, "label", "")
    return StageTime(stage.unfrozen, max(0.0, cold_s - warm_s), train_s + evaluate_s, pass_s, source)


def _extrapolate(work: Callable[[int], Callable[[], Any]], *, whole: int) -> float:
    """Estimate the seconds that ``work`` takes for ``whole`` units from enough units to take `ENOUGH_S`, or all."""
    count = 1
    while True:
        piece = work(count)
        seconds = _seconds(piece)
        if count == whole or seconds >= ENOUGH_S:
            # If the process had to wait for its core, one lap is long, which only other laps reveal.
            seconds = _typical(piece, seconds)
        if count == whole or seconds >= ENOUGH_S / 2:
            return seconds * whole / count
        count = min(whole, count * int(np.clip(1.5 * ENOUGH_S / max(seconds, 1e-6), 2, 8)))


def _typical(work: Callable[[], Any], first_s: float) -> float:
    """Return the median of up to three laps, of which the first took ``first_s``; fewer if laps take seconds."""
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
    """Yield a mapping that receives the peak memory of this process: of the machine, and of a GPU if any."""
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
