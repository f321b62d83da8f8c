"""What each extra is for, done once: `python smoke.py EXTRA`, where the wheel is installed."""

import os
import pathlib
import subprocess
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np

import keras_senet

NETWORK = keras_senet.SEResNet20.replace(depths=(1, 1, 1))
IMAGES = np.random.default_rng(0).integers(0, 256, (100, 32, 32, 3), "uint8")


def call(*arguments):
    """The output of the program, which must end well."""
    program = pathlib.Path(sys.executable).with_name("keras-senet")
    done = subprocess.run([program, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def tensorflow():
    """A network computes, is saved and read; the one that comes with the package loads."""
    model = NETWORK()
    expected = model.predict(IMAGES, verbose=0)
    model.save("model.keras")
    again = keras.models.load_model("model.keras").predict(IMAGES, verbose=0)
    assert np.array_equal(expected, again)
    assert "GMACs" in call("cost", "SEResNet50")
    assert "timm/seresnet50.a1_in1k" in call("weights", "SEResNet50")
    keras_senet.SEResNet20(weights="keras_senet/se_resnet20.cifar10")


def weights():
    """Weights go to a file and back."""
    model = NETWORK()
    keras_senet.export_weights(model, "network.safetensors")
    again = NETWORK(weights="network.safetensors")
    assert np.array_equal(model.predict(IMAGES, verbose=0), again.predict(IMAGES, verbose=0))


def data():
    """A data set, and a picture that is named."""
    assert len(keras_senet.data.load("digits").training) > 1000
    NETWORK().save("model.keras")
    keras.utils.save_img("photo.png", IMAGES[0])
    assert "photo.png" in call("predict", "--weights=model.keras", "photo.png")
    assert "one of: airplane" in call("predict", "photo.png")


def tfds():
    """TensorFlow Datasets is asked for a data set, which is not prepared here."""
    try:
        keras_senet.data.load("tfds:cifar10")
    except ValueError as error:
        assert "tfds build cifar10" in str(error)
    else:
        raise AssertionError("Expected an error: the data set is not prepared.")


def train():
    """A folder of images is learned, judged and named."""
    pictures = pathlib.Path("photos")
    for index, pixels in enumerate(IMAGES):
        folder = pictures / ("dark", "light")[index % 2]
        folder.mkdir(parents=True, exist_ok=True)
        keras.utils.save_img(folder / f"{index}.png", pixels // 2 + 127 * (index % 2))
    run = ("--workdir=run", "--data=folder:photos")
    call("train", *run, "--epochs=2", "--warmup_epochs=0", "--batch_size=16", "--hold_out=0.2")
    assert "top-1" in call("evaluate", "--workdir=run")
    named = call("predict", "--weights=run/model.keras", "photos/dark/0.png")
    assert "one of: dark, light" in named


def tensorboard():
    """The logs can be written."""
    from keras_senet.training.progress import tensorboard

    tensorboard("run")


def export():
    """A file of each format runs as the model does."""
    model = NETWORK()
    model.save("model.keras")
    np.savez("images.npz", images=IMAGES)
    common = ("--model=model.keras", "--verification=images.npz", "--min_agreement=0.9")
    call("export", *common, "--output=float.tflite")
    int8 = ("--quantization=int8", "--calibration=images.npz")
    call("export", *common, *int8, "--output=int8.tflite")
    call("export", *common, "--output=served")
    assert "int8.tflite" in call("benchmark", "float.tflite", "int8.tflite", "--runs=2")


def onnx():
    """An ONNX file runs as the model does."""
    NETWORK().save("model.keras")
    np.savez("images.npz", images=IMAGES)
    call("export", "--model=model.keras", "--output=model.onnx", "--verification=images.npz")


def hub():
    """A pyramid is the backbone of a detector of KerasHub."""
    import keras_hub

    from keras_senet.hub import PyramidBackbone

    network = keras_senet.SEResNet18.replace(depths=(1, 1, 1, 1))
    encoder = PyramidBackbone(network(pyramid="levels", input_shape=(64, 64, 3)))
    backbone = keras_hub.models.RetinaNetBackbone(
        encoder, min_level=3, max_level=7, use_p5=False, image_shape=(64, 64, 3)
    )
    maps = backbone.predict(IMAGES[:1].repeat(2, 1).repeat(2, 2), verbose=0)
    assert maps["P3"].shape[1:3] == (8, 8)


def analysis():
    """Gates are drawn."""
    from keras_senet.analysis.gates.report import report_figures

    found = keras_senet.analysis.excitations(NETWORK(), (IMAGES, np.arange(100) % 10))
    assert report_figures(found, None)


if __name__ == "__main__":
    globals()[sys.argv[1]]()
