"""Gate statistics against numpy on stored gates."""

import keras
import numpy as np
import pytest
from small import shallow

import keras_senet
from keras_senet import SEConfig
from keras_senet.analysis import Excitations, excitations, usefulness
from keras_senet.analysis.gates.collector import Moments
from keras_senet.analysis.gates.excitation import gates_model
from keras_senet.analysis.gates.statistics import BINS

RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(0, 255, (22, 32, 32, 3)).astype("float32")
LABELS = RNG.integers(0, 3, 22)


def network(**design):
    value = keras_senet.SEResNet20.replace(depths=(1, 1, 1), se=SEConfig(reduction=4, **design))
    model = value(classes=4)
    for layer in model.layers:
        if isinstance(layer, keras_senet.layers.SqueezeExcitation):
            # Gates all over their range.
            kernel = layer.expand.kernel
            layer.expand.kernel.assign(RNG.normal(0, 3, kernel.shape))
            layer.reduce.bias.assign(np.ones(layer.reduce.bias.shape))
    return model


def gates_by_hand(model, name):
    """The gates of a block from its input, by the paper's equations 2 and 3: `(N, C)`."""
    layer = model.get_layer(name)
    read = keras.Model(model.inputs, layer.input)
    x = np.asarray(read.predict_on_batch(IMAGES), "float64")
    kernels = [keras.ops.convert_to_numpy(w) for w in layer.weights]
    reduce, bias1, expand, bias2 = (kernel.squeeze() for kernel in kernels)
    z = x.mean(axis=(1, 2)) if layer.squeeze == "avg" else x
    y = np.maximum(z @ reduce + bias1, 0) @ expand + bias2
    gates = {"sigmoid": 1 / (1 + np.exp(-y)), "tanh": np.tanh(y), "relu": np.maximum(y, 0)}
    gates = gates[layer.gate]
    return gates if layer.squeeze == "avg" else gates.mean(axis=(1, 2))


@pytest.mark.at_first("design0")
@pytest.mark.parametrize("design", [{}, {"gate": "tanh", "squeeze": "none"}, {"gate": "relu"}])
def test_statistics_are_those_of_numpy(design):
    model = network(**design)
    # Batches of 8, 8 and 6.
    found = excitations(model, (IMAGES, LABELS), batch_size=8)
    assert found.classes == ("0", "1", "2", "3")
    assert [block.stage for block in found.blocks] == ["stage2", "stage3", "stage4"]
    stored = gates_model(model).predict(IMAGES, batch_size=8, verbose=0)
    for block in found.blocks:
        gates = stored[block.name].astype("float64")
        largest = max(1, np.abs(gates).max())
        by_hand = gates_by_hand(model, block.name)
        np.testing.assert_allclose(gates, by_hand, rtol=1e-4, atol=2e-5 * largest)
        close = {"rtol": 1e-6, "atol": 1e-6 * (largest if block.gate == "relu" else 1)}
        np.testing.assert_allclose(block.mean, gates.mean(axis=0), **close)
        np.testing.assert_allclose(block.variance, gates.var(axis=0), **close)
        np.testing.assert_allclose(block.minimum, gates.min(axis=0), **close)
        np.testing.assert_allclose(block.maximum, gates.max(axis=0), **close)
        for label in range(3):
            of_class = gates[label == LABELS]
            np.testing.assert_allclose(block.class_means[label], of_class.mean(axis=0), **close)
            np.testing.assert_allclose(block.class_variances[label], of_class.var(axis=0), **close)
        assert np.isnan(block.class_means[3]).all() and block.counts[3] == 0
        assert (block.histogram.sum(axis=1) == len(IMAGES)).all()
        # The decomposition of variance.
        np.testing.assert_allclose(
            block.divergence**2 + block.spread**2, block.variance.mean(), rtol=1e-5
        )
        if block.gate != "relu":
            width = (2 if block.gate == "tanh" else 1) / BINS
            median = np.quantile(gates, 0.5, axis=0, method="inverted_cdf")
            assert np.abs(block.quantile(0.5) - median).max() <= width


