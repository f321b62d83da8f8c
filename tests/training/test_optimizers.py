"""Updates, schedules and losses against numpy, formula by formula."""

import math

import keras
import numpy as np
import pytest

from keras_senet import training
from keras_senet.training.schedules import learning_rate


class Problem:
    """The weights of a small layer and made-up gradients."""

    def __init__(self, steps, scale=1.0):
        rng = np.random.default_rng(0)
        # Its name must not matter for what decays.
        self.layer = keras.layers.Dense(3, name="bias_kernel")
        self.layer.build((None, 4))
        self.start = [rng.normal(size=(4, 3)), rng.normal(size=3)]
        self.layer.set_weights(self.start)
        self.gradients = [
            [(scale * rng.normal(size=w.shape)).astype("float32") for w in self.start]
            for _ in range(steps)
        ]

    def run(self, optimizer):
        """Weights after each batch."""
        path = []
        for gradients in self.gradients:
            optimizer.apply(
                [keras.ops.convert_to_tensor(g) for g in gradients], self.layer.trainable_weights
            )
            path.append([w.astype("float64") for w in self.layer.get_weights()])
        return path


def paper_rates(steps_per_epoch):
    """Section 5.1: 0.6, divided by 10 every 30 of 100 epochs."""
    return [0.6 / 10 ** (step // steps_per_epoch // 30) for step in range(100 * steps_per_epoch)]


def assert_paths_equal(path, expected):
    for step, (weights, targets) in enumerate(zip(path, expected, strict=True)):
        for weight, target in zip(weights, targets, strict=True):
            scale = np.abs(target).max()
            np.testing.assert_allclose(weight / scale, target / scale, atol=1e-6, err_msg=str(step))


def caffe(problem, rates, momentum, decay, kernels_only=False):
    """Caffe's SGDSolver: v = m v + rate (g + decay w); w -= v."""
    weights = [w.copy() for w in problem.start]
    velocities = [np.zeros_like(w) for w in weights]
    for gradients, rate in zip(problem.gradients, rates, strict=True):
        for i, gradient in enumerate(gradients):
            penalty = 0 if kernels_only and weights[i].ndim == 1 else decay * weights[i]
            velocities[i] = momentum * velocities[i] + rate * (gradient + penalty)
            weights[i] = weights[i] - velocities[i]
        yield [w.copy() for w in weights]


def pytorch(problem, rates, momentum, decay):
    """torch.optim.SGD: v = m v + (g + decay w); w -= rate v."""
    weights = [w.copy() for w in problem.start]
    velocities = [np.zeros_like(w) for w in weights]
    for gradients, rate in zip(problem.gradients, rates, strict=True):
        for i, gradient in enumerate(gradients):
            velocities[i] = momentum * velocities[i] + gradient + decay * weights[i]
            weights[i] = weights[i] - rate * velocities[i]
        yield [w.copy() for w in weights]


def test_the_papers_sequence_is_caffes_over_the_whole_run():
    """All 100 epochs, through all three drops of the learning rate."""
    problem = Problem(steps=200, scale=0.05)
    path = problem.run(training.optimizer(training.PAPER, steps_per_epoch=2))
    assert_paths_equal(path, caffe(problem, paper_rates(2), 0.9, 1e-4))


def test_the_papers_sequence_is_pytorchs_until_the_rate_drops():
    problem = Problem(steps=90, scale=0.05)
    path = problem.run(training.optimizer(training.PAPER, steps_per_epoch=2))
    expected = list(pytorch(problem, paper_rates(2)[:90], 0.9, 1e-4))
    assert_paths_equal(path[:60], expected[:60])
    # From there on Caffe's velocity carries the old rate: not the same, and known to be.
    assert np.abs(path[60][0] - expected[60][0]).max() > 0.01


def test_no_decay_on_biases():
    recipe = training.PAPER.replace(decayed="kernels", weight_decay=0.1)
    problem = Problem(steps=20)
    path = problem.run(training.optimizer(recipe, 20))
    assert_paths_equal(path, caffe(problem, [0.6] * 20, 0.9, 0.1, kernels_only=True))


def test_gradients_are_clipped_before_decay():
    """As `clip_grad_norm_` before PyTorch's step: the norm is that of all gradients together."""
    recipe = training.PAPER.replace(clip_norm=0.5, weight_decay=0.1)
    problem = Problem(steps=10)
    path = problem.run(training.optimizer(recipe, 10))
    for gradients in problem.gradients:
        norm = math.sqrt(sum((g.astype("float64") ** 2).sum() for g in gradients))
        gradients[:] = [g.astype("float64") * min(1, 0.5 / norm) for g in gradients]
    assert_paths_equal(path, caffe(problem, [0.6] * 10, 0.9, 0.1))


def test_accumulated_batches_are_one_large_batch():
    """Weights move at every fourth batch, by the mean gradient, at the rate of the update."""
    recipe = training.DIGITS.replace(accumulation_steps=4, epochs=5, optimizer="sgd")
    problem = Problem(steps=40)
    path = problem.run(training.optimizer(recipe, steps_per_epoch=2))
    rates = [0, 0.05, *(0.05 * (1 + math.cos(math.pi * step / 8)) for step in range(8))]
    parts = problem.gradients
    problem.gradients = [
        [np.mean([part[i] for part in parts[n : n + 4]], 0) for i in range(2)]
        for n in range(0, 40, 4)
    ]
    expected = list(caffe(problem, rates, 0.9, 5e-4, kernels_only=True))
    assert_paths_equal(path[3::4], expected)
    assert_paths_equal(path[4::4], expected[:-1])


def adam_directions(gradients, epsilon):
    """Adam's bias-corrected `m / (sqrt(v) + epsilon)` of both weights at every step."""
    m, v = [0.0, 0.0], [0.0, 0.0]
    for t, of_step in enumerate(gradients, 1):
        for i, g in enumerate(of_step):
            m[i] = 0.9 * m[i] + 0.1 * g
            v[i] = 0.999 * v[i] + 0.001 * g.astype("float64") ** 2
        yield [m[i] / (1 - 0.9**t) / (np.sqrt(v[i] / (1 - 0.999**t)) + epsilon) for i in range(2)]


def assert_close(path, expected):
    for weights, targets in zip(path, expected, strict=True):
        for weight, target in zip(weights, targets, strict=True):
            np.testing.assert_allclose(weight, target, rtol=1e-5, atol=1e-6)


def test_lamb_is_algorithm_2():
    recipe = training.RSB_A3.replace(warmup_epochs=0, epochs=1000, clip_norm=None)
    problem = Problem(steps=20)
    path = problem.run(training.optimizer(recipe, 1000))
    expected, weights = [], [w.copy() for w in problem.start]
    for t, directions in enumerate(adam_directions(problem.gradients, 1e-6)):
        rate = 8e-3 * (1 + math.cos(math.pi * t / 1e6)) / 2
        for i, update in enumerate(directions):
            if i == 0:  # the kernel
                update = update + 0.02 * weights[i]
                update = update * np.linalg.norm(weights[i]) / np.linalg.norm(update)
            weights[i] = weights[i] - rate * update
        expected.append([w.copy() for w in weights])
    assert_close(path, expected)


@pytest.mark.parametrize("decayed", ["kernels", "all"])
def test_adamw_is_algorithm_2(decayed):
    """Loshchilov and Hutter's, with the rate as the schedule multiplier."""
    recipe = training.CONVNEXT.replace(warmup_epochs=0, epochs=1000, decayed=decayed)
    problem = Problem(steps=20)
    path = problem.run(training.optimizer(recipe, 1000))
    expected, weights = [], [w.copy() for w in problem.start]
    for t, directions in enumerate(adam_directions(problem.gradients, 1e-8)):
        rate = 4e-3 * (1 + math.cos(math.pi * t / 1e6)) / 2
        for i, update in enumerate(directions):
            decay = 0.05 if i == 0 or decayed == "all" else 0  # the kernel comes first
            weights[i] = weights[i] - rate * (update + decay * weights[i])
        expected.append([w.copy() for w in weights])
    assert_close(path, expected)


def test_adamw_is_pytorchs():
    torch = pytest.importorskip("torch")
    start = np.array([[1.0, -2.0]], "float32")
    layer = keras.layers.Dense(2, use_bias=False)
    layer.build((None, 1))
    layer.set_weights([start])
    reference = torch.nn.Parameter(torch.tensor(start))
    reference_optimizer = torch.optim.AdamW([reference], lr=0.1, weight_decay=0.3)
    optimizer = training.AdamW(0.1, weight_decay=0.3)
    for gradient in (0.5, -0.2, 0.1):
        optimizer.apply([keras.ops.full((1, 2), gradient)], [layer.kernel])
        reference.grad = torch.full((1, 2), gradient)
        reference_optimizer.step()
    np.testing.assert_allclose(layer.get_weights()[0], reference.detach().numpy(), rtol=1e-5)


def test_lamb_moves_weights_that_are_0():
    layer = keras.layers.Dense(1, use_bias=False)
    layer.build((None, 2))
    layer.set_weights([np.zeros((2, 1))])
    training.Lamb(0.1).apply([keras.ops.ones((2, 1))], [layer.kernel])
    np.testing.assert_allclose(layer.get_weights()[0], [[-0.1], [-0.1]], rtol=1e-5)


@pytest.mark.parametrize("batch_size", [64, 256, 1024, 4096])
def test_the_learning_rate_is_linear_in_the_batch(batch_size):
    """Goyal et al.: 0.1 for 256 images; the paper: 0.6 for 1024."""
    recipe = training.LARGE_BATCH.replace(batch_size=batch_size)
    assert recipe.peak_learning_rate == pytest.approx(0.1 * batch_size / 256)
    recipe = training.PAPER.replace(batch_size=batch_size)
    assert float(learning_rate(recipe, 10)(0)) == pytest.approx(0.6 * batch_size / 1024)


def test_warmup_then_steps():
    """Goyal et al.: 5 epochs up to 3.2 for 8192 images, then /10 at 30, 60 and 80."""
    schedule = learning_rate(training.LARGE_BATCH, 10)
    epochs = [(0, 0), (2.5, 1.6), (5, 3.2), (29.9, 3.2), (30, 0.32), (60, 0.032), (89.9, 0.0032)]
    for epoch, rate in epochs:
        assert float(schedule(round(epoch * 10))) == pytest.approx(rate, rel=1e-6)


def test_linear_to_0():
    schedule = training.Schedule(0.5, 100, "linear")
    for step in (0, 30, 100, 150):
        assert float(schedule(step)) == pytest.approx(max(0.5 * (1 - step / 100), 0), abs=1e-7)


def test_optimizers_survive_serialization():
    for recipe in (
        training.PAPER,
        training.CONVNEXT,
        training.RSB_A2.replace(accumulation_steps=2),
    ):
        optimizer = training.optimizer(recipe, 10)
        config = keras.optimizers.serialize(optimizer)
        copy = keras.optimizers.deserialize(config)
        assert copy.get_config() == optimizer.get_config()


PROBABILITIES = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])
TARGETS = np.array([[1.0, 0.0, 0.0], [0.25, 0.75, 0.0]])


