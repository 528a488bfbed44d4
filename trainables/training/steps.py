"""The steps of a compiled model, as graphs that make many of them a call.

Between two calls Python asks whether to go on; so a call makes about as many steps as fit into half a second. Every
batch size, the smaller batch at an epoch's end and every data set of the same image shape share one trace.
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
from trainables.training.batches import Examples, held, steps_per_epoch, stream

CALL_S = 0.5
"""About how long a call may take: an interruption waits no longer."""
EVALUATION_PIXELS = 2**20
"""About so many are evaluated at a time: more is no faster, and a network's first layers multiply them."""

Step = Callable[[tuple[tf.Tensor, tf.Tensor]], tf.Tensor]
"""From a batch of (float32 values, int64 labels) to whether training may go on, a bool."""


class Steps:
    """Trains and evaluates ``model``, which is compiled and of the loss that `Loss` describes.

    Must be made while the layers that shall train are trainable, and used only while they are: the graphs are traced
    for them. ``dtype`` is that of what it is given: uint8 for pixels, floating for features.
    """

    def __init__(self, model: keras.Model, *, dtype: str = "uint8") -> None:
        self.model = model
        classes = model.output_shape[-1]
        self._confusion = tf.Variable(tf.zeros([classes, classes]), trainable=False)
        self._cross_entropy = keras.metrics.SparseCategoricalCrossentropy()
        self._build_metrics(classes)
        self._train = _Paced(self._training_step, model.input_shape[1:], dtype)
        self._evaluate = _Paced(self._evaluation_step, model.input_shape[1:], dtype)

    def train(
        self, part: Examples, order: PositionArray, *, batch_size: int, heed: Callable[[], None]
    ) -> dict[str, float] | None:
        """One epoch over the images at the positions ``order``, int64 (m,).

        Returns the means of the compiled metrics, or None as soon as the loss is not finite. ``heed`` is called every
        now and then, and may raise.
        """
        self.model.reset_metrics()
        finite = self._train(part, order, batch_size=batch_size, heed=heed)
        return self._metrics() if finite else None

    def evaluate(self, part: Examples, *, heed: Callable[[], None]) -> tuple[dict[str, float], NDArray[np.float32]]:
        """The means of the compiled metrics over a part, the loss being the cross-entropy alone, without the penalties
        that a sweep varies; and how many images of each true class (rows) were taken for each class (columns), float32
        (classes, classes), whole numbers.
        """
        self.model.reset_metrics()
        self._cross_entropy.reset_state()
        self._confusion.assign(tf.zeros_like(self._confusion))
        places = math.prod(self.model.input_shape[1:-1])
        batch_size = max(8, min(256, EVALUATION_PIXELS // places))
        self._evaluate(part, np.arange(len(part.labels)), batch_size=batch_size, heed=heed)
        return self._metrics() | {"loss": float(self._cross_entropy.result())}, self._confusion.numpy()

    @property
    def traces(self) -> int:
        """How many graphs were traced so far."""
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
        """Makes the metrics' variables, which cannot be made inside a loop of a graph."""
        labels, even = tf.zeros([1], tf.int64), tf.fill([1, classes], 1 / classes)
        self.model.compute_loss(y=labels, y_pred=even)
        self.model.compute_metrics(None, labels, even)


class _Paced:
    """Makes a step for every batch of a part, as many a call as fit into `CALL_S`; stops where a step says so."""

    def __init__(self, step: Step, shape: tuple[int, ...], dtype: str) -> None:
        values, labels = tf.TensorSpec((None, *shape), dtype), tf.TensorSpec((None,), tf.int64)
        number = tf.TensorSpec((), tf.int64)
        self._step = step
        self._on_held = tf.function(self._held_steps, input_signature=[values, labels, labels, number, number, number])
        self._on_stream = tf.function(self._stream_steps)
        self._a_call = 1

    @property
    def traces(self) -> int:
        """How many graphs were traced so far."""
        counts = (each.experimental_get_tracing_count() for each in (self._on_held, self._on_stream))
        return sum(counts)

    def __call__(self, part: Examples, order: PositionArray, *, batch_size: int, heed: Callable[[], None]) -> bool:
        """Whether all steps were made."""
        run = self._runner(part, order, batch_size)
        done, steps = 0, steps_per_epoch(len(order), batch_size)
        while done < steps:
            heed()
            count = min(self._a_call, steps - done)
            started = time.monotonic()
            if not run(done, done + count):
                return False
            self._pace(count, seconds=time.monotonic() - started)
            done += count
        return True

    def _runner(self, part: Examples, order: PositionArray, batch_size: int) -> Callable[[int, int], bool]:
        """What makes the steps from one number to another, and says whether it made all."""
        whole = held(part)
        if whole is None:
            batches = stream(part, order, batch_size=batch_size)
            return lambda first, last: bool(self._on_stream(batches, tf.constant(last - first, tf.int64)))
        positions, size = tf.constant(order, tf.int64), tf.constant(batch_size, tf.int64)
        return lambda first, last: bool(
            self._on_held(
                whole.values, whole.labels, positions, size, tf.constant(first, tf.int64), tf.constant(last, tf.int64)
            )
        )

    def _pace(self, count: int, *, seconds: float) -> None:
        fitting = count * CALL_S / max(seconds, 1e-6)
        self._a_call = max(1, min(math.floor(fitting), 8 * self._a_call))

    def _held_steps(
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
        def go_on(number: tf.Tensor, fine: tf.Tensor) -> tf.Tensor:
            return fine & (number < last)

        def step(number: tf.Tensor, fine: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            values, labels = batch(number)
            return number + 1, self._step((tf.cast(values, tf.float32), labels))

        # One after the other: every step changes what the next one reads.
        _, fine = tf.while_loop(go_on, step, (first, tf.constant(True)), parallel_iterations=1)
        return fine