def test_saturated_and_constant_gates_by_hand():
    model = network()
    layer = model.get_layer("stage2_block1_se")
    layer.expand.kernel.assign(np.zeros(layer.expand.kernel.shape))
    bias = np.zeros(16)
    bias[:4], bias[4:12] = -10, 10
    layer.expand.bias.assign(bias)
    block = excitations(model, IMAGES)["stage2_block1_se"]
    assert block.saturated == (0.25, 0.5)
    assert block.constant().all()
    assert (block.divergence, block.spread) == (0, 0)


@pytest.mark.slow
def test_watching_does_not_change_the_model_or_its_files(tmp_path):
    model = network()
    before = model.predict_on_batch(IMAGES), model.get_config()
    first = excitations(model, (IMAGES, LABELS))
    np.testing.assert_array_equal(model.predict_on_batch(IMAGES), before[0])
    assert model.get_config() == before[1]
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    second = excitations(loaded, (IMAGES, LABELS))
    for one, other in zip(first.blocks, second.blocks, strict=True):
        np.testing.assert_allclose(one.class_means, other.class_means, rtol=1e-6)


def test_added_blocks_and_sequential_models():
    image = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(8, 3, padding="same", activation="relu")(image)
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(8, 3, activation="relu")(x))
    model = keras_senet.add_se(keras.Model(image, keras.layers.Dense(2)(x)), start="identity")
    found = excitations(model, IMAGES[:, :16, :16])
    assert len(found.blocks) == 2 and found.classes == ("all",)
    for block in found.blocks:
        np.testing.assert_array_equal(block.mean, np.ones(8))
        assert block.stage == "-" and block.gamma is None
    stack = [keras.Input((16, 16, 3)), keras_senet.layers.SqueezeExcitation(1, name="only")]
    assert excitations(keras.Sequential(stack), IMAGES[:, :16, :16])["only"].channels == 3


def test_files(tmp_path):
    found = excitations(network(), (IMAGES, LABELS), classes=("a", "b", "c", "d"))
    found.save(tmp_path / "found.npz")
    loaded = Excitations.load(tmp_path / "found.npz")
    assert (loaded.classes, loaded.model, loaded.images) == (found.classes, found.model, 22)
    for one, other in zip(found.blocks, loaded.blocks, strict=True):
        assert (one.name, one.gate, one.stage) == (other.name, other.gate, other.stage)
        np.testing.assert_array_equal(one.class_variances, other.class_variances)
        np.testing.assert_array_equal(one.gamma, other.gamma)
    found.to_csv(tmp_path / "found.csv")
    lines = (tmp_path / "found.csv").read_text().splitlines()
    assert len(lines) == 1 + 16 + 32 + 64 and lines[0].endswith("mean of d")
    assert "stage4_block1_se" in str(found)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["found.csv", "found.npz"]
    np.savez(tmp_path / "other.npz", images=IMAGES)
    with pytest.raises(ValueError, match=r"Excitations\.save"):
        Excitations.load(tmp_path / "other.npz")


def test_one_hot_labels_and_iterables_of_batches():
    model = network()
    whole = excitations(model, (IMAGES, LABELS))
    one_hot = np.eye(4)[LABELS]
    halves = [(IMAGES[:11], one_hot[:11]), (IMAGES[11:], one_hot[11:])]
    for one, other in zip(whole.blocks, excitations(model, halves).blocks, strict=True):
        # A gate of 1e-8 is the exponential of -18, whose rounding it multiplies.
        np.testing.assert_allclose(one.class_means, other.class_means, rtol=1e-5, atol=1e-9)


WRONG = {
    "divided by 255": (IMAGES / 255, r"in 0\.\.255, as the model takes them. .* Pass raw pixels"),
    "in -1..1": (IMAGES / 127.5 - 1, r"in 0\.\.255, as the model takes them"),
    "of 16 bits": (IMAGES * 257.0, r"in 0\.\.255, as the model takes them"),
    "NaN": (np.where(IMAGES.max() == IMAGES, np.nan, IMAGES), "must be finite numbers"),
    "infinite": (np.full(IMAGES.shape, np.inf), "must be finite numbers"),
}