def test_label_smoothing():
    """Targets t (1 - e) + e / K (Szegedy et al., section 7)."""
    smooth = TARGETS * 0.9 + 0.1 / 3
    expected = -(smooth * np.log(PROBABILITIES)).sum(1).mean()
    loss = training.loss(training.SENET154)
    assert float(loss(TARGETS, PROBABILITIES)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_binary_cross_entropy_of_all_classes_in_a_mixed_image(smoothing):
    """Both classes of a mixed image are present, whatever their shares."""
    present = np.array([[1.0, 0, 0], [1, 1, 0]]) * (1 - smoothing) + smoothing / 3
    terms = present * np.log(PROBABILITIES) + (1 - present) * np.log(1 - PROBABILITIES)
    recipe = training.RSB_A2.replace(label_smoothing=smoothing)
    assert recipe.activation == "sigmoid"
    loss = training.loss(recipe)
    assert float(loss(TARGETS, PROBABILITIES)) == pytest.approx(-terms.mean(), rel=1e-5)
    copy = keras.losses.deserialize(keras.losses.serialize(loss))
    assert copy.get_config() == loss.get_config()


@pytest.mark.parametrize("kind", ["cross_entropy", "binary_cross_entropy"])
def test_balanced_classes_count_alike(kind):
    """scikit-learn's "balanced", N / (K n_c); a mixed image counts as its shares."""
    labels = np.array([0] * 6 + [1] * 3 + [2])
    recipe = training.PAPER.replace(class_weights="balanced", loss=kind)
    plain, weighted = training.loss(recipe), training.loss(recipe, labels, 3)
    weights = 10 / (3 * np.array([6, 3, 1]))
    for number, target in enumerate(np.eye(3)):
        one = (target[None], PROBABILITIES[:1])
        assert float(weighted(*one)) == pytest.approx(weights[number] * float(plain(*one)))
    mixed = (TARGETS[1:], PROBABILITIES[1:])
    expected = (0.25 * weights[0] + 0.75 * weights[1]) * float(plain(*mixed))
    assert float(weighted(*mixed)) == pytest.approx(expected, rel=1e-6)
    copy = keras.losses.deserialize(keras.losses.serialize(weighted))
    assert float(copy(*mixed)) == pytest.approx(expected, rel=1e-6)


def test_given_weights_of_classes_have_a_mean_of_1():
    labels = np.array([0] * 6 + [1] * 4)
    recipe = training.PAPER.replace(class_weights=(1, 3))
    loss = training.loss(recipe, labels, 2)
    np.testing.assert_allclose(loss.weights, np.array([1, 3]) / (0.6 + 3 * 0.4))
    alike = recipe.replace(sampling="class_balanced")
    np.testing.assert_allclose(training.loss(alike, labels, 2).weights, [0.5, 1.5])
    with pytest.raises(ValueError, match=r"a number for each of 3 classes\. Received: 2"):
        training.loss(recipe, labels, 3)
    with pytest.raises(ValueError, match="a number above 0"):
        training.loss(recipe.replace(class_weights=(0, 0)), labels, 2)


def test_sgd_applies_l2_as_pytorch_does():
    torch = pytest.importorskip("torch")
    start = np.array([[1.0, -2.0]], "float32")
    layer = keras.layers.Dense(2, use_bias=False)
    layer.build((None, 1))
    layer.set_weights([start])
    reference = torch.nn.Parameter(torch.tensor(start))
    options = {"momentum": 0.9, "nesterov": True}
    optimizer = training.SGD(0.1, l2=0.3, **options)
    reference_optimizer = torch.optim.SGD([reference], lr=0.1, weight_decay=0.3, **options)
    for gradient in (0.5, -0.2, 0.1):
        optimizer.apply([keras.ops.full((1, 2), gradient)], [layer.kernel])
        reference.grad = torch.full((1, 2), gradient)
        reference_optimizer.step()
    np.testing.assert_allclose(layer.get_weights()[0], reference.detach().numpy(), rtol=1e-5)
