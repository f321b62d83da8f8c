"""Rows against their sources, and what a recipe refuses."""

import math

import keras
import numpy as np
import pytest

import keras_senet
from keras_senet import training
from keras_senet.training.progress import tensorboard


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("paper", {"epochs": 100, "batch_size": 1024, "learning_rate": 0.6, "momentum": 0.9}),
        ("senet154", {"batch_size": 2048, "learning_rate": 1.0, "dropout": 0.2}),
        ("released", {"batch_size": 256, "learning_rate": 0.1}),
        ("mobile", {"batch_size": 256, "learning_rate": 0.1, "epochs": 400}),
        ("large_batch", {"epochs": 90, "drops": (30, 60, 80), "decayed": "kernels"}),
        ("rsb_a2", {"epochs": 300, "batch_size": 2048, "learning_rate": 5e-3}),
        ("rsb_a3", {"epochs": 100, "learning_rate": 8e-3, "weight_decay": 0.02, "image_size": 160}),
        ("cifar", {"batch_size": 128, "learning_rate": 0.1, "weight_decay": 1e-4}),
    ],
)
def test_rows_are_the_papers(name, facts):
    recipe = training.RECIPES[name]
    assert {field: getattr(recipe, field) for field in facts} == facts
    assert recipe.batch_size == recipe.base_batch_size or name == "large_batch"


def test_cifar_drops_at_32k_and_48k_steps_of_64k():
    """He et al., section 4.2, with the 50,000 images of CIFAR."""
    steps = [epochs * 50_000 / 128 for epochs in (82, 123, 164)]
    np.testing.assert_allclose(steps, [32_000, 48_000, 64_000], rtol=1e-2)
    assert (*training.CIFAR.drops, training.CIFAR.epochs) == (82, 123, 164)


def test_kernels_begin_as_he_et_al():
    """Variance 2 / fan-in, here 2 / (3 * 3 * 512), from 2.4 million values."""
    keras.utils.set_random_seed(0)
    model = keras_senet.SEResNet18(include_top=False)
    kernel = keras.ops.convert_to_numpy(model.get_layer("stage5_block2_conv2").kernel)
    assert kernel.std() == pytest.approx(math.sqrt(2 / (3 * 3 * 512)), rel=0.01)
    assert abs(kernel.mean()) < 1e-4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"learning_rate": 0}, "`learning_rate` must be greater than 0. Received: 0"),
        ({"ema": 1.0}, "`ema` must be from 0 to below 1. Received: 1.0"),
        ({"optimizer": "adam"}, "`optimizer` must be one of .* Received: 'adam'"),
        ({"freeze_bn_from": 100}, "freeze_bn_from=100, epochs=100"),
        ({"drops": ()}, "needs the epochs of its drops"),
        ({"optimizer": "lamb"}, "LAMB decays kernels only"),
        ({"accumulation_steps": 3}, "batch_size=1024, accumulation_steps=3"),
        ({"warmup_epochs": 100}, "`warmup_epochs` must be below `epochs`"),
    ],
)
def test_bad_recipes(changes, message):
    with pytest.raises(ValueError, match=message):
        training.PAPER.replace(**changes)


def test_tensorboard_logs(tmp_path):
    pytest.importorskip("tensorboard")
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0, callbacks=[tensorboard(tmp_path)])
    assert list((tmp_path / "tensorboard" / "train").glob("events.out.*"))
