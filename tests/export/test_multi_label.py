"""Files of networks with any number of labels an image, and of one label: yes or no."""

import zipfile

import coloured
import keras
import numpy as np
import pytest

import keras_senet
from keras_senet import data, export
from keras_senet.export.datasets import held_out
from keras_senet.export.measure.sensitivity import agreement
from keras_senet.weights.named_classes import name_classes

NETWORK = keras_senet.SEResNet20.replace(depths=(1, 1, 1))


def network(labels, activation="sigmoid", multi_label=True):
    """A network whose labels differ from image to image."""
    model = NETWORK(classes=labels, classifier_activation=activation)
    head = model.layers[-1]
    images = np.stack([coloured.draw(number)[0] for number in range(64)])
    features = keras.Model(model.inputs, head.input).predict(images, verbose=0)
    kernel = 5 * np.random.default_rng(0).normal(size=head.kernel.shape) / features.std(0)[:, None]
    head.set_weights([kernel, -np.median(features @ kernel, 0)])
    name_classes(model, coloured.NAMES[:labels], multi_label=multi_label)
    return model


@pytest.fixture(scope="module", params=(1, 2))
def exported(request, tmp_path_factory):
    """The network, its data, and its float32 file."""
    folder = tmp_path_factory.mktemp("set")
    path = coloured.write(folder / "set", 100, names=coloured.NAMES[: request.param])
    dataset = data.load(f"csv:{path}", image_size=32)
    keras.utils.set_random_seed(0)
    model = network(request.param)
    names = dataset.class_names
    return model, dataset, export.to_tflite(model, folder / "x.tflite", labels=names)


@pytest.mark.slow
def test_a_file_is_judged_by_all_labels(exported):
    model, dataset, path = exported
    images, labels = dataset.held_out_arrays()
    report = export.verify(model, path, dataset)
    said = model.predict(images, verbose=0) > 0.5
    right = (said == (labels == 1)).all(-1).mean()
    assert 0 < right < 1
    assert report.accuracy == report.model_accuracy == right
    assert report.top1_agreement == 1 and report.top5_agreement is None
    assert report.output["meaning"] == "probability"
    assert export.verify(model, path, images, labels).accuracy == right
    with pytest.raises(ValueError, match="0 or 1 for each of"):
        export.verify(model, path, images, np.zeros((len(images), 3), int))
    with zipfile.ZipFile(path) as archive:
        assert archive.read("labels.txt").decode().split() == list(dataset.class_names)


@pytest.mark.slow
def test_int8_is_judged_by_all_labels(exported, tmp_path):
    """With `argmax` one label would always agree."""
    model, dataset, _ = exported
    path = export.to_tflite(
        model,
        tmp_path / "int8.tflite",
        quantization="int8_full",
        calibration_images=dataset,
        min_agreement=0.8,
    )
    report = export.verify(model, path, dataset)
    assert 0.6 < report.top1_agreement <= 1
    assert not report.failures(min_agreement=0.6)


def test_agreement_counts_images_whose_labels_are_all_the_same():
    some = np.array([[0.6, 0.9], [0.4, 0.9], [0.4, 0.9], [0.1, 0.2]])
    others = np.array([[0.7, 0.8], [0.6, 0.9], [0.4, 0.9], [0.2, 0.1]])
    assert agreement(some, others, 0.5) == 0.75
    assert agreement(some, others) == 0.75  # argmax: the last, not the second
    assert agreement(some[:, :1], others[:, :1], 0.5) == 0.75
    assert agreement(some[:, :1], others[:, :1]) is None


@pytest.mark.slow
def test_logits_are_cut_at_zero(exported, tmp_path):
    model, dataset, _ = exported
    logits = NETWORK(
        classes=model.output_shape[-1], input_shape=(32, 32, 3), classifier_activation=None
    )
    logits.set_weights(model.get_weights())
    name_classes(logits, dataset.class_names, multi_label=True)
    report = export.verify(
        logits, export.to_tflite(logits, tmp_path / "x.tflite"), *_arrays(dataset)
    )
    images, labels = _arrays(dataset)
    said = model.predict(images, verbose=0) > 0.5
    assert report.accuracy == (said == (labels == 1)).all(-1).mean()


@pytest.mark.at_first("1")
def test_a_model_that_does_not_say_so_has_no_accuracy(exported):
    model, dataset, _ = exported
    other = NETWORK(classes=model.output_shape[-1], classifier_activation="sigmoid")
    with pytest.warns(UserWarning, match="does not say that it was trained so"):
        assert held_out(dataset, other)[1] is None


def _arrays(dataset):
    return dataset.held_out_arrays()
