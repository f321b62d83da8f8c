"""KerasHub's detectors and segmenters on our pyramids: they build, train, save, load, export."""

import keras
import numpy as np
import pytest
from test_pages import PAGES

import keras_senet

keras_hub = pytest.importorskip("keras_hub")
from keras_senet.hub import PyramidBackbone  # noqa: E402

SMALL = keras_senet.SEResNeXt50.replace(depths=(1, 1, 1, 1))
SHAPE = (64, 64, 3)


def images(count=2):
    return np.random.default_rng(0).integers(0, 256, (count, *SHAPE)).astype("float32")


def backbone(network=SMALL):
    return PyramidBackbone(network(pyramid="levels", input_shape=SHAPE))


def boxes(count=2):
    one = np.array([[8, 8, 40, 40], [20, 10, 60, 50]], "float32")
    return {"boxes": np.stack([one] * count), "labels": np.array([[0, 2]] * count, "float32")}


def retinanet():
    encoder = keras_hub.models.RetinaNetBackbone(
        backbone(), min_level=3, max_level=7, use_p5=False, image_shape=SHAPE
    )
    return keras_hub.models.RetinaNetObjectDetector(
        encoder, num_classes=3, bounding_box_format="xyxy", pre_logits_num_conv_layers=1
    )


def deeplab():
    encoder = keras_hub.models.DeepLabV3Backbone(
        backbone(SMALL.replace(output_stride=16)),
        spatial_pyramid_pooling_key="P4",
        low_level_feature_key="P2",
        upsampling_size=4,
        dilation_rates=[2, 4],
        image_shape=SHAPE,
    )
    return keras_hub.models.DeepLabV3ImageSegmenter(encoder, num_classes=4, activation="softmax")


def segformer():
    encoder = keras_hub.models.SegFormerBackbone(backbone(), projection_filters=16)
    return keras_hub.models.SegFormerImageSegmenter(encoder, num_classes=4)


def outputs(task, x):
    values = keras.Model(task.inputs, task.output)(x, training=False)
    return {str(i): keras.ops.convert_to_numpy(v) for i, v in enumerate(keras.tree.flatten(values))}


def targets(task):
    if isinstance(task, keras_hub.models.RetinaNetObjectDetector):
        return boxes()
    size = task.output_shape[1:3]
    return np.random.default_rng(1).integers(0, 4, (2, *size, 1))


@pytest.mark.parametrize("build", [retinanet, deeplab, segformer])
def test_a_task_trains_two_steps_and_survives_a_file(build, tmp_path):
    keras.utils.set_random_seed(0)
    task = build()
    if build is retinanet:
        task.compile("sgd")
    else:
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=build is segformer)
        task.compile("sgd", loss)
    stem = next(x for x in task.backbone.image_encoder.layers if x.name == "stem_conv")
    before = stem.get_weights()[0]
    history = task.fit(images(), targets(task), batch_size=1, epochs=1, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert np.abs(stem.get_weights()[0] - before).max() > 0  # gradients reach the image
    task.save(tmp_path / "task.keras")
    loaded = keras.models.load_model(tmp_path / "task.keras")
    encoder = loaded.backbone.image_encoder
    assert isinstance(encoder, PyramidBackbone)
    assert list(encoder.pyramid_outputs) == list(task.backbone.image_encoder.pyramid_outputs)
    for name, expected in outputs(task, images()).items():
        np.testing.assert_array_equal(outputs(loaded, images())[name], expected)
    loaded.compile("sgd", loss="mse") if build is not retinanet else loaded.compile("sgd")
    assert np.isfinite(loaded.evaluate(images(), targets(task), batch_size=1, verbose=0)).all()


def test_the_backbone_is_the_pyramid():
    """The same layers, weights and pixels; nobody else normalizes."""
    pyramid = SMALL(pyramid="levels", input_shape=SHAPE)
    ours = PyramidBackbone(pyramid)
    assert ours.hidden_dims == [64, 256, 512, 1024, 2048]
    assert ours.image_shape == SHAPE and list(ours.pyramid_outputs) == [
        "P1",
        "P2",
        "P3",
        "P4",
        "P5",
    ]
    assert any(isinstance(x, keras_senet.layers.ImageNormalization) for x in ours.layers)
    assert {id(w) for w in ours.weights} == {id(w) for w in pyramid.weights}
    copy = PyramidBackbone.from_config(ours.get_config())
    copy.set_weights(ours.get_weights())
    for level, expected in pyramid(images()).items():
        np.testing.assert_array_equal(
            *(keras.ops.convert_to_numpy(x) for x in (copy(images())[level], expected))
        )


@pytest.mark.parametrize("model", [{"pyramid": True}, {"include_top": False}, {}])
def test_other_models_are_no_pyramid(model):
    with pytest.raises(ValueError, match=r"P1 to P5, as keras_senet\.SEResNet50\(pyramid="):
        PyramidBackbone(SMALL(input_shape=SHAPE, **model))


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="export needs TensorFlow")
def test_a_detector_is_exported(tmp_path):
    keras.utils.set_random_seed(0)
    task = retinanet()
    model = keras.Model(task.inputs, task.output)
    path = keras_senet.export.to_tflite(model, tmp_path / "m.tflite")
    report = keras_senet.export.verify(model, path, images())
    assert list(report.outputs) == list(task.output)
    assert report.input["range"] == [0, 255]
    assert not report.failures(max_difference=1e-3)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="the page exports")
@pytest.mark.slow
def test_the_page_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    for code in PAGES["dense.md"]:
        exec(compile(code, "dense.md", "exec"), names)
