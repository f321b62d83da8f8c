"""What an export takes, beside an earlier state of the package.

    python benchmarks/export_time.py --before=COMMIT

Each export is a process of its own, one after the other: a network with random weights, written to
a file of the format and verified. Prints seconds and the most memory that the process held, and
writes a JSON file. See README.md beside this.
"""

import json
import multiprocessing
import pathlib
import tempfile
import time

import contenders
import states
from absl import app, flags
from contenders import FOLDER

NETWORKS = flags.DEFINE_list("networks", ["SEResNet50", "SENet154"], "Of keras_senet.")
FORMAT = flags.DEFINE_string("format", "int8", "What `to_tflite` takes as `quantization`.")
IMAGES = flags.DEFINE_integer("images", 32, "Images to calibrate with.", lower_bound=1)
SIZE = flags.DEFINE_integer("size", 224, "Height and width of an image.")
BEFORE = flags.DEFINE_string("before", None, "A commit, or what names one, to compare with.")
OUTPUT = flags.DEFINE_string("output", None, "JSON file. Default: results/export_time.json.")
ONLY = flags.DEFINE_bool("only", False, "Export one network and print JSON: for a process.")

STATISTICS_IMAGES = 4  # Enough for normalizations that keep random activations in their range.


def write_weights(network, images, path):
    """Writes random weights and the statistics of the images to a `.weights.h5` file."""
    from untrained import calibrated

    import keras_senet

    calibrated(getattr(keras_senet, network), images, classes=1000).save_weights(path)


def exported():
    """One export in this process: its seconds, and the most memory so far."""
    import keras
    import tensorflow as tf
    from untrained import crops

    import keras_senet
    from keras_senet import export

    (name,) = NETWORKS.value
    images = crops(IMAGES.value, SIZE.value, seed=0)
    model = getattr(keras_senet, name)(input_shape=images.shape[1:], classes=1000)
    with tempfile.TemporaryDirectory() as folder:
        weights, path = (pathlib.Path(folder) / name for name in ("a.weights.h5", "a.tflite"))
        # Keras keeps all activations of a call, which takes more memory than the export: the
        # process that takes it is another one.
        arguments = (name, images[:STATISTICS_IMAGES], weights)
        writer = multiprocessing.get_context("spawn").Process(target=write_weights, args=arguments)
        writer.start()
        writer.join()
        model.load_weights(weights)
        before = contenders.peak_bytes()
        processor, clock = time.process_time(), time.perf_counter()
        export.to_tflite(model, path, quantization=FORMAT.value, calibration_images=images)
        return {
            "wall_s": time.perf_counter() - clock,
            "processor_s": time.process_time() - processor,
            "peak_bytes_before": before,
            "peak_bytes": contenders.peak_bytes(),
            "file_bytes": path.stat().st_size,
            "package": keras_senet.__file__,
            "versions": {"keras": keras.__version__, "tensorflow": tf.__version__},
        }


def main(_):
    """Measures every network in the earlier state, if any, and in this one."""
    if ONLY.value:
        print(json.dumps(exported()), flush=True)
        return
    path = pathlib.Path(OUTPUT.value or FOLDER / "results/export_time.json")
    arguments = {"format": FORMAT.value, "images": IMAGES.value, "size": SIZE.value}
    results = []

    def measure(state, network, package):
        row = states.measured(__file__, package, f"--networks={network}")
        results.append({"network": network, **state, **row})
        contenders.write(path, {"arguments": arguments, "results": results})
        print(
            f"{network} {state['state']}: {row['wall_s']:.1f} s, {row['processor_s']:.1f} s of the "
            f"processor, {row['peak_bytes'] / 2**30:.2f} GiB at most",
            flush=True,
        )

    for network in NETWORKS.value:
        if BEFORE.value:
            with states.package_of(BEFORE.value) as (commit, package):
                measure({"state": "before", "commit": commit}, network, package)
        measure({"state": "now"}, network, states.ROOT)


if __name__ == "__main__":
    app.run(main)
