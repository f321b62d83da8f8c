"""Trains a small model on two logical CPUs and on one; prints by how much their weights differ.

A process of its own, since TensorFlow's devices are fixed once it has run.
"""

import json

import keras
import numpy as np
import tensorflow as tf

from keras_senet import training

STEPS = 6
OPTIONS = {
    "plain": {},
    "clipped": {"global_clipnorm": 0.5},
    "accumulated": {"gradient_accumulation_steps": 2},
    "both": {"global_clipnorm": 0.5, "gradient_accumulation_steps": 3},
}


def train(strategy, optimizer):
    """Weights after some steps, and the optimizer's variables of the first replica."""
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    # One half of each batch is large: clipped apart, the halves' gradients have another sum.
    scale = np.repeat([1.0, 9.0], 4)[:, None]
    x = np.concatenate([rng.normal(size=(8, 5)) * scale for _ in range(STEPS)])
    y = rng.normal(size=(8 * STEPS, 3))
    with strategy.scope():
        model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(3)])
        model.compile(optimizer(), "mse")
    batches = tf.data.Dataset.from_tensor_slices((x, y)).batch(8)
    model.fit(batches, verbose=0)
    return [np.asarray(v) for v in (*model.get_weights(), *model.optimizer.variables)]


def main():
    """Prints a JSON object: optimizer and options to the largest relative difference."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    keras.config.set_floatx("float64")
    one = tf.distribute.OneDeviceStrategy("/cpu:0")
    found = {}
    for name, options in OPTIONS.items():
        for make in (training.SGD, training.Lamb):
            momentum = {"momentum": 0.9} if make is training.SGD else {}

            def optimizer(make=make, options=options, momentum=momentum):
                return make(0.1, **momentum, **options)

            two = tf.distribute.MirroredStrategy(["/cpu:0", "/cpu:1"])
            pairs = zip(train(two, optimizer), train(one, optimizer), strict=True)
            found[f"{make.__name__} {name}"] = max(
                float(np.abs(a - b).max() / (np.abs(b).max() + 1e-12)) for a, b in pairs
            )
    print(json.dumps(found))


if __name__ == "__main__":
    main()
