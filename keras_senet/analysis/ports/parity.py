"""The same weights in our network and in timm's, the reference implementation, layer by layer."""

import dataclasses
import pathlib
import subprocess
import sys
import tempfile

import keras
import numpy as np

from keras_senet.weights.public_weights import PublicWeights

# Runs in the Python that has timm, which may have no Keras.
PEER = """
import sys, numpy, torch, contextlib
schemas = torch.library.Library("torchvision", "FRAGMENT")  # CPU builds may lack these
for operator in ("nms(Tensor d, Tensor s, float t) -> Tensor",
                 "qnms(Tensor d, Tensor s, float t) -> Tensor"):
    with contextlib.suppress(RuntimeError):
        schemas.define(operator)
import timm
name, state, images, out = sys.argv[1:]
network = timm.create_model(name, num_classes=CLASSES).eval()
tensors = {k: torch.from_numpy(v) for k, v in numpy.load(state).items()}
network.load_state_dict(tensors, strict=True)
outputs = {}
def keep(key):  # a copy: activations in place follow
    return lambda module, inputs, output: outputs.__setitem__(key, output.numpy().copy())
for key, module in network.named_modules():
    # Subclasses hold an activation, or padding of their own.
    if type(module) in (torch.nn.Conv2d, torch.nn.BatchNorm2d, torch.nn.Linear):
        module.register_forward_hook(keep(key))
with torch.no_grad():
    network(torch.from_numpy(numpy.load(images)).permute(0, 3, 1, 2).contiguous())
numpy.savez(out, **outputs)
"""


@dataclasses.dataclass(frozen=True)
class Difference:
    """One layer in both networks.

    Attributes:
        layer: Name of our layer.
        module: Name of timm's module.
        error: Largest difference of an output over the largest output.
    """

    layer: str
    module: str
    error: float


def compare(architecture, path, peer, images, peer_python=sys.executable):
    """Outputs of every convolution, normalization and dense layer in ours and in timm's network.

    Args:
        architecture: An `Architecture`, with the fields of its backbone that the file leaves open.
        path: A weights file in a layout of timm.
        peer: Name of timm's network, `"seresnet50"`.
        images: Raw RGB pixels `(N, H, W, 3)` in 0..255.
        peer_python: The Python that has timm.

    Returns:
        A list of `Difference`, in the order of our layers.

    Raises:
        ValueError: If the file does not fit our network.
        RuntimeError: If it does not fit timm's, or timm does not run.
    """
    model = architecture(weights=path, input_shape=images.shape[1:], classifier_activation=None)
    file = PublicWeights(path)
    tensors, layout = file.tensors, file.layout
    layers = [
        layer
        for layer in model.layers
        if layer.weights and isinstance(layer.output, keras.KerasTensor)
    ]
    view = model.get_layer("preprocessing")
    ours = keras.Model(model.inputs[0], [view.output, *(layer.output for layer in layers)])
    normalized, *outputs = (keras.ops.convert_to_numpy(x) for x in ours(images, training=False))
    theirs = _run_peer(peer_python, peer, tensors, normalized, layout)
    differences = []
    for layer, output in zip(layers, outputs, strict=True):
        try:
            module = layout.module(layer.name)
        except ValueError:
            continue
        if module not in theirs:
            continue
        expected = theirs[module]
        expected = expected.transpose(0, 2, 3, 1) if expected.ndim == 4 else expected
        error = np.inf
        if layer.name == "head":
            output = output.reshape(expected.shape)
        if output.shape == expected.shape:
            error = float(np.abs(output - expected).max() / max(np.abs(expected).max(), 1e-12))
        differences.append(Difference(layer.name, module, error))
    return differences


def _run_peer(peer_python, peer, tensors, images, layout):
    with tempfile.TemporaryDirectory() as folder:
        state, inputs, out = (str(pathlib.Path(folder) / x) for x in ("s.npz", "i.npy", "o.npz"))
        np.savez(state, **tensors)
        np.save(inputs, images.astype("float32"))
        classes = tensors[f"{layout.head}.weight"].shape[0]
        code = PEER.replace("CLASSES", str(classes))
        done = subprocess.run(
            [peer_python, "-c", code, peer, state, inputs, out],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"timm cannot run {peer} with this file: {done.stderr[-1500:]}")
        with np.load(out) as outputs:
            return dict(outputs)


def report(differences, tolerance=1e-4):
    """A text that names the first layer that differs, and the last before it that does not."""
    before = None
    for one in differences:
        if one.error > tolerance:
            agrees = f"; {before.layer} agrees" if before else ""
            return (
                f"First difference: {one.layer} ({one.module}), relative error {one.error:.2g}"
                f"{agrees}. Look at it and at what is between them (stride, padding, pooling, "
                "activation)."
            )
        before = one
    worst = max(differences, key=lambda one: one.error)
    return f"All {len(differences)} layers agree; worst: {worst.layer}, {worst.error:.2g}"
