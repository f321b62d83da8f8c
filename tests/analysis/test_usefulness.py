"""What blocks are worth, and the search, against plain evaluation by Keras."""

import functools

import keras
import ml_dtypes
import numpy as np
import pytest

import keras_senet
from keras_senet.analysis import cost, excitations, search, usefulness
from keras_senet.analysis.removal.frozen_gates import remove_se
from keras_senet.analysis.removal.measurements import evaluate, score
from keras_senet.surgery.made_by import holds_probabilities

RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(0, 255, (20, 32, 32, 3)).astype("float32")
LABELS = RNG.integers(0, 10, 20)
DATA = (IMAGES, LABELS)


def network(activation="softmax"):
    """Three blocks, the middle one without any effect on images."""
    value = keras_senet.SEResNet20.replace(depths=(1, 1, 1), se=keras_senet.SEConfig(reduction=4))
    model = value(classifier_activation=activation)
    for layer in model.layers:
        if isinstance(layer, keras_senet.layers.SqueezeExcitation):
            factor = 0 if layer.name == "stage3_block1_se" else 5
            layer.expand.kernel.assign(factor * RNG.normal(0, 1, layer.expand.kernel.shape))
            layer.reduce.bias.assign(np.ones(layer.reduce.bias.shape))
    return model


def keras_loss(model):
    outputs = model.predict_on_batch(IMAGES)
    return float(np.mean(keras.losses.sparse_categorical_crossentropy(LABELS, outputs)))


@pytest.mark.parametrize("activation", ["softmax", None])
def test_loss_and_accuracy_are_those_of_keras(activation):
    model = network(activation)
    outputs = np.asarray(model.predict_on_batch(IMAGES))
    loss, accuracy = evaluate(model, DATA, batch_size=8)
    expected = keras.losses.sparse_categorical_crossentropy(
        LABELS, outputs, from_logits=activation is None
    )
    assert loss == pytest.approx(float(np.mean(keras.ops.convert_to_numpy(expected))), rel=1e-5)
    assert accuracy == np.mean(outputs.argmax(axis=1) == LABELS)


@pytest.mark.slow
def test_changes_are_those_of_the_network_without_the_block():
    model = network()
    found = excitations(model, DATA)
    ranked = usefulness(model, DATA, found, batch_size=8).blocks
    assert {use.block for use in ranked} == {block.name for block in found.blocks}
    before = keras_loss(model)
    for use in ranked:
        removed = remove_se(model, [use.block], found)
        assert use.loss_change == pytest.approx(keras_loss(removed) - before, abs=1e-5)
        assert use.parameters == cost(model).parameters - cost(removed).parameters
        assert use.macs == cost(model).macs - cost(removed).macs
    by_name = {use.block: use for use in ranked}
    assert by_name["stage3_block1_se"].loss_change == pytest.approx(0, abs=1e-6)
    assert max(abs(use.loss_change) for use in ranked) > 1e-3
    worth = [use.loss_change / use.parameters for use in ranked]
    assert worth == sorted(worth)


