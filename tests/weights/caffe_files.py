"""Writes `.caffemodel` and deploy files, with Caffe's own names and blob shapes."""

import csv
import pathlib

import numpy as np

from keras_senet.weights.readers.caffe import _messages

GOLDEN = pathlib.Path(__file__).parents[1] / "golden" / "caffe"


def layers(network):
    """Names, types and blob shapes of the authors' deploy file of this name."""
    with (GOLDEN / f"{network}.csv").open() as file:
        for row in csv.DictReader(file):
            shapes = [tuple(map(int, blob.split("x"))) for blob in row["blobs"].split()]
            yield row["layer"], row["type"], shapes


def random_blobs(kind, shapes, rng, last):
    """Blobs of a layer, of sizes that keep a deep sum in a range; `last` of a branch: weak."""
    if kind == "BatchNorm":
        # Sums over a moving window of ten, which the factor divides.
        return [
            rng.normal(0, 1, shapes[0]),
            rng.uniform(5, 15, shapes[1]),
            np.full(shapes[2], 10.0),
        ]
    if kind == "Scale":
        weak = 0.3 if last else 1
        return [weak * rng.uniform(0.5, 1.5, shapes[0]), rng.normal(0, 0.1, shapes[1])]
    weights = rng.standard_normal(shapes[0], "float32")
    # Pixels are not normalized, and probabilities should differ from 0 and 1.
    scale = {3: 1 / 64}.get(shapes[0][1], 1) if kind == "Convolution" else 0.1
    weights *= scale * np.sqrt(2 / np.prod(shapes[0][1:]))
    return [weights, *(rng.normal(0, 0.1, shape) for shape in shapes[1:])]


def message(name, kind, blobs, v1=False):
    """One layer as the bytes of a field of NetParameter."""
    messages = _messages()
    layer = messages["V1LayerParameter" if v1 else "LayerParameter"](name=name)
    layer.type = {"Convolution": 4, "InnerProduct": 14}[kind] if v1 else kind
    for values in blobs:
        blob = layer.blobs.add(data=np.asarray(values, "<f4").tobytes())
        if v1:
            four = (1,) * (4 - values.ndim) + values.shape
            blob.num, blob.channels, blob.height, blob.width = four
        else:
            blob.shape.dim.extend(values.shape)
    content = layer.SerializeToString()
    return _varint((2 if v1 else 100) << 3 | 2) + _varint(len(content)) + content


def write(network, path, seed=0):
    """Writes random weights for a network of the authors; returns the blobs by layer."""
    rng = np.random.default_rng(seed)
    written = {}
    with path.open("wb") as file:
        file.write(b"\x0a\x07network")  # its name
        for name, kind, shapes in layers(network):
            blobs = random_blobs(kind, shapes, rng, "increase" in name)
            written[name] = blobs
            file.write(message(name, kind, blobs))
        file.write(message("prob", "Softmax", []))
    return written


def _varint(value):
    content = bytearray()
    while value > 0x7F:
        content.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*content, value])


def se_resnet50_prototxt(size):
    """The deploy file of SE-ResNet-50 for images of `size` pixels, with Axpy as Scale and sum."""
    text = [
        'layer { name: "data" type: "Input" top: "data" input_param: { shape: { dim: 1 dim: 3 '
        f"dim: {size} dim: {size} }} }} }}",
        _conv("conv1/7x7_s2", "data", 64, 7, stride=2, pad=3),
        _relu("conv1/7x7_s2"),
        'layer { name: "pool1" type: "Pooling" bottom: "conv1/7x7_s2" top: "pool1" '
        "pooling_param { pool: MAX kernel_size: 3 stride: 2 } }",
    ]
    bottom = "pool1"
    for stage, depth in zip((2, 3, 4, 5), (3, 4, 6, 3), strict=True):
        width = 64 * 2 ** (stage - 2)
        for index in range(1, depth + 1):
            name = f"conv{stage}_{index}"
            stride = 2 if index == 1 and stage > 2 else 1
            text += _unit(name, bottom, width, stride, projected=index == 1)
            bottom = name
    text += [
        f'layer {{ name: "pool5" type: "Pooling" bottom: "{bottom}" top: "pool5" '
        "pooling_param { pool: AVE global_pooling: true } }",
        'layer { name: "classifier" type: "InnerProduct" bottom: "pool5" top: "classifier" '
        "inner_product_param { num_output: 1000 } }",
        'layer { name: "prob" type: "Softmax" bottom: "classifier" top: "prob" }',
    ]
    return "\n".join(text)


def _unit(name, bottom, width, stride, projected):
    """1x1, 3x3, 1x1, SE, sum, ReLU."""
    lines = [
        _conv(f"{name}_1x1_reduce", bottom, width, 1, stride=stride),
        _relu(f"{name}_1x1_reduce"),
        _conv(f"{name}_3x3", f"{name}_1x1_reduce", width, 3, pad=1),
        _relu(f"{name}_3x3"),
        _conv(f"{name}_1x1_increase", f"{name}_3x3", 4 * width, 1),
        f'layer {{ name: "{name}_global_pool" type: "Pooling" bottom: "{name}_1x1_increase" '
        f'top: "{name}_global_pool" pooling_param {{ pool: AVE global_pooling: true }} }}',
        _conv(f"{name}_1x1_down", f"{name}_global_pool", width // 4, 1, norm=False),
        _relu(f"{name}_1x1_down"),
        _conv(f"{name}_1x1_up", f"{name}_1x1_down", 4 * width, 1, norm=False),
        f'layer {{ name: "{name}_prob" type: "Sigmoid" bottom: "{name}_1x1_up" '
        f'top: "{name}_1x1_up" }}',
    ]
    shortcut = bottom
    if projected:
        shortcut = f"{name}_1x1_proj"
        lines.append(_conv(shortcut, bottom, 4 * width, 1, stride=stride))
    lines += [
        f'layer {{ name: "{name}_scaled" type: "Scale" bottom: "{name}_1x1_increase" '
        f'bottom: "{name}_1x1_up" top: "{name}_scaled" scale_param {{ axis: 0 bias_term: false }} '
        "}",
        f'layer {{ name: "{name}" type: "Eltwise" bottom: "{name}_scaled" bottom: "{shortcut}" '
        f'top: "{name}" }}',
        _relu(name),
    ]
    return lines


def _conv(name, bottom, filters, kernel_size, *, stride=1, pad=0, norm=True):
    bias = "false" if norm else "true"
    lines = [
        f'layer {{ name: "{name}" type: "Convolution" bottom: "{bottom}" top: "{name}" '
        f"convolution_param {{ num_output: {filters} kernel_size: {kernel_size} stride: {stride} "
        f"pad: {pad} bias_term: {bias} }} }}"
    ]
    if norm:
        lines += [
            f'layer {{ name: "{name}/bn" type: "BatchNorm" bottom: "{name}" top: "{name}" '
            "batch_norm_param { use_global_stats: true eps: 1e-5 } }",
            f'layer {{ name: "{name}/bn/scale" type: "Scale" bottom: "{name}" top: "{name}" '
            "scale_param { bias_term: true } }",
        ]
    return "\n".join(lines)


def _relu(name):
    return f'layer {{ name: "{name}/relu" type: "ReLU" bottom: "{name}" top: "{name}" }}'
