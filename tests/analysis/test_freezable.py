"""Gates frozen without building a network: what the networks without these blocks compute."""

import dataclasses
import itertools

import keras
import numpy as np
import pytest

import keras_senet
from keras_senet.analysis import Excitations, cost, excitations, search, usefulness
from keras_senet.analysis.removal.freezable import Freezable
from keras_senet.analysis.removal.frozen_gates import remove_se
from keras_senet.analysis.removal.measurements import evaluate
from keras_senet.layers import SqueezeExcitation

RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(0, 255, (20, 32, 32, 3)).astype("float32")
LABELS = RNG.integers(0, 10, 20)
DATA = (IMAGES, LABELS)


@pytest.fixture(autouse=True)
def seeded():
    keras.utils.set_random_seed(0)


def with_strong_gates(model):
    """The model with gates that differ from image to image."""
    rng = np.random.default_rng(1)
    for layer in model.layers:
        if isinstance(layer, SqueezeExcitation):
            layer.expand.kernel.assign(5 * rng.normal(0, 1, layer.expand.kernel.shape))
            layer.reduce.bias.assign(np.ones(layer.reduce.bias.shape))
    return model


def network(depths=(1, 1, 1), **fields):
    value = keras_senet.SEResNet20.replace(
        depths=depths, se=keras_senet.SEConfig(reduction=4, **fields)
    )
    return with_strong_gates(value())


@pytest.mark.slow
@pytest.mark.parametrize("placement", ["standard", "post"])
def test_any_frozen_blocks_are_those_removed(placement):
    model = network(placement=placement)
    found = excitations(model, IMAGES)
    names = [block.name for block in found.blocks]
    freezable = Freezable(model, found)
    choices = [chosen for count in (3, 1, 2, 0) for chosen in itertools.combinations(names, count)]
    scores = freezable.scores(choices, DATA, batch_size=8)
    assert list(scores) == choices
    whole = evaluate(model, DATA)[0]
    for chosen, received in scores.items():
        expected = evaluate(remove_se(model, chosen, found) if chosen else model, DATA)
        assert received == pytest.approx(expected, rel=1e-6)
        assert not chosen or abs(received[0] - whole) > 2e-5


@pytest.mark.slow
def test_every_step_of_a_search_is_the_network_without_its_blocks():
    model = network()
    found = excitations(model, DATA)
    steps = search(model, DATA, 100, found, latencies=False, batch_size=8).steps
    assert [len(step.removed) for step in steps] == [0, 1, 2, 3]
    for step in steps:
        removed = remove_se(model, step.removed, found) if step.removed else model
        loss, accuracy = evaluate(removed, DATA, batch_size=8)
        assert step.loss == pytest.approx(loss, rel=1e-6)
        assert step.accuracy == accuracy
        assert (step.parameters, step.macs) == (cost(removed).parameters, cost(removed).macs)


@pytest.mark.slow
def test_a_refused_block_stays_whatever_was_judged_ahead(monkeypatch):
    model = network(depths=(3, 3, 2))
    found = excitations(model, IMAGES)
    names = [block.name for block in found.blocks]
    # The order of usefulness is that of the names; these two cost accuracy.
    needed = {names[2], names[6]}
    judged = []

    def scores(self, choices, data, batch_size):
        judged.extend(choices)
        return {
            chosen: (float(sum(10.0 ** names.index(name) for name in chosen)), accuracy(chosen))
            for chosen in choices
        }

    def accuracy(chosen):
        return 0.9 - 0.1 * len(needed & set(chosen))

    monkeypatch.setattr(Freezable, "scores", scores)
    result = search(model, DATA, 5, found, latencies=False)
    accepted = ()
    for step, name in zip(result.steps[1:], names, strict=True):
        assert step.removed == (*accepted, name)
        assert step.accuracy == accuracy(step.removed)
        assert step.accepted == (name not in needed)
        accepted = step.removed if step.accepted else accepted
    left = {layer.name for layer in result.model.layers if isinstance(layer, SqueezeExcitation)}
    assert left == needed
    assert len(judged) == len(set(judged))  # nothing is computed twice
    # Which blocks cost accuracy was known of each alone: nothing is judged in vain.
    assert set(judged[1 + len(names) :]) == {step.removed for step in result.steps[2:]}