@pytest.mark.slow
def test_search_keeps_what_costs_too_much(tmp_path):
    model = network()
    # Labels that the network gets right: each change of an answer costs 5 points.
    data = (IMAGES, np.asarray(model.predict_on_batch(IMAGES)).argmax(axis=1))
    found = search(model, data, max_accuracy_drop=0, latencies=False)
    assert found.steps[0].accuracy == 1 and found.steps[0].removed == ()
    assert len(found.steps) == 4
    assert all(step.accepted == (step.accuracy == 1) for step in found.steps)
    assert evaluate(found.model, data)[1] == 1
    last = [step for step in found.steps if step.accepted][-1]
    assert "stage3_block1_se" in last.removed
    assert cost(found.model).parameters == last.parameters < found.steps[0].parameters
    assert found.pareto
    for step in found.pareto:
        assert not any(
            o.accuracy >= step.accuracy and o.parameters < step.parameters for o in found.steps
        )
    found.to_csv(tmp_path / "search.csv")
    found.plot(tmp_path / "search.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["search.csv", "search.png"]
    assert "stage3_block1_se" in str(found)


@pytest.mark.slow
def test_latencies_are_of_the_network_in_turns_with_the_whole_one():
    if keras.backend.backend() != "tensorflow":
        pytest.skip("export is TensorFlow's")
    pytest.importorskip("ai_edge_litert")
    from keras_senet.analysis.removal.latency import Latency

    model = network()
    data = (IMAGES, np.asarray(model.predict_on_batch(IMAGES)).argmax(axis=1))
    found = search(model, data, max_accuracy_drop=0, latencies=True)
    assert all((step.latency_ms is not None) == step.accepted for step in found.steps)
    assert all(step.latency_ms > 0 for step in found.steps if step.accepted)
    latency = Latency(found.model, 32)
    expected = found.model.predict_on_batch(IMAGES[:3])
    np.testing.assert_allclose(latency.first(IMAGES[:3]), expected, atol=1e-5)


def test_refusals():
    with pytest.raises(ValueError, match="Accuracy needs labels"):
        evaluate(network(), IMAGES)
    features = keras_senet.SEResNet20.replace(depths=(1, 1, 1))(include_top=False)
    with pytest.raises(
        ValueError, match=r"scores \(N, classes\).*outputs \(None, None, None, 64\)"
    ):
        usefulness(features, DATA)
    with pytest.raises(ValueError, match="at least 0 percentage points"):
        search(network(), DATA, max_accuracy_drop=-1)


def test_a_softmax_in_half_precision_is_no_logits():
    rng, labels = np.random.default_rng(0), np.arange(64) % 10
    logits = rng.normal(0, 3, (64, 10))
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    half = shares.astype(ml_dtypes.bfloat16)
    assert abs(half.astype("float64").sum(axis=1) - 1).max() > 1e-3
    losses, _ = score(half, labels)
    expected = -np.log(shares[np.arange(64), labels])
    np.testing.assert_allclose(losses, expected, atol=0.01)


@pytest.mark.parametrize("activation", ["softmax", "sigmoid", None])
def test_the_last_activation_says_what_outputs_are(activation):
    keras.utils.set_random_seed(0)
    x = keras.Input((4,))
    model = keras.Model(x, keras.layers.Dense(3, activation=activation, dtype="float64")(x))
    # Rows near (1/2, 1/4, 1/4): probabilities by their sums, whatever the model says.
    model.layers[-1].set_weights([np.zeros((4, 3)), np.array([0.5, 0.25, 0.25])])
    if activation == "sigmoid":
        model.layers[-1].set_weights([np.zeros((4, 3)), np.array([0.0, -3.0, -3.0])])
    images, labels = np.zeros((6, 4)), np.array([0, 1, 2, 0, 1, 1])
    loss = keras.losses.CategoricalCrossentropy(from_logits=activation is None)
    outputs = model.predict_on_batch(images)
    losses, _ = score(outputs, labels, holds_probabilities(model.outputs[0]))
    expected = float(loss(keras.ops.one_hot(labels, 3), outputs))
    assert losses.mean() == pytest.approx(expected, rel=1e-6)


def test_outputs_of_unknown_layers_are_probabilities_if_they_sum_to_one():
    x = keras.Input((3,))
    model = keras.Model(x, keras.ops.exp(x))
    assert holds_probabilities(model.outputs[0]) is None
    shares = np.array([[0.5, 0.25, 0.25], [0.1, 0.1, 0.8]])
    losses, right = score(shares, np.array([0, 2]), None)
    np.testing.assert_allclose(losses, -np.log([0.5, 0.8]))
    assert right.all()


def test_what_follows_the_activation_unchanged_does_not_hide_it():
    x = keras.Input((32, 32, 3))
    network = keras_senet.SEResNet20.replace(depths=(1, 1, 1))()
    y = keras.layers.Activation("linear", dtype="float32")(keras.layers.Dropout(0.1)(network(x)))
    assert holds_probabilities(keras.Model(x, y).outputs[0])


def test_outputs_that_are_no_numbers_are_right_for_no_class():
    with pytest.raises(ValueError, match="finite outputs"):
        score(np.full((2, 3), np.nan), np.zeros(2, int))


@pytest.mark.parametrize("judge", [usefulness, search])
def test_data_that_are_there_once_are_refused(judge):
    with pytest.raises(ValueError, match=r"several times.*Received: a generator"):
        judge(network(), (DATA for _ in range(2)))


class Batches(keras.utils.PyDataset):
    """Batches of 4 images in an order that changes with each pass; `count` of 5, or without end."""

    def __init__(self, count):
        super().__init__()
        self.count = count
        self.order = np.arange(len(IMAGES))

    @property
    def num_batches(self):
        return self.count

    def __getitem__(self, index):
        if index == 0:
            self.order = np.roll(self.order, 4)
        chosen = self.order[4 * index : 4 * index + 4]
        return IMAGES[chosen], LABELS[chosen]


def test_accuracies_of_the_same_images_alone_are_compared():
    """`tf.data` that shuffles before `take` delivers others in each pass."""
    assert len(search(network(), Batches(5), 100, latencies=False).steps) == 4
    with pytest.raises(ValueError, match="deliver other images each time"):
        search(network(), Batches(3), 100, latencies=False)


@pytest.mark.parametrize(
    "judge", [excitations, usefulness, functools.partial(search, latencies=False)]
)
def test_batches_without_end_are_refused(judge):
    with pytest.raises(ValueError, match="images that have an end"):
        judge(network(), Batches(None))


class Reversed(keras.Model):
    """A model that computes something else than its graph."""

    def call(self, x, training=None):
        return 1 - super().call(x, training=training)


def test_a_model_with_a_call_of_its_own_is_refused(tmp_path):
    """Its graph has other outputs and gates than it has itself, and so has a model around it."""
    plain = network()
    other = Reversed(plain.inputs, plain.outputs)
    logger = keras_senet.analysis.GateLogger(tmp_path, DATA)
    logger.set_model(other)
    for door in (
        lambda: excitations(other, DATA),
        lambda: usefulness(other, DATA),
        lambda: search(other, DATA, latencies=False),
        lambda: cost(other),
        lambda: cost(keras.Model(plain.inputs, other(plain.inputs))),
        logger.on_train_begin,
    ):
        with pytest.raises(TypeError, match=r"`call` of its own \(Reversed\).*Wrap it"):
            door()
    kept = type("Kept", (keras.Model,), {})(plain.inputs, plain.outputs)
    assert cost(kept).macs == cost(plain).macs


def test_a_model_of_several_inputs_is_refused():
    plain, number = network(), keras.Input((3,))
    scores = keras.layers.Dense(10)(number) + plain.outputs[0]
    model = keras.Model([plain.inputs[0], number], scores, name="two")
    for analysis in (excitations, usefulness, search):
        with pytest.raises(ValueError, match=r"one input.*'two' with inputs .*\(None, 3\)"):
            analysis(model, DATA)


def test_latencies_need_tensorflow(monkeypatch):
    model = network()
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(ValueError, match=r"'jax'\. Pass latencies=False"):
        search(model, DATA)
    with pytest.raises(ValueError, match=r"'jax'\. Pass measure_latency=False"):
        usefulness(model, DATA, measure_latency=True)


def test_blocks_of_inner_models_are_named(caplog):
    image = keras.Input((8, 8, 3))
    block = keras_senet.layers.SqueezeExcitation
    inner = keras.Model(image, block(reduction=1, name="inside")(image), name="inner")
    x = block(reduction=1, name="outside")(inner(image))
    model = keras.Model(image, keras.layers.GlobalAveragePooling2D()(x))
    found = excitations(model, np.ones((2, 8, 8, 3), "float32"))
    assert [one.name for one in found.blocks] == ["outside"]
    assert "inner/inside. Pass the inner model" in caplog.text
