"""Trains a small SE network on two logical CPU devices and on one; prints what came of it.

A process of its own, since TensorFlow's devices are fixed once it has run.
"""

import json

import keras
import numpy as np
import tensorflow as tf

import keras_senet
from keras_senet.training import SGD

STEPS = 6


def train(strategy, images, labels):
    """Losses, and the values of every moving statistic, one of each replica."""
    keras.utils.set_random_seed(0)
    with strategy.scope():
        network = keras_senet.SEResNeXt50.replace(depths=(1, 1, 1, 1))
        model = network(input_shape=(32, 32, 3), classes=10)
        model.compile(SGD(1e-3, momentum=0.9), "sparse_categorical_crossentropy")
    batches = tf.data.Dataset.from_tensor_slices((images, labels)).batch(len(images)).repeat()
    losses = model.fit(batches, epochs=STEPS, steps_per_epoch=1, verbose=0).history["loss"]
    statistics = [
        [np.asarray(value) for value in strategy.experimental_local_results(variable.value)]
        for variable in model.non_trainable_variables
    ]
    return losses, statistics


def largest_difference(pairs):
    """Largest relative difference between the two arrays of a pair."""
    return max(float(np.max(np.abs(a - b) / (np.abs(b).max() + 1e-9))) for a, b in pairs)


def main():
    """Prints a JSON object of losses and differences."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 255, (16, 32, 32, 3)).astype("float32")
    labels = rng.integers(0, 10, 16)
    one = tf.distribute.OneDeviceStrategy("/cpu:0")
    two = tf.distribute.MirroredStrategy(["/cpu:0", "/cpu:1"])
    # Twice the same half: each replica normalizes with the statistics that the one device sees.
    alone, of_one = train(one, images[:8], labels[:8])
    twice, of_two = train(two, np.tile(images[:8], (2, 1, 1, 1)), np.tile(labels[:8], 2))
    _, of_halves = train(two, images, labels)
    print(
        json.dumps(
            {
                "losses": [alone, twice],
                "one_to_two": largest_difference(
                    (a[0], b[0]) for a, b in zip(of_one, of_two, strict=True)
                ),
                "between_replicas": largest_difference(of_halves),
                "replicas": {len(values) for values in of_halves} == {2},
            }
        )
    )


if __name__ == "__main__":
    main()
