"""What the gates of the packaged SE-ResNet-20 do on CIFAR-10, and which it can do without.

    python benchmarks/gates_cifar10.py --data=folder:cifar10 --images=docs/images

The test photographs are halved, every other one of each class: one half chooses the blocks to
remove, the other judges the networks. Writes the figures of the page "What the gates do" and a
JSON file.
"""

import dataclasses
import pathlib

import contenders
from absl import app, flags
from contenders import FOLDER
from subsets import halves

import keras_senet
from keras_senet.analysis import excitations, remove_se, search, usefulness, write_report
from keras_senet.analysis.gates.plots import class_means
from keras_senet.analysis.gates.report import report_figures
from keras_senet.figures import save
from keras_senet.training import evaluate
from keras_senet.weights.records.packaged import PACKAGED_RECORDS

SHOWN = ("airplane", "cat", "dog", "ship")  # classes that are drawn

DATA = flags.DEFINE_string("data", "folder:cifar10", "The photographs: train/ and test/.")
DROP = flags.DEFINE_float("max_accuracy_drop", 0.3, "Of `search`, in percentage points.")
IMAGES = flags.DEFINE_string("images", "docs/images", "Folder for the figures.")
REPORT = flags.DEFINE_string("report", None, "Where to write report.html; default: nowhere.")
OUTPUT = flags.DEFINE_string("output", None, "JSON file. Default: results/gates_cifar10.json.")


def main(_):
    """Collects, measures, draws."""
    record = next(one for one in PACKAGED_RECORDS if one.network.startswith("SE"))
    model = getattr(keras_senet, record.network)(weights=record.name)
    choosing, judging = halves(keras_senet.data.load(DATA.value, image_size=32))
    found = excitations(model, choosing, batch_size=100)
    print(found)
    use = usefulness(model, choosing, found, batch_size=100)
    print(use)
    result = search(model, choosing, DROP.value, found, batch_size=100)
    print(result)
    last = [block.name for block in found.blocks if block.stage == found.blocks[-1].stage]
    smaller = {
        "all blocks": model,
        "without the constant ones": remove_se(model, "constant", found),
        "found by search": result.model,
        "without the last stage": remove_se(model, last, found),
        "without any": remove_se(model, [block.name for block in found.blocks], found),
    }
    judged = {}
    for name, network in smaller.items():
        accuracies = [evaluate(network, half, 100).top1 for half in (choosing, judging)]
        judged[name] = dict(zip(("choosing", "judging"), accuracies, strict=True))
        judged[name]["parameters"] = keras_senet.analysis.cost(network).parameters
        print(f"{name}: {accuracies[0]:.2%} where chosen, {accuracies[1]:.2%} where judged")
    folder = pathlib.Path(IMAGES.value)
    figures = report_figures(found, SHOWN)
    for name, figure in figures["By depth"].items():
        save(figure, folder / f"gates_{name}.png")
    most = max(found.blocks, key=lambda block: block.divergence)
    save(class_means(found, most.name, SHOWN), folder / "gates_means.png")
    result.plot(folder / "gates_search.png")
    if REPORT.value:
        write_report(found, REPORT.value, SHOWN)
    facts = {
        "weights": record.name,
        "gates": found.rows(),
        "max_accuracy_drop": DROP.value,
        "steps": [dataclasses.asdict(step) for step in result.steps],
        "judged": judged,
    }
    contenders.write(pathlib.Path(OUTPUT.value or FOLDER / "results/gates_cifar10.json"), facts)


if __name__ == "__main__":
    app.run(main)
