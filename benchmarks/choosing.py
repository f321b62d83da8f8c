"""What every network with public weights costs on a CPU: python benchmarks/choosing.py.

Exports each network to TFLite in float32 and int8 and times both files next to those of
SE-ResNet-50, in turns, on one thread: latencies are ratios of the same rounds times the median of
the reference. Weights are random, which changes neither the files' sizes nor their latencies.
Small networks come first. Results are written after each network, and networks that have theirs
already are left out: delete rows to measure them again.
"""

import json
import pathlib
import statistics

import keras
from absl import app, flags, logging
from contenders import FOLDER, write
from untrained import calibrated, crops

import keras_senet
from keras_senet import export
from keras_senet.analysis import cost
from keras_senet.analysis.costs.shapes import shapes_of
from keras_senet.weights import RECORDS

FILES = flags.DEFINE_string("files", None, "Folder for the .tflite files.", required=True)
MOST_GMACS = flags.DEFINE_float(
    "most_gmacs", 20.0, "Only the reference may be larger, and be timed."
)
RUNS = flags.DEFINE_integer("runs", 15, "Rounds for each pair of files; 0: exports only.")
OUTPUT = flags.DEFINE_string("output", None, "JSON file. Default: results/choosing.json.")

REFERENCE = ("SEResNet50", 224)
CALIBRATION_IMAGES = 2  # Latency does not depend on the ranges.
# Tensors have the same shapes whatever these are.
OF_THE_BACKBONE = ("padding", "epsilon")


def best_records():
    """The record of the highest published accuracy on ImageNet for each network and size.

    Networks that differ from a public one in a field, as timm's `seresnet152d`, count as their own.
    """
    best = {}
    for record in RECORDS:
        if record.top1 is not None and record.data == "ImageNet":
            key = (name_of(record), record.input_size)
            if key not in best or record.top1 > best[key].top1:
                best[key] = record
    return best


def name_of(record):
    """The network's name in `keras_senet`, or that of the weights where fields differ."""
    if is_plain(record):
        return record.also[0]
    if set(record.fields) <= {*OF_THE_BACKBONE}:
        return record.network
    return record.name.partition("/")[2].partition(".")[0]


def is_plain(record):
    """Whether the accuracy is that of a network without SE."""
    return record.name.startswith("keras/") and record.network.startswith("SE")


def network_of(record):
    """The architecture of a record."""
    network = getattr(keras_senet, record.network).replace(**record.fields)
    return network.replace(se=None) if is_plain(record) else network


def counted(record):
    """Multiply-adds and parameters of one network."""
    size = record.input_size
    found = cost(shapes_of(lambda: network_of(record)(input_shape=(size, size, 3))))
    return {"macs": found.macs, "parameters": found.parameters}


def export_files(record, paths):
    """Writes the files of one network."""
    size = record.input_size
    images = crops(CALIBRATION_IMAGES, min(size, 320), seed=0)
    images = keras.ops.convert_to_numpy(keras.ops.image.resize(images, (size, size)))
    # Deep networks whose normalizations know no image amplify rounding until files are refused.
    model = calibrated(network_of(record), images, classes=1000)
    export.to_tflite(model, paths["float32"])
    export.to_tflite(model, paths["int8"], quantization="int8", calibration_images=images)
    keras.backend.clear_session()


def main(_):
    """Exports what has no files, then times what has no times."""
    output = pathlib.Path(OUTPUT.value or FOLDER / "results/choosing.json")
    rows = json.loads(output.read_text())["rows"] if output.exists() else []
    done = {(row["network"], row["size"]): row for row in rows}
    folder = pathlib.Path(FILES.value)
    folder.mkdir(parents=True, exist_ok=True)

    def paths(name, size):
        return {kind: folder / f"{name}-{size}-{kind}.tflite" for kind in ("float32", "int8")}

    def keep():
        order = sorted(done.values(), key=lambda row: (row["macs"], row["network"]))
        made = {"most_gmacs": MOST_GMACS.value, "threads": 1, "runs": RUNS.value}
        write(output, {"reference": REFERENCE[0], **made, "rows": order})

    records = best_records()
    for key, record in records.items():
        row = done.setdefault(key, {"network": key[0], "size": key[1]})
        row |= {"weights": record.name, "top1": record.top1, "licence": record.licence}
        if "macs" not in row:
            row |= counted(record)
    keep()
    small = [key for key in records if done[key]["macs"] <= MOST_GMACS.value * 1e9]
    for key in [REFERENCE, *sorted(small, key=lambda key: done[key]["macs"])]:
        row = done[key]
        files = paths(*key).values()
        # The reference takes part in every round, also where its times are known.
        untimed = key == REFERENCE or "int8_ratio" not in row
        if "int8_bytes" not in row or (untimed and not all(file.exists() for file in files)):
            export_files(records[key], paths(*key))
            for kind, path in paths(*key).items():
                row[f"{kind}_bytes"] = path.stat().st_size
            logging.info("%s", row)
            keep()
    if RUNS.value:
        measure(done, paths, keep)


def measure(done, paths, keep):
    """Adds latencies to the rows that have files and no latencies."""
    reference = {f"reference {kind}": path for kind, path in paths(*REFERENCE).items()}
    for key, row in done.items():
        if "int8_bytes" not in row or "int8_ratio" in row:
            continue
        timings = export.benchmark({**reference, **paths(*key)}, (1,), RUNS.value)
        row["reference_ms"] = timings[0].median_ms
        for timing in timings:
            if timing.name in ("float32", "int8"):
                quartiles = [timing.p25_ms, timing.p75_ms]
                row[f"{timing.name}_ratio"] = timing.ratio
                row[f"{timing.name}_quartiles"] = [ms / timing.median_ms for ms in quartiles]
        logging.info("%s", row)
        keep()
    timed = [row for row in done.values() if "reference_ms" in row]
    usual = statistics.median(row["reference_ms"] for row in timed)
    for row in timed:
        for kind in ("float32", "int8"):
            row[f"{kind}_ms"] = usual * row[f"{kind}_ratio"]
    keep()


if __name__ == "__main__":
    logging.set_verbosity(logging.INFO)
    app.run(main)
