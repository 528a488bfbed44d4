"""The training and evaluation steps of a compiled model, as graphs that run many steps per call.

Interruptions are checked between calls, so a call runs about as many steps as fit into half a second. All batch sizes,
including the smaller last batch, and all data sets with the same image shape share one trace.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from trainables.dataset import PositionArray
from trainables.training.batches import Examples, resident, steps_per_epoch, stream

CALL_S = 0.5
"""Approximate duration of a call, and so the longest wait for an interruption."""
EVALUATION_PIXELS = 2**20
"""Approximate pixels evaluated at a time: more is no faster, and the first layers multiply the memory they need."""

Step = Callable[[tuple[tf.Tensor, tf.Tensor]], tf.Tensor]
"""Maps a batch of (float32 values, int64 labels) to whether training may continue, a bool."""


class Steps:
    """Trains and evaluates ``model``, which must be compiled with `Loss`.

    Create and use it only while the intended layers are trainable, since the graphs are traced for them. ``dtype`` is
    the dtype of the input: uint8 for pixels, floating for features.
    """

    def __init__(self, model: keras.Model, *, dtype: str = "uint8") -> None:
        self.model = model
        classes = model.output_shape[-1]
        self._confusion = tf.Variable(tf.zeros([classes, classes]), trainable=False)
        self._cross_entropy = keras.metrics.SparseCategoricalCrossentropy()
        self._build_metrics(classes)
        self._train = _TimedLoop(self._training_step, model.input_shape[1:], dtype)
        self._evaluate = _TimedLoop(self._evaluation_step, model.input_shape[1:], dtype)

    def train(
        self, part: Examples, order: PositionArray, *, batch_size: int, check_interrupt: Callable[[], None]
    ) -> dict[str, float] | None:
        """Train one epoch over the images at the positions ``order``, int64 (m,).

        Returns the means of the compiled metrics, or None as soon as the loss is not finite. ``check_interrupt`` is
        called regularly and may raise.
        """
        self.model.reset_metrics()
        finite = self._train(part, order, batch_size=batch_size, check_interrupt=check_interrupt)
        return self._metrics() if finite else None

    def evaluate(
        self, part: Examples, *, check_interrupt: Callable[[], None]
    ) -> tuple[dict[str, float], NDArray[np.float32]]:
        """Evaluate a split. Returns the means of the compiled metrics, with the plain cross-entropy as the loss,
        without the penalties that a sweep varies; and the confusion matrix, true classes in rows, predicted classes in
        columns, float32 (classes, classes) with integer values.
        """
        self.model.reset_metrics()
        self._cross_entropy.reset_state()
        self._confusion.assign(tf.zeros_like(self._confusion))
        places = math.prod(self.model.input_shape[1:-1])
        batch_size = max(8, min(256, EVALUATION_PIXELS // places))
        self._evaluate(part, np.arange(len(part.labels)), batch_size=batch_size, check_interrupt=check_interrupt)
        return self._metrics() | {"loss": float(self._cross_entropy.result())}, self._confusion.numpy()

    @property
    def traces(self) -> int:
        """Number of graphs traced so far."""
        return self._train.traces + self._evaluate.traces

    def _training_step(self, batch: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        return tf.math.is_finite(self.model.train_step(batch)["loss"])

    def _evaluation_step(self, batch: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        images, labels = batch
        probabilities = self.model(images, training=False)
        predicted = tf.one_hot(tf.argmax(probabilities, axis=-1), probabilities.shape[-1])
        true = tf.one_hot(labels, probabilities.shape[-1])
        self._confusion.assign_add(tf.matmul(true, predicted, transpose_a=True))
        self._cross_entropy.update_state(labels, probabilities)
        self.model.compute_metrics(images, labels, probabilities)
        return tf.constant(True)

    def _metrics(self) -> dict[str, float]:
        return {name: float(value) for name, value in self.model.get_metrics_result().items()}

    def _build_metrics(self, classes: int) -> None:
        """Create the metrics' variables, which is impossible inside a graph's loop."""
        labels, even = tf.zeros([1], tf.int64), tf.fill([1, classes], 1 / classes)
        self.model.compute_loss(y=labels, y_pred=even)
        self.model.compute_metrics(None, labels, even)


class _TimedLoop:
    """Runs a step for every batch, as many per call as fit into `CALL_S`; stops if a step returns False."""

    def __init__(self, step: Step, shape: tuple[int, ...], dtype: str) -> None:
        values, labels = tf.TensorSpec((None, *shape), dtype), tf.TensorSpec((None,), tf.int64)
        number = tf.TensorSpec((), tf.int64)
        self._step = step
        self._run_resident = tf.function(
            self._resident_steps, input_signature=[values, labels, labels, number, number, number]
        )
        self._run_stream = tf.function(self._stream_steps)
        self._steps_per_call = 1

    @property
    def traces(self) -> int:
        """Number of graphs traced so far."""
        counts = (each.experimental_get_tracing_count() for each in (self._run_resident, self._run_stream))
        return sum(counts)

    def __call__(
        self, part: Examples, order: PositionArray, *, batch_size: int, check_interrupt: Callable[[], None]
    ) -> bool:
        """Run all steps; return whether none of them stopped the loop."""
        run = self._runner(part, order, batch_size)
        done, steps = 0, steps_per_epoch(len(order), batch_size)
        while done < steps:
            check_interrupt()
            count = min(self._steps_per_call, steps - done)
            started = time.monotonic()
            if not run(done, done + count):
                return False
            self._pace(count, seconds=time.monotonic() - started)
            done += count
        return True

    def _runner(self, part: Examples, order: PositionArray, batch_size: int) -> Callable[[int, int], bool]:
        """Return a function that runs the steps in a range and returns whether all of them ran."""
        tensors = resident(part)
        if tensors is None:
            batches = stream(part, order, batch_size=batch_size)
            return lambda first, last: bool(self._run_stream(batches, tf.constant(last - first, tf.int64)))
        data = tensors.values, tensors.labels, tf.constant(order, tf.int64), tf.constant(batch_size, tf.int64)
        return lambda first, last: bool(
            self._run_resident(*data, tf.constant(first, tf.int64), tf.constant(last, tf.int64))
        )

    def _pace(self, count: int, *, seconds: float) -> None:
        fitting = count * CALL_S / max(seconds, 1e-6)
        self._steps_per_call = max(1, min(math.floor(fitting), 8 * self._steps_per_call))

    def _resident_steps(
        self,
        values: tf.Tensor,
        labels: tf.Tensor,
        order: tf.Tensor,
        batch_size: tf.Tensor,
        first: tf.Tensor,
        last: tf.Tensor,
    ) -> tf.Tensor:
        def batch(number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            positions = order[number * batch_size : (number + 1) * batch_size]
            return tf.gather(values, positions), tf.gather(labels, positions)

        return self._loop(batch, first, last)

    def _stream_steps(self, batches: Iterator[tuple[tf.Tensor, tf.Tensor]], count: tf.Tensor) -> tf.Tensor:
        return self._loop(lambda number: next(batches), tf.constant(0, tf.int64), count)

    def _loop(self, batch: Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]], first: Any, last: Any) -> tf.Tensor:
        def should_continue(number: tf.Tensor, fine: tf.Tensor) -> tf.Tensor:
            return fine & (number < last)

        def step(number: tf.Tensor, fine: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            values, labels = batch(number)
            return number + 1, self._step((tf.cast(values, tf.float32), labels))

        # Sequential: every step changes the state that the next one reads.
        _, fine = tf.while_loop(should_continue, step, (first, tf.constant(True)), parallel_iterations=1)
        return fine
