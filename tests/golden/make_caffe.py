"""Makes the files of caffe/ again: layers and blob shapes of the authors' deploy files.

They are `models/*.prototxt` of https://github.com/hujie-frank/SENet: fetch them, then
python tests/golden/make_caffe.py models/*.prototxt
"""

import csv
import pathlib
import re
import sys

FOLDER = pathlib.Path(__file__).with_name("caffe")


def parse(text):
    """A message of protobuf's text format: name -> list of its values, each text or a message."""
    text = re.sub(r"#.*", "", text)
    return _message(iter(re.findall(r'"[^"]*"|[{}]|[^\s{}:"]+', text)))


def _message(tokens):
    fields = {}
    for name in tokens:
        if name == "}":
            break
        value = next(tokens)
        fields.setdefault(name, []).append(_message(tokens) if value == "{" else value.strip('"'))
    return fields


def layers(network):
    """Yields name, type and blob shapes of the layers that have weights, as Caffe makes them.

    Only channels are followed: a fully connected layer must come after a global pooling.
    """
    channels = {}
    for layer in network["layer"]:
        (name,), (kind,) = layer["name"], layer["type"]
        bottoms = [channels[bottom] for bottom in layer.get("bottom", ())]
        out, blobs = bottoms[0] if bottoms else 0, []
        if kind == "Input":
            ((shape,),) = (options["shape"] for options in layer["input_param"])
            out = int(shape["dim"][1])
        elif kind == "Convolution":
            out, blobs = _weights(layer["convolution_param"][0], bottoms[0])
        elif kind == "InnerProduct":
            out, blobs = _weights(layer["inner_product_param"][0], bottoms[0])
        elif kind == "BatchNorm":  # mean, variance and their factor
            blobs = [[out], [out], [1]]
        elif kind == "Scale" and len(bottoms) == 1:  # one of two bottoms multiplies them
            blobs = [[out], [out]]
        elif kind == "Concat":
            out = sum(bottoms)
        channels |= dict.fromkeys(layer["top"], out)
        if blobs:
            yield name, kind, blobs


def _weights(options, channels):
    """Outputs and blob shapes of a convolution, or of a fully connected layer: no kernel size."""
    out, group = int(options["num_output"][0]), int(options.get("group", ["1"])[0])
    kernel = [int(size) for size in options.get("kernel_size", ()) for _ in range(2)]
    blobs = [[out, channels // group, *kernel]]
    return out, blobs + ([[out]] if options.get("bias_term") != ["false"] else [])


def write(path, folder=FOLDER):
    """Writes the csv file of one deploy file."""
    rows = [("layer", "type", "blobs")]
    for name, kind, blobs in layers(parse(path.read_text())):
        rows.append((name, kind, " ".join("x".join(map(str, shape)) for shape in blobs)))
    with (folder / f"{path.stem}.csv").open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


if __name__ == "__main__":
    if not sys.argv[1:] or not all(argument.endswith(".prototxt") for argument in sys.argv[1:]):
        sys.exit(f"Expected paths of .prototxt files. Received: {sys.argv[1:]}")
    for argument in sys.argv[1:]:
        write(pathlib.Path(argument))
