"""Caffe's files load, and give the outputs of OpenCV's Caffe importer."""

import keras
import numpy as np
import pytest
from golden import make_caffe
from golden.random_tensors import image
from weights import caffe_files

import keras_senet
from keras_senet.weights.labels import from_caffe, imagenet_classes
from keras_senet.weights.readers.caffe import read_caffemodel

pytest.importorskip("google.protobuf")
NETWORKS = {
    "SE-ResNet-50": keras_senet.SEResNet50,
    "SE-BN-Inception": keras_senet.SEBNInception,
    "SE-ResNeXt-50": keras_senet.SEResNeXt50,
    "SENet-154": keras_senet.SENet154,
}


@pytest.mark.at_first("SE-BN-Inception")
@pytest.mark.parametrize("name", NETWORKS)
def test_official_names_and_shapes_load(name, tmp_path):
    path = tmp_path / f"{name}.caffemodel"
    blobs = caffe_files.write(name, path)
    model = NETWORKS[name](weights=path)
    path.unlink()
    loaded = sum(layer.count_params() for layer in model.layers)
    # The scale factors are no variables of ours.
    factors = sum(kind == "BatchNorm" for _, kind, _ in caffe_files.layers(name))
    assert loaded == sum(b.size for layer in blobs.values() for b in layer) - factors

    stem, caffe_stem = [
        ("stem_conv", "conv1/7x7_s2"),
        ("stem_conv1", "conv1_1/3x3_s2"),
    ][name == "SENet-154"]
    kernel = keras.ops.convert_to_numpy(model.get_layer(stem).kernel)
    bgr = blobs[caffe_stem][0]
    np.testing.assert_array_equal(kernel, bgr.transpose(2, 3, 1, 0)[:, :, ::-1])

    norm = model.get_layer(f"{stem}_bn")
    mean, variance, factor = blobs[f"{caffe_stem}/bn"]
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(norm.moving_mean), mean / factor, rtol=1e-6
    )
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(norm.moving_variance), variance / factor, rtol=1e-6
    )
    order = [place for _, _, place in imagenet_classes()]
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(model.get_layer("head").bias),
        blobs["classifier"][1][order].astype("float32"),
    )
    assert model.get_layer("stem_pool_pad").padding == ((0, 1), (0, 1))


def test_probabilities_are_those_of_opencv(tmp_path):
    cv2 = pytest.importorskip("cv2")
    path, deploy = tmp_path / "x.caffemodel", tmp_path / "deploy.prototxt"
    caffe_files.write("SE-ResNet-50", path)
    size = 128
    deploy.write_text(caffe_files.se_resnet50_prototxt(size))
    pixels = image(size)
    peer = cv2.dnn.readNetFromCaffe(str(deploy), str(path))
    bgr = pixels[..., ::-1] - np.array([104, 117, 123])
    peer.setInput(bgr.transpose(0, 3, 1, 2).astype("float32"))
    expected = from_caffe(peer.forward().reshape(-1))
    model = keras_senet.SEResNet50(weights=path, input_shape=(size, size, 3))
    output = keras.ops.convert_to_numpy(model(pixels))[0]
    assert 0.002 < expected.max() < 0.5  # neither all the same nor one class alone
    error = np.abs(output / expected - 1).max()
    print("relative error", error, "largest", expected.max())
    assert error <= 1e-4


def test_golden_layers_are_made_from_deploy_files(tmp_path):
    path = tmp_path / "SE-ResNet-50.prototxt"
    path.write_text(caffe_files.se_resnet50_prototxt(224))
    make_caffe.write(path, tmp_path)
    committed = caffe_files.GOLDEN / "SE-ResNet-50.csv"
    assert path.with_suffix(".csv").read_bytes() == committed.read_bytes()


def test_layers_that_only_other_deploy_files_have():
    """Groups of SENet-154, and the concatenation and the product of SE-BN-Inception."""
    network = make_caffe.parse("""
        name: "x"  # mean_value: 104, 117, 123
        layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 6 } } }
        layer {
          name: "a/3x3" type: "Convolution" bottom: "data" top: "a"
          convolution_param { num_output: 8 bias_term: false kernel_size: 3 group: 2 }
        }
        layer { name: "concat" type: "Concat" bottom: "a" bottom: "data" top: "concat" }
        layer { name: "scaled" type: "Scale" bottom: "concat" bottom: "concat" top: "scaled"
                scale_param { axis: 0 bias_term: false } }
        layer { name: "fc" type: "InnerProduct" bottom: "scaled" top: "fc"
                inner_product_param { num_output: 5 } }
        """)
    assert list(make_caffe.layers(network)) == [
        ("a/3x3", "Convolution", [[8, 3, 3, 3]]),
        ("fc", "InnerProduct", [[5, 14], [5]]),
    ]


def test_files_of_the_first_format(tmp_path):
    rng = np.random.default_rng(0)
    kernel, bias = rng.normal(size=(4, 3, 3, 3)), rng.normal(size=4)
    matrix = rng.normal(size=(5, 4))
    path = tmp_path / "x.caffemodel"
    path.write_bytes(
        caffe_files.message("conv", "Convolution", [kernel, bias], v1=True)
        + caffe_files.message("fc", "InnerProduct", [matrix], v1=True)
    )
    tensors = read_caffemodel(path)
    np.testing.assert_array_equal(tensors["conv.weight"], kernel.astype("float32"))
    np.testing.assert_array_equal(tensors["conv.bias"], bias.astype("float32"))
    np.testing.assert_array_equal(tensors["fc.weight"], matrix.astype("float32"))


def test_the_order_of_labels_is_a_permutation():
    ids = [wnid for wnid, _, _ in imagenet_classes()]
    assert ids == sorted(ids)
    # The challenge's first classes: kit fox, English setter, Siberian husky.
    caffe = from_caffe(np.arange(1000))
    assert sorted(caffe) == list(range(1000))
    assert [ids[list(caffe).index(i)] for i in range(3)] == ["n02119789", "n02100735", "n02110185"]
