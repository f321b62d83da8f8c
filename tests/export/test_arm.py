"""The parts of benchmarks/arm that need no Arm machine."""

import numpy as np
import pytest
from arm.dissection import dissected, exposed
from arm.machine import executed

import keras_senet
from keras_senet import export
from keras_senet.export.tflite.litert import LiteRT, program_of


def node(index, name, inputs, outputs):
    return {"index": index, "op_name": name, "inputs": inputs, "outputs": outputs}


def test_pieces_of_another_machine():
    """Two pieces around a softmax: the delegates replace what they have taken."""
    nodes = [
        node(0, "CONV_2D", [0, 9], [1]),
        node(1, "SOFTMAX", [1], [2]),
        node(2, "CONV_2D", [2, 8], [3]),
        node(3, "DELEGATE", [0, 9], [1]),
        node(4, "DELEGATE", [2, 8], [3]),
    ]
    split = program_of(nodes, [3])
    assert (split.partitions, split.undelegated) == (2, ("SOFTMAX",))
    assert split.operators == {"CONV_2D": 2, "SOFTMAX": 1}
    whole = program_of([*nodes[:3], node(3, "DELEGATE", [0, 8, 9], [3])], [3])
    assert (whole.partitions, whole.undelegated) == (1, ())


def test_writing_a_count_is_not_counted():
    assert executed(["1000", "1507", "1514", "2022"]) == [500, 501]


@pytest.fixture(scope="module")
def int8_file(tmp_path_factory):
    network = keras_senet.SEResNet18.replace(depths=(1, 1, 1, 1))
    model = network(input_shape=(64, 64, 3), classes=4)
    images = np.random.default_rng(0).integers(0, 256, (12, 64, 64, 3)).astype("float32")
    folder = tmp_path_factory.mktemp("arm")
    path = export.to_tflite(
        model, folder / "m.tflite", quantization="int8", calibration_images=images
    )
    return path.read_bytes(), images[:2]


def results(network, images):
    """What all operators compute here, by tensor."""
    file, tensors = exposed(network)
    runner = LiteRT(file)
    rows = []
    for image in images:
        runner.set(image)
        runner.invoke()
        details = runner.interpreter.get_output_details()
        rows.append([runner.interpreter.get_tensor(one["index"])[0] for one in details])
    return dict(zip(tensors, map(np.stack, zip(*rows, strict=True)), strict=True))


@pytest.mark.slow
def test_operators_alone_compute_what_they_do_together(int8_file):
    network, images = int8_file
    received = results(network, images)
    whole = LiteRT(network)(images)
    np.testing.assert_array_equal(list(received.values())[-1], whole)
    rows = list(dissected(network, images, received))
    assert [row for row in rows if row["differ"]] == []
    assert {"CONV_2D", "MUL", "LOGISTIC", "MEAN"} <= {row["kind"] for row in rows}
    assert sum(row["values"] for row in rows) == sum(value.size for value in received.values())


@pytest.mark.slow
def test_a_difference_is_found_where_it_arises(int8_file):
    network, images = int8_file
    received = results(network, images)
    last = list(received)[-1]
    received[last] = received[last].copy()
    received[last][1, 2] += 0.25
    *others, found = dissected(network, images, received)
    assert [row for row in others if row["differ"]] == []
    assert (found["differ"], found["largest"]) == (1, pytest.approx(0.25, rel=1e-5))
