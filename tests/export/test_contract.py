"""An artefact says only what it knows, and images are what the model takes."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import keras_senet
from keras_senet import data, export
from keras_senet.export.contract import contract
from keras_senet.export.tflite.flatbuffer import parsed
from keras_senet.export.tflite.litert import LiteRT, program
from keras_senet.export.tflite.metadata import stated_range

L = keras.layers
RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (24, 16, 16, 3), "uint8")
NORMALIZED = (PIXELS / 255 - 0.45) / 0.22
RAW = (0.0, 255.0)


def network(first=None, end=None, dense=4):
    """A small network; `first` is its preprocessing, `end` what follows the classifier."""
    keras.utils.set_random_seed(0)
    x = image = keras.Input((16, 16, 3))
    x = x if first is None else first(x)
    x = L.Conv2D(8, 3, strides=2, activation="relu")(x)
    if dense:
        x = L.Dense(dense)(L.GlobalAveragePooling2D()(x))
    return keras.Model(image, x if end is None else end(x))


def test_the_range_is_that_of_the_first_layer():
    known = {
        "none": (None, None),
        "ImageNormalization": (keras_senet.layers.ImageNormalization(1 / 255), RAW),
        "Rescaling": (L.Rescaling(1 / 127.5, -1), RAW),
        "a layer between": (keras.Sequential([L.ZeroPadding2D(1), L.Rescaling(1 / 255)]), RAW),
        "a quotient": (lambda x: x / 255.0, RAW),
        "statistics of pixels": (L.Normalization(mean=[120.0] * 3, variance=[3000.0] * 3), None),
        "from 0..1": (keras.Sequential([L.Rescaling(255.0), L.Rescaling(1 / 255)]), (0.0, 1.0)),
        "a factor of anything": (L.Rescaling(3.0), None),
    }
    found = {name: contract(network(first)).input_range for name, (first, _) in known.items()}
    assert found == {name: extent for name, (_, extent) in known.items()}
    image = keras.Input((16, 16, 3), dtype="uint8")
    integers = keras.Model(image, L.Conv2D(2, 3)(L.Rescaling(1.0)(image)))
    assert contract(integers).input_range == RAW


def test_outputs_are_named_by_what_bounds_them():
    found = {
        end: (contract(model).output, contract(model).output_range)
        for end, model in {
            "softmax": network(end=L.Softmax()),
            "sigmoid": network(end=L.Activation("sigmoid")),
            "tanh": network(end=L.Activation("tanh")),
            "logits": network(),
            "pooled": network(dense=0, end=L.GlobalAveragePooling2D()),
            "map": network(dense=0),
        }.items()
    }
    assert found == {
        "softmax": ("probability", (0.0, 1.0)),
        "sigmoid": ("probability", (0.0, 1.0)),
        "tanh": ("output", (-1.0, 1.0)),
        "logits": ("output", None),
        "pooled": ("features", None),
        "map": ("output", None),
    }


RESCALED = L.Rescaling(1 / 255)
ENDS = {
    "logits": (RESCALED, None, 4, PIXELS),
    "softmax": (RESCALED, L.Softmax(), 4, PIXELS),
    "tanh": (RESCALED, L.Activation("tanh"), 4, PIXELS),
    "one value": (RESCALED, None, 1, PIXELS),
    "all negative": (RESCALED, L.Rescaling(1.0, -9.0), 4, PIXELS),
    "constant": (RESCALED, L.Rescaling(1e-30, 5.0), 4, PIXELS),
    "zero": (RESCALED, L.Rescaling(1e-30), 4, PIXELS),
    "features": (RESCALED, L.GlobalAveragePooling2D(), 0, PIXELS),
    "a map": (RESCALED, None, 0, PIXELS),
    "hard swish": (RESCALED, L.Activation("hard_swish"), 0, PIXELS),
    "normalized floats": (None, None, 4, NORMALIZED),
    "floats in 0..1": (None, L.Softmax(), 4, PIXELS / 255),
    "floats in -1..1": (None, None, 4, PIXELS / 127.5 - 1),
}


@pytest.mark.at_first(every=12)
@pytest.mark.parametrize("case", ENDS)
def test_uint8_ends_cost_two_steps_at_most(case, tmp_path):
    first, end, dense, images = ENDS[case]
    model = network(first, end, dense)
    known, judged = images[:16], images[16:].astype("float32")
    path = {
        quantization: export.to_tflite(
            model,
            tmp_path / f"{quantization}.tflite",
            quantization=quantization,
            calibration_images=known,
        )
        for quantization in ("int8", "int8_full")
    }
    floats, integers = LiteRT(path["int8"]), LiteRT(path["int8_full"])
    assert integers.dtype == "uint8"
    scale, zero = integers.image["quantization"]
    if first is not None:
        assert (scale, zero) == (1, 0)
    step = integers.output["quantization"][0]
    if case == "softmax":
        assert integers.output["quantization"] == (1 / 256, 0)
    expected = floats(judged)
    assert np.abs(integers(judged) - expected).max() <= 2 * step + 1e-6
    # Steps are as fine as 8 bits allow: the range is that of the outputs and zero.
    reach = max(expected.max(), 0) - min(expected.min(), 0)
    bounded = case in ("softmax", "floats in 0..1", "tanh", "zero", "constant")
    assert bounded or step <= 1.6 * reach / 255
    assert (program(integers).partitions, program(integers).undelegated) == (1, ())


@pytest.mark.slow
def test_reports_and_metadata_say_the_models_own_range(tmp_path):
    raw, other = network(RESCALED, L.Softmax()), network()
    path = export.to_tflite(raw, tmp_path / "raw.tflite")
    report = export.verify(raw, path, PIXELS)
    expected = {"shape": [1, 16, 16, 3], "dtype": "float32", "range": [0.0, 255.0], "view": None}
    assert report.input == expected
    assert report.output["meaning"] == "probability"
    assert "0..255" in str(report)
    assert stated_range(path.read_bytes()) == RAW
    assert b"not normalized" in path.read_bytes()
    assert b"probability" in path.read_bytes()
    path = export.to_tflite(other, tmp_path / "other.tflite")
    report = export.verify(other, path, NORMALIZED)
    assert report.input["range"] is None
    assert "unknown range" in str(report)
    assert "255" not in str(report).replace(report.path, "")
    assert json.loads(report.to_json(tmp_path / "r.json").read_text())["input"]["range"] is None
    assert stated_range(path.read_bytes()) is None
    assert b"0..255" not in path.read_bytes()
    assert b"probability" not in path.read_bytes()
    full = export.to_tflite(
        other, tmp_path / "f.tflite", quantization="int8_full", calibration_images=NORMALIZED
    )
    taken = export.verify(other, full, NORMALIZED).input
    low, high = taken["range"]
    assert low == pytest.approx(NORMALIZED.min(), abs=taken["scale"])
    assert high == pytest.approx(NORMALIZED.max(), abs=taken["scale"])


def with_nan(images):
    images = images.astype("float32")
    images[1, 0, 0, 0] = np.nan
    return images


WRONG = {
    "NaN": (with_nan(PIXELS), "NaN or infinity in 1 of 24"),
    "infinity in float32": (np.where(PIXELS > 250, 1e300, PIXELS), "infinity"),
    "divided by 255": (PIXELS / 255, r"0\.\.255"),
    "normalized": (NORMALIZED, r"0\.\.255"),
    "16 bits": (PIXELS.astype("uint16") * 257, r"0\.\.255"),
    "text": (np.array(["a.jpg"]), "load_image"),
    "a name": ("digits", "'digits'"),
    "objects": (np.array([PIXELS[0], None], object), "object"),
    "booleans": (PIXELS > 100, "bool"),
    "channels first": (np.moveaxis(PIXELS, -1, 1), "come last"),
    "grey": (PIXELS[..., :1], "Grey"),
    "two sizes": ([PIXELS[0], PIXELS[0][:8]], "one size"),
    "none in a data set": (tf.data.Dataset.from_tensor_slices(PIXELS).take(0), "empty"),
}


@pytest.mark.at_first(every=3)
@pytest.mark.parametrize("case", WRONG)
def test_wrong_images_are_refused_at_every_door(case, tmp_path):
    images, message = WRONG[case]
    model = network(RESCALED, L.Softmax())
    path = tmp_path / "m.tflite"
    with pytest.raises(ValueError, match=message) as error:
        export.to_tflite(model, path, quantization="int8", calibration_images=images)
    assert len(str(error.value)) < 600
    assert not path.exists()
    export.to_tflite(model, path)
    with pytest.raises(ValueError, match=message):
        export.verify(model, path, images)
    with pytest.raises(ValueError, match=message):
        export.sensitivity(path, images)


@pytest.mark.slow
def test_doubtful_images_warn(tmp_path):
    def export_with(model, images):
        export.to_tflite(
            model,
            tmp_path / "m.tflite",
            quantization="int8",
            calibration_images=images,
            overwrite=True,
        )

    with pytest.warns(UserWarning, match="raw pixels"):
        export_with(network(), PIXELS)
    with pytest.warns(UserWarning, match="almost black"):
        export_with(network(RESCALED), PIXELS // 255)
    with pytest.warns(UserWarning, match="too few"):
        export_with(network(RESCALED), PIXELS[:1])


@pytest.mark.slow
def test_data_sets_and_generators_are_images(tmp_path):
    model = network(RESCALED, L.Softmax())
    labels = np.arange(24) % 4
    pairs = tf.data.Dataset.from_tensor_slices((PIXELS, labels))
    sources = {
        "images": lambda: tf.data.Dataset.from_tensor_slices(PIXELS),
        "pairs": lambda: pairs,
        "batches": lambda: pairs.batch(7),
        "a list": lambda: list(PIXELS),
        "a generator": lambda: (image for image in PIXELS),
    }
    path = tmp_path / "m.tflite"
    written = {}
    for name, source in sources.items():
        export.to_tflite(
            model, path, quantization="int8", calibration_images=source(), overwrite=True
        )
        written[name] = path.read_bytes()
    assert len(set(written.values())) == 1
    export.to_tflite(
        model, path, quantization="int8", calibration_images=pairs.repeat(), overwrite=True
    )
    report = export.verify(model, path, pairs.batch(5))
    assert report.images == 24
    assert report.accuracy == export.verify(model, path, PIXELS, labels).accuracy
    with pytest.raises(ValueError, match="without end"):
        export.verify(model, path, pairs.repeat())


def test_weights_that_are_not_finite_are_refused(tmp_path):
    model = network(RESCALED)
    kernel, bias = model.layers[-1].get_weights()
    model.layers[-1].set_weights([kernel * np.nan, bias])
    with pytest.raises(ValueError, match="NaN or infinity"):
        export.to_tflite(
            model, tmp_path / "m.tflite", quantization="int8", calibration_images=PIXELS
        )
    model.layers[-1].set_weights([kernel * 1e6, bias])
    with pytest.raises(ValueError, match="float16 holds"):
        export.to_tflite(model, tmp_path / "m.tflite", quantization="float16")
    assert list(tmp_path.iterdir()) == []


def test_dynamic_matrix_products_have_one_scale(tmp_path):
    """TFLite 2.14 and TensorFlow.js read the first of several, and name one class for all."""
    path = export.to_tflite(
        network(RESCALED, dense=32), tmp_path / "m.tflite", quantization="dynamic"
    )
    graph = parsed(path.read_bytes()).subgraphs[0]
    scales = [
        len(tensor.quantization.scale)
        for tensor in graph.tensors
        if tensor.quantization is not None
        and tensor.quantization.scale is not None
        and list(tensor.shape) == [32, 8]
    ]
    assert scales == [1]


def test_agreement_is_of_classes_only(tmp_path):
    one = network(RESCALED, dense=1)
    with pytest.raises(ValueError, match="compares classes"):
        export.to_tflite(
            one,
            tmp_path / "m.tflite",
            quantization="int8",
            calibration_images=PIXELS,
            min_agreement=0.9,
        )
    path = export.to_tflite(one, tmp_path / "m.tflite")
    assert export.verify(one, path, PIXELS).top1_agreement is None
    with pytest.raises(ValueError, match="order"):
        export.to_tflite(network(), tmp_path / "l.tflite", labels="abcd")


def foreign(folder, model, name="foreign.tflite"):
    """A file that the plain converter writes."""
    model.export(folder / "saved", format="tf_saved_model", verbose=False)
    path = folder / name
    path.write_bytes(tf.lite.TFLiteConverter.from_saved_model(str(folder / "saved")).convert())
    return path


@pytest.mark.slow
def test_files_of_several_inputs_and_outputs(tmp_path):
    image, ids = keras.Input((8, 8, 3)), keras.Input((4,), dtype="int32")
    x = L.GlobalAveragePooling2D()(L.Conv2D(4, 3)(image))
    y = L.GlobalAveragePooling1D()(L.Embedding(5, 4)(ids))
    model = keras.Model([image, ids], [L.Add()([x, y]), L.Dense(2)(x)])
    path = foreign(tmp_path, model)
    (row,) = export.benchmark({"a": path}, runs=2)
    assert row.median_ms > 0
    assert {kind.operator for kind in export.profile(path, runs=2)}
    assert program(LiteRT(path)).operators
    for door in (
        lambda: export.verify(network(RESCALED), path, PIXELS),
        lambda: export.sensitivity(path, PIXELS),
    ):
        with pytest.raises(ValueError, match="one image") as error:
            door()
        assert len(str(error.value)) < 600


def test_what_is_no_file_of_ours(tmp_path):
    model = network(RESCALED)
    whole = export.to_tflite(model, tmp_path / "m.tflite").read_bytes()
    broken = tmp_path / "broken.tflite"
    for content in (b"", b"text, no network", whole[:100], whole[: len(whole) // 2]):
        broken.write_bytes(content)
        for door in (
            lambda: export.verify(model, broken, PIXELS),
            lambda: export.benchmark({"a": broken}, runs=1),
            lambda: export.sensitivity(broken, PIXELS),
        ):
            with pytest.raises(ValueError, match=r"broken|bytes") as error:
                door()
            assert len(str(error.value)) < 600
    tf.saved_model.save(tf.Module(), str(tmp_path / "others"))
    with pytest.raises(ValueError, match="endpoints are none"):
        export.verify(model, tmp_path / "others", PIXELS)


@pytest.mark.slow
def test_a_data_set_is_seen_as_the_model_sees_it(tmp_path, monkeypatch):
    """Its own evaluation transform, another part of the image, would be judged in its place."""
    model = keras_senet.SEResNet20.replace(depths=(1, 1, 1))(classes=4, input_shape=(16, 16, 3))
    data.View(16, 0.5, "bicubic").write_to(model)
    for number in range(24):
        Image.fromarray(PIXELS[number].repeat(3, 0)).save(tmp_path / f"{number}.png")
    files = data.Split([tmp_path / f"{n}.png" for n in range(24)], np.arange(24) % 4)
    dataset = data.Dataset("files", ("a", "b", "c", "d"), 16, files, files)
    seen = []
    for name in ("held_out_arrays", "calibration_images"):
        method = getattr(data.Dataset, name)
        monkeypatch.setattr(
            data.Dataset,
            name,
            lambda self, count, f=method: seen.append(self.seen) or f(self, count),
        )
    path = export.to_tflite(
        model, tmp_path / "m.tflite", quantization="int8", calibration_images=dataset
    )
    export.verify(model, path, dataset)
    assert seen == [data.View(16, 0.5, "bicubic")] * 2


@pytest.mark.slow
def test_a_data_set_of_other_classes_or_with_broken_files(tmp_path):
    model = network(RESCALED, L.Softmax())
    path = export.to_tflite(model, tmp_path / "m.tflite")
    split = data.Split(PIXELS, np.arange(24) % 4)
    classes = model.outputs[0].shape[-1]
    fitting = data.Dataset("fitting", tuple(map(str, range(classes))), 16, split, split)
    assert export.verify(model, path, fitting).accuracy is not None
    other = fitting.replace(class_names=(*fitting.class_names, "one more"))
    with pytest.warns(UserWarning, match=f"has {classes} classes, fitting has {classes + 1}"):
        report = export.verify(model, path, other)
    assert report.accuracy is None and report.top1_agreement == 1
    for number, pixels in enumerate(PIXELS):
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    (tmp_path / "3.png").write_bytes(b"no picture")
    files = data.Split([tmp_path / f"{n}.png" for n in range(24)], split.labels)
    broken = fitting.replace(training=files, held_out=files)
    with pytest.warns(UserWarning, match=r"left out: 1. The first: .*3.png"):
        assert export.verify(model, path, broken).images == 23
    with pytest.warns(UserWarning, match=r"left out: 1. The first: .*3.png"):
        export.to_tflite(
            model, tmp_path / "i.tflite", quantization="int8", calibration_images=broken
        )