@pytest.mark.parametrize("case", WRONG)
def test_images_that_the_model_does_not_take(case):
    """Gates of black images would look as if they did nothing."""
    model, (images, message) = network(), WRONG[case]
    found = excitations(model, (IMAGES, LABELS))
    batches = [(images[i : i + 2], LABELS[i : i + 2]) for i in range(0, len(images), 2)]
    for data in (images, images[:2], (images, LABELS), batches):
        with pytest.raises(ValueError, match=message):
            excitations(model, data)
    for data in ((images, LABELS), batches):
        with pytest.raises(ValueError, match=message):
            usefulness(model, data, found)


def test_images_that_may_be_right():
    """Black ones, and any of a model that does not say what it takes."""
    model, dark = network(), np.zeros((5, *IMAGES.shape[1:]), "float32")
    dark[4] = IMAGES[0]
    assert excitations(model, [dark[:2], dark[2:]]).images == 5
    for few in (dark[:4], (IMAGES[:4] / 255).astype("uint8")):
        with pytest.warns(UserWarning, match="Argument `data` is almost black"):
            assert excitations(model, few).images == 4
    bare = keras_senet.SEResNet20.replace(depths=(1, 1, 1))(include_preprocessing=False)
    assert excitations(bare, IMAGES / 255).images == len(IMAGES)
    with pytest.warns(UserWarning, match="Argument `data` looks like raw pixels"):
        assert excitations(bare, IMAGES).images == len(IMAGES)


@pytest.mark.slow
def test_refusals():
    model = network()
    with pytest.raises(TypeError, match=r"functional keras\.Model"):
        excitations(keras.layers.Dense(1), IMAGES)
    with pytest.raises(ValueError, match="no SqueezeExcitation"):
        excitations(keras_senet.ResNet20.replace(depths=(1, 1, 1))(), IMAGES)
    inner = keras.Sequential([keras.Input((32, 32, 3)), model])
    with pytest.raises(ValueError, match="pass one of them"):
        excitations(inner, IMAGES)
    with pytest.raises(ValueError, match=r"labels in 0\.\.1"):
        excitations(model, (IMAGES, LABELS), classes=("a", "b"))
    with pytest.raises(ValueError, match="at least one image"):
        excitations(model, IMAGES[:0])
    with pytest.raises(ValueError, match="one label for each image"):
        excitations(model, (IMAGES, LABELS[:3]))
    for triple in ((IMAGES, LABELS, LABELS), [(IMAGES, LABELS, LABELS)]):
        with pytest.raises(ValueError, match="sample weights are not taken"):
            excitations(model, triple)
    for size in (0, -1, "16"):
        with pytest.raises(ValueError, match="`batch_size` must be at least 1 image"):
            excitations(model, IMAGES, batch_size=size)
    with pytest.raises(KeyError, match="No SE block 'x'"):
        excitations(model, IMAGES)["x"]
    layer = model.get_layer("stage3_block1_se")
    layer.expand.bias.assign(np.full(32, np.nan))
    with pytest.raises(ValueError, match=r"stage3_block1_se.*not finite"):
        excitations(model, IMAGES)


def test_moments_of_many_small_batches_far_from_zero():
    vectors = RNG.normal(1000, 1, (3000, 2))
    moments = Moments(1, 2)
    for start in range(0, 3000, 7):
        part = vectors[start : start + 7]
        moments.update(part, np.zeros(len(part), int))
    np.testing.assert_allclose(moments.means[0], vectors.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(moments.variances()[0], vectors.var(axis=0), rtol=1e-9)


def test_gates_of_a_half_precision_model_are_float32():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = shallow(keras_senet.SEResNet20)()
    finally:
        keras.config.set_dtype_policy("float32")
    gates = gates_model(model).predict_on_batch(IMAGES)
    assert {str(np.asarray(value).dtype) for value in gates.values()} == {"float32"}
