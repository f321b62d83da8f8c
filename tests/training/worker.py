"""A small training run in a process of its own: `worker.py WORKDIR OPTIONS`, options in JSON.

The network has dropout and the recipe averages weights, so that a resumed run needs all its state.
"""

import json
import sys


def main(workdir, options):
    """Trains SE-ResNet-8 on digits of 16 pixels."""
    import keras_senet
    from keras_senet import training

    training.make_deterministic()
    if len(options.get("devices", ())) > 1:
        _split_the_cpu(len(options["devices"]))
    if "coordinator" in options:
        training.initialize(options["coordinator"], options["num_processes"], options["process_id"])
    recipe = training.DIGITS.replace(
        **{"batch_size": 128, "ema": 0.9, "dropout": 0.2, **options["recipe"]}
    )
    result = training.train(
        keras_senet.SEResNet20.replace(depths=(1, 1, 1)),
        keras_senet.data.load("digits", image_size=16),
        recipe,
        workdir,
        weights=options.get("weights"),
        saving=training.Saving(steps=options.get("checkpoint_steps")),
        devices=options.get("devices"),
    )
    print(json.dumps({"accuracy": result.accuracy}))


def _split_the_cpu(count):
    import tensorflow as tf

    cpu = tf.config.list_physical_devices("CPU")[0]
    configuration = [tf.config.LogicalDeviceConfiguration()] * count
    tf.config.set_logical_device_configuration(cpu, configuration)


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
