"""Figures, the report, the command and the callback."""

import base64
import itertools
import re

import keras
import numpy as np
import pytest
from small import shallow

import keras_senet
from keras_senet.analysis import excitations
from keras_senet.analysis.__main__ import main
from keras_senet.analysis.gates import plots
from keras_senet.analysis.gates.report import shown_blocks, write_report

pytest.importorskip("matplotlib")
ON_TENSORFLOW = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow")
RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(0, 255, (12, 32, 32, 3)).astype("float32")
LABELS = np.arange(12) % 3


@pytest.fixture(scope="module")
def found():
    model = shallow(keras_senet.SEResNet20)(classes=3)
    return excitations(model, (IMAGES, LABELS), classes=("ant", "<b>", "cat"))


def test_lines_of_the_figures_are_the_statistics(found):
    axes = plots.class_means(found, "stage4_block1_se", ["cat"]).axes[0]
    block = found["stage4_block1_se"]
    one, everything = axes.get_lines()
    np.testing.assert_array_equal(one.get_ydata(), block.class_means[2, one.get_xdata()])
    np.testing.assert_array_equal(everything.get_ydata(), block.mean[one.get_xdata()])
    assert len(one.get_xdata()) == 50 and one.get_xdata()[-1] == 63
    axes = plots.divergence(found).axes[0]
    np.testing.assert_array_equal(
        axes.get_lines()[0].get_ydata(), [block.divergence for block in found.blocks]
    )
    with pytest.raises(ValueError, match="No class 'dog'"):
        plots.class_spread(found, "stage4_block1_se", ["dog"])


@pytest.mark.slow
def test_report_is_one_file_that_needs_nothing(found, tmp_path):
    page = write_report(found, tmp_path / "report.html").read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    links = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert len(links) > 5 and all(link.startswith("data:") for link in links)
    assert "<script" not in page and "http" not in re.sub(r"base64,[^\"]*", "", page)
    for data in re.findall(r"base64,([^\"]*)", page):
        svg = base64.b64decode(data).decode()
        assert not re.search(r'href="(?!#)', svg), "an image that loads another"
    assert "stage3_block1_se" in page


def test_blocks_shown_are_the_papers():
    class Block:
        def __init__(self, name):
            self.name, self.stage = name, name.split("_")[0]

    def shown(*depths, start=2):
        names = [
            f"stage{stage}_block{index + 1}"
            for stage, depth in enumerate(depths, start)
            for index in range(depth)
        ]
        return shown_blocks(type("Found", (), {"blocks": [Block(name) for name in names]}))

    assert shown(3, 4, 6, 3) == [
        f"stage{block}"
        for block in ("2_block3", "3_block4", "4_block6", "5_block1", "5_block2", "5_block3")
    ]
    assert len(shown(18, 18, 18)) <= 6 and shown(18, 18, 18)[-1] == "stage4_block18"
    assert len(shown(50)) <= 6


@pytest.mark.slow
@ON_TENSORFLOW
@pytest.mark.parametrize("splits", [("",), ("train", "val", "test")], ids=len)
def test_command(splits, tmp_path, capsys):
    model = keras_senet.SEResNet20.replace(depths=(1, 1, 1))()
    model.save(tmp_path / "model.keras")
    for folder, index in itertools.product(splits, range(6)):
        for name in ("a", "b"):
            path = tmp_path / "photos" / folder / name / f"{index}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            keras.utils.save_img(path, RNG.integers(0, 255, (40, 40, 3)))
    output = tmp_path / "out"
    flags = [f"--model={tmp_path}/model.keras", f"--images={tmp_path}/photos", f"--output={output}"]
    main([*flags, "--classes=b", "--format=svg"])
    written = {path.name for path in output.iterdir()}
    assert {"report.html", "excitations.npz", "excitations.csv", "gamma.svg"} <= written
    assert f"{12 * len(splits)} images, 2 classes" in capsys.readouterr().out


@pytest.mark.slow
@ON_TENSORFLOW
def test_callback_writes_what_was_seen(tmp_path):
    import tensorflow as tf

    from keras_senet.analysis.gates.callback import GateLogger

    model = shallow(keras_senet.SEResNet20)(classes=3)
    model.compile("sgd", "sparse_categorical_crossentropy")
    logger = GateLogger(tmp_path, (IMAGES, LABELS), every=2)
    model.fit(IMAGES, LABELS, epochs=4, batch_size=12, verbose=0, callbacks=[logger])
    (file,) = tmp_path.iterdir()
    values = {}
    for event in tf.compat.v1.train.summary_iterator(str(file)):
        for value in event.summary.value:
            values[value.tag, event.step] = tf.make_ndarray(value.tensor)
    assert {step for _, step in values} == {1, 3}
    block = excitations(model, (IMAGES, LABELS))["stage4_block1_se"]
    assert values["gates/stage4_block1_se/mean", 3] == pytest.approx(block.mean.mean(), rel=1e-5)
    with pytest.raises(ValueError, match="at least 1 epoch"):
        GateLogger(tmp_path, IMAGES, every=0)
