r"""Where a port of weights differs: `python -m keras_senet.analysis.ports.check FILE`.

Example:
    python -m keras_senet.analysis.ports.check seresnet50.safetensors --against timm \
        --network SEResNet50 --peer seresnet50 --images photo.jpg
"""

import sys

import numpy as np

from keras_senet import mistakes
from keras_senet.analysis.ports import parity
from keras_senet.data import load_image


def main(arguments=None):
    """Compares, prints the first layer that differs; returns 1 if there is one, else 0."""
    parser = mistakes.Parser(description="Compare our network with timm's, layer by layer.")
    parser.add_argument("file", help="weights in a layout of timm")
    parser.add_argument("--against", choices=["timm"], default="timm")
    parser.add_argument("--network", required=True, help="our architecture, such as SEResNet50")
    parser.add_argument("--peer", required=True, help="timm's network, such as seresnet50")
    parser.add_argument("--images", nargs="*", default=[], help="image files; default: noise")
    parser.add_argument("--size", type=int, default=224, help="of the images in pixels")
    parser.add_argument("--peer_python", default=sys.executable, help="the Python that has timm")
    parser.add_argument("--tolerance", type=float, default=1e-4)
    chosen = parser.parse_args(arguments)
    network = mistakes.architecture(chosen.network, "--network")
    size = chosen.size
    if chosen.images:
        model = network.replace(depths=(1,) * len(network.depths))(input_shape=(size, size, 3))
        images = np.concatenate([load_image(path, model) for path in chosen.images])
    else:
        images = np.random.default_rng(0).integers(0, 256, (1, size, size, 3), "uint8")
    differences = parity.compare(
        network, chosen.file, chosen.peer, images, peer_python=chosen.peer_python
    )
    text = parity.report(differences, chosen.tolerance)
    print(text)
    return int(text.startswith("First"))


if __name__ == "__main__":
    with mistakes.said():
        sys.exit(main())
