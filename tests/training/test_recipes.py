"""Rows against their sources, and what a recipe refuses."""

import dataclasses
import math

import keras
import numpy as np
import pytest

import keras_senet
from keras_senet import data, training
from keras_senet.data import augmentation
from keras_senet.training import recipe
from keras_senet.training.progress import tensorboard
from keras_senet.training.schedules import learning_rate


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("paper", {"epochs": 100, "batch_size": 1024, "learning_rate": 0.6, "momentum": 0.9}),
        ("senet154", {"batch_size": 2048, "learning_rate": 1.0, "dropout": 0.2}),
        ("released", {"batch_size": 256, "learning_rate": 0.1}),
        ("mobile", {"batch_size": 256, "learning_rate": 0.1, "epochs": 400}),
        ("large_batch", {"epochs": 90, "drops": (30, 60, 80), "decayed": "kernels"}),
        ("rsb_a2", {"epochs": 300, "batch_size": 2048, "learning_rate": 5e-3, "warmup_epochs": 5}),
        ("rsb_a2", {"weight_decay": 0.02, "stochastic_depth": 0.05, "repeats": 3, "dropout": None}),
        (
            "rsb_a2",
            {"label_smoothing": 0.0, "ema": 0.0, "schedule": "cosine", "decayed": "kernels"},
        ),
        ("rsb_a3", {"epochs": 100, "learning_rate": 8e-3, "weight_decay": 0.02, "image_size": 160}),
        ("rsb_a3", {"stochastic_depth": None, "repeats": 1, "batch_size": 2048}),
        ("convnext", {"epochs": 300, "batch_size": 4096, "learning_rate": 4e-3, "ema": 0.9999}),
        ("convnext", {"weight_decay": 0.05, "warmup_epochs": 20, "optimizer": "adamw"}),
        ("convnext", {"label_smoothing": 0.1, "stochastic_depth": 0.1, "clip_norm": None}),
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


def test_augmentations_are_those_of_the_tables():
    """RSB's table 2 (RandAugment 7 / 0.5 and 6 / 0.5) and ConvNeXt's table 5."""
    names = ("magnitude", "magnitude_std", "mixup", "cutmix", "erasing")
    for value, facts in (
        (data.RSB_A2, (7, 0.5, 0.1, 1.0, 0)),
        (data.RSB_A3, (6, 0.5, 0.1, 1.0, 0)),
        (data.CONVNEXT, (9, 0.5, 0.8, 1.0, 0.25)),
    ):
        assert tuple(getattr(value, name) for name in names) == facts
        assert (value.rand_augment, value.crop, value.flip) == (2, "area", True)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"learning_rate": 0}, "`learning_rate` must be a finite number above 0. Received: 0"),
        ({"ema": 1.0}, "`ema` must be a finite number from 0 to below 1. Received: 1.0"),
        ({"optimizer": "adam"}, "`optimizer` must be one of .* Received: 'adam'"),
        ({"optimizer": None}, "`optimizer` must be one of .* Received: None"),
        ({"freeze_bn_from": 100}, "freeze_bn_from=100, epochs=100"),
        ({"drops": ()}, "`drops` must name the epochs"),
        ({"drops": (30, 100)}, r"`drops` must be increasing .*drops=\(30, 100\), epochs=100"),
        ({"drops": (60, 30)}, "`drops` must be increasing"),
        ({"drops": (-1, 30)}, "`drops` must be increasing"),
        ({"epochs": 90}, r"`drops` must be increasing .*epochs=90"),
        (
            {"schedule": "cosine"},
            r"`drops` is that of schedule 'step': expected \(\) with 'cosine'",
        ),
        ({"optimizer": "lamb"}, "LAMB decays kernels only"),
        ({"accumulation_steps": 3}, "batch_size=1024, accumulation_steps=3"),
        ({"warmup_epochs": 101}, "`warmup_epochs` must be at most `epochs`"),
        ({"freeze_stages": "stem"}, "`freeze_stages` must be a tuple"),
        ({"augmentation": "photo"}, "`augmentation` must be an Augmentation"),
        ({"class_weights": "equal"}, "`class_weights` must be 'balanced'"),
        ({"class_weights": (1.0, -1.0)}, "`class_weights` must be 'balanced'"),
        ({"zero_gamma": None}, "`zero_gamma` must be one of"),
    ],
)
def test_bad_recipes(changes, message):
    with pytest.raises(ValueError, match=message):
        training.PAPER.replace(**changes)


@pytest.mark.parametrize(
    ("value", "limits"), [(training.DIGITS, recipe.LIMITS), (data.PHOTO, augmentation.LIMITS)]
)
def test_every_number_has_limits(value, limits):
    numbers = {
        field.name
        for field in dataclasses.fields(value)
        if field.type in (int, float, int | None, float | None)
    }
    assert limits.keys() == numbers
    for field in limits:
        for wrong in (math.nan, math.inf, -1, True, "1"):
            with pytest.raises(ValueError, match=f"^Field `{field}` must be a .* Received: "):
                value.replace(**{field: wrong})
        wanted = {field.name: field.type for field in dataclasses.fields(value)}[field]
        if wanted in (int, int | None):
            with pytest.raises(ValueError, match=f"`{field}` must be a whole number"):
                value.replace(**{field: 1.5})
        if wanted in (int | None, float | None):
            assert getattr(value.replace(**{field: None}), field) is None


def test_numbers_of_numpy_become_pythons():
    recipe = training.DIGITS.replace(epochs=np.int64(3), learning_rate=np.float32(0.5))
    assert (type(recipe.epochs), type(recipe.learning_rate)) == (int, float)


def test_a_run_may_be_all_warm_up():
    """The default recipe in one epoch: the rate grows from 0 to its peak, and stays finite."""
    schedule = learning_rate(training.DIGITS.replace(epochs=1), 10)
    rates = [float(schedule(step)) for step in range(12)]
    np.testing.assert_allclose(rates[:10], [0.01 * step for step in range(10)], rtol=1e-6)
    assert np.isfinite(rates).all()


def test_tensorboard_logs(tmp_path):
    pytest.importorskip("tensorboard")
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0, callbacks=[tensorboard(tmp_path)])
    assert list((tmp_path / "tensorboard" / "train").glob("events.out.*"))
