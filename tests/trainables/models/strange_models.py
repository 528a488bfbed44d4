# ruff: noqa: E501 - a line is a model
"""Models that a user's function may return although no classifier of images is among them, or a strange one."""

from __future__ import annotations

START = """
import keras
import numpy as np
from keras import layers

class Mine(keras.layers.Layer):
    def call(self, x):
        return x

class Subclassed(keras.Model):
    def __init__(self, classes):
        super().__init__()
        self.flat, self.dense = layers.Flatten(), layers.Dense(classes, activation="softmax")

    def call(self, x):
        return self.dense(self.flat(x))

def stack(shape, *more):
    return keras.Sequential([keras.Input(shape), *more])

def build(values, image_shape, classes):
    images = keras.Input(image_shape)
    flat = layers.Flatten()(images)
    end = layers.Dense(classes, activation="softmax")
"""
REFUSED = {
    "None": "return None",
    "a number": "return 7",
    "a list of models": "return [keras.Model(images, end(flat))]",
    "a class": "return Subclassed",
    "a layer": "return end",
    "a tensor": "return end(flat)",
    "a function": "return lambda x: x",
    "a dict": "return {'model': 1}",
    "an optimizer": "return keras.optimizers.Adam()",
    "nothing built": "return keras.Sequential([layers.Flatten(), layers.Dense(classes, 'softmax')])",
    "an empty stack": "return keras.Sequential()",
    "subclassed, not built": "return Subclassed(classes)",
    "subclassed, built": "m = Subclassed(classes); m(np.zeros((1, *image_shape), 'float32')); return m",
    "two inputs": "other = keras.Input((3,)); return keras.Model([images, other], end(layers.Concatenate()([flat, other])))",
    "two outputs": "return keras.Model(images, [end(flat), layers.Dense(2)(flat)])",
    "a dict of outputs": "return keras.Model(images, {'a': end(flat), 'b': layers.Dense(2)(flat)})",
    "no softmax": "return keras.Model(images, layers.Dense(classes)(flat))",
    "sigmoid": "return keras.Model(images, layers.Dense(classes, activation='sigmoid')(flat))",
    "one output of sigmoid": "return keras.Model(images, layers.Dense(1, activation='sigmoid')(flat))",
    "too few classes": "return keras.Model(images, layers.Dense(classes - 1, activation='softmax')(flat))",
    "too many classes": "return keras.Model(images, layers.Dense(classes + 1, activation='softmax')(flat))",
    "a map of classes": "return keras.Model(images, layers.Conv2D(classes, 1, activation='softmax')(images))",
    "NaN": "return keras.Model(images, end(layers.Rescaling(float('nan'))(flat)))",
    "a layer of its own": "return keras.Model(images, end(Mine()(flat)))",
    "a Lambda": "return keras.Model(images, end(layers.Lambda(lambda x: x * 2)(flat)))",
    "a Lambda in a model in it": "return keras.Model(images, end(stack(flat.shape[1:], layers.Lambda(lambda x: x))(flat)))",
    "other images": "other = keras.Input((5, 5, 3)); return keras.Model(other, end(layers.Flatten()(other)))",
    "vectors": "other = keras.Input((7,)); return keras.Model(other, end(other))",
    "a fixed batch": "other = keras.Input(batch_shape=(5, *image_shape)); return keras.Model(other, end(layers.Flatten()(other)))",
    "an input of whole numbers": "other = keras.Input((4,), dtype='int32'); return keras.Model(other, end(layers.Flatten()(layers.Embedding(9, 4)(other))))",
    "a raised error": "raise RuntimeError('no data')",
    "exit": "raise SystemExit(0)",
    "an interruption": "raise KeyboardInterrupt",
    "an endless recursion": "return build(values, image_shape, classes)",
    "no memory": "return keras.Model(images, end(layers.Dense(10**9)(layers.Dense(10**6)(flat))))",
    "a generator": "yield keras.Model(images, end(flat))",
    "Torch's order of axes": "return keras.Model(images, end(layers.Flatten()(layers.Permute((3, 2, 1))(layers.Conv2D(4, 99)(images)))))",
}
"""By what is returned; each is refused with an error that names the function."""
TRAINED = {
    "a plain one": "return keras.Model(images, end(flat))",
    "a stack": "return stack(image_shape, layers.Flatten(), end)",
    "compiled with a loss": "m = keras.Model(images, end(flat)); m.compile('sgd', 'mse', metrics=['mae']); return m",
    "no weights": "return keras.Model(images, layers.Softmax()(layers.Flatten()(layers.AveragePooling2D(8)(layers.Concatenate()([images] * classes)))))",
    "frozen": "m = keras.Model(images, end(flat)); m.trainable = False; return m",
    "shared layers": "d = layers.Dense(8); return keras.Model(images, end(layers.Add()([d(flat), d(layers.Rescaling(2.0)(flat))])))",
    "float16": "keras.config.set_dtype_policy('float16'); i = keras.Input(image_shape); m = keras.Model(i, layers.Dense(classes, activation='softmax')(layers.Flatten()(i))); return m",
    "float64": "keras.config.set_dtype_policy('float64'); i = keras.Input(image_shape); m = keras.Model(i, layers.Dense(classes, activation='softmax')(layers.Flatten()(i))); return m",
    "softmax in float16": "return keras.Model(images, layers.Dense(classes, activation='softmax', dtype='mixed_float16')(flat))",
    "quantised": "m = keras.Model(images, end(flat)); m.quantize('int8'); return m",
    "recurrent": "return keras.Model(images, end(layers.LSTM(4)(layers.Reshape((image_shape[0], -1))(images))))",
    "bidirectional": "return keras.Model(images, end(layers.Bidirectional(layers.GRU(3))(layers.Reshape((image_shape[0], -1))(images))))",
    "of any size": "i = keras.Input((None, None, image_shape[2])); return keras.Model(i, end(layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(i))))",
    "the name of a layer of ours": "i = keras.Input(image_shape, name='pixels'); return keras.Model(i, end(layers.Flatten(name='network')(i)), name='custom')",
    "a model in a model": "return keras.Model(images, stack(flat.shape[1:], layers.Dense(8), layers.Dense(classes, activation='softmax'))(flat))",
    "a dict of one input": "i = keras.Input(image_shape, name='x'); return keras.Model({'x': i}, end(layers.Flatten()(i)))",
    "a list of one output": "return keras.Model([images], [end(flat)])",
    "batch normalisation": "return keras.Model(images, end(layers.BatchNormalization()(flat)))",
    "random layers": "return keras.Model(images, end(layers.Flatten()(layers.RandomFlip()(layers.GaussianNoise(0.1)(images)))))",
    "losses of its own": "return keras.Model(images, end(layers.ActivityRegularization(0.1)(flat)))",
    "metric layer": "return keras.Model(images, end(layers.SpectralNormalization(layers.Dense(4))(flat)))",
    "another output for each call": "return keras.Model(images, layers.Softmax()(layers.Dense(classes)(flat)))",
}
"""By what is returned; each trains an epoch, or is refused with such an error."""


def module(body: str) -> str:
    """The text of a module whose function has this body."""
    return START + "".join(f"    {line.strip()}\n" for line in body.split("; "))