@pytest.mark.slow
def test_blocks_that_cost_together_what_none_does_alone_are_refused(monkeypatch):
    model = network(depths=(3, 3, 2))
    found = excitations(model, IMAGES)
    names = [block.name for block in found.blocks]
    passes = []

    def scores(self, choices, data, batch_size):
        passes.append(list(choices))
        # Any two of the first half may go, and no third one.
        accuracy = [0.9 - 0.1 * (len(set(names[:4]) & set(chosen)) > 2) for chosen in choices]
        losses = [float(sum(10.0 ** names.index(name) for name in chosen)) for chosen in choices]
        return dict(zip(choices, zip(losses, accuracy, strict=True), strict=True))

    monkeypatch.setattr(Freezable, "scores", scores)
    result = search(model, DATA, 5, found, latencies=False)
    assert [step.accepted for step in result.steps] == [True] * 3 + [False] * 2 + [True] * 4
    assert [step.removed[-1] for step in result.steps[1:]] == names
    # Each alone; all that were likely; what follows each of the two refused.
    assert len(passes) == 4


@pytest.mark.slow
def test_a_smaller_last_batch_and_batches_of_any_size():
    model = network()
    batches = [(IMAGES[a:b], LABELS[a:b]) for a, b in ((0, 3), (3, 15), (15, 16), (16, 20))]
    expected = evaluate(model, DATA, batch_size=20)
    for data in (DATA, batches):
        assert evaluate(model, data, batch_size=8) == pytest.approx(expected, rel=1e-6)
    found = excitations(model, DATA)
    whole = usefulness(model, DATA, found, batch_size=20).blocks
    parts = usefulness(model, batches, found).blocks
    for one, other in zip(whole, parts, strict=True):
        assert one.block == other.block
        assert one.loss_change == pytest.approx(other.loss_change, abs=1e-6)
        assert one.accuracy_change == pytest.approx(other.accuracy_change)


def test_blocks_of_integers():
    image = keras.Input((8, 8, 3), dtype="uint8")
    x = SqueezeExcitation(1, name="pixels")(image)
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 255)(x))
    model = keras.Model(image, keras.layers.Dense(10)(x))
    expand = model.get_layer("pixels").expand
    expand.kernel.assign(0.02 * RNG.normal(0, 1, expand.kernel.shape))  # of sums around 100
    images = RNG.integers(0, 256, (20, 8, 8, 3)).astype("uint8")
    found = excitations(model, images)
    (use,) = usefulness(model, (images, LABELS), found).blocks
    data = (images, LABELS)
    change = evaluate(remove_se(model, ["pixels"], found), data)[0] - evaluate(model, data)[0]
    assert abs(change) > 1e-4
    assert use.loss_change == pytest.approx(change, abs=1e-6)


@pytest.mark.slow
def test_half_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = network()
    finally:
        keras.config.set_dtype_policy("float32")
    found = excitations(model, DATA)
    steps = search(model, DATA, 100, found, latencies=False).steps
    for step in steps[1:]:
        expected = evaluate(remove_se(model, step.removed, found), DATA)[0]
        # Eight bits of a number are kept; means go into weights, or are multiplied by.
        assert step.loss == pytest.approx(expected, rel=0.02)


def test_excitations_of_other_weights_are_refused(tmp_path):
    model = network()
    found = excitations(model, IMAGES)
    found.save(tmp_path / "gates.npz")
    loaded = Excitations.load(tmp_path / "gates.npz")
    assert loaded.digests == found.digests != {}
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    Freezable(copy, loaded)
    block = copy.get_layer(found.blocks[1].name)
    block.expand.bias.assign(keras.ops.ones(block.expand.bias.shape))
    with pytest.raises(ValueError, match="other weights when the excitations were collected"):
        remove_se(copy, [block.name], loaded)
    remove_se(copy, [found.blocks[0].name], loaded)
    earlier = dataclasses.replace(loaded, digests={})  # as files of earlier versions are read
    remove_se(copy, [block.name], earlier)


@pytest.mark.slow
def test_excitations_of_another_network_are_refused():
    found = excitations(network(), IMAGES)
    wide = keras_senet.SEWideResNet16x8.replace(depths=(1, 1, 1))()
    with pytest.raises(ValueError, match="collect them of this model"):
        Freezable(wide, found)
    with pytest.raises(ValueError, match="collect them of this model"):
        usefulness(wide, DATA, found)
