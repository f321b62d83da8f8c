"""What a network costs: parameters, multiply-adds, activations and memory, layer by layer."""

import csv
import dataclasses
import math
import pathlib
import re

import keras

from keras_senet.layers import SqueezeExcitation

# The parts of our networks' layer names; other networks have one part.
STAGE = re.compile(r"(stem|stage\d+|head|preprocessing)")


@dataclasses.dataclass(frozen=True)
class LayerCost:
    """One layer, or one operation of an exported file, for one image.

    Attributes:
        name: Name of the layer.
        kind: Its class.
        stage: `"stem"`, `"stage2"`, ..., `"head"`, or `"-"`.
        output_shape: Shape of the output without the batch.
        parameters: Trainable parameters (weights, biases, gamma and beta).
        statistics: Other variables (the moving means and variances).
        macs: Multiply-adds of convolutions and matrix products.
        additions: Additions of poolings, the squeeze among them.
        activations: Numbers in the output of a convolution or matrix product.
        se: Whether it belongs to an SE block.
    """

    name: str
    kind: str
    stage: str
    output_shape: tuple
    parameters: int = 0
    statistics: int = 0
    macs: int = 0
    additions: int = 0
    activations: int = 0
    se: bool = False


@dataclasses.dataclass(frozen=True)
class Cost:
    """The cost of a network for one image; `print` shows it by stage.

    The unit is the multiply-add (MAC): one product and one sum. What the SE paper calls FLOPs are
    multiply-adds; where a FLOP is one operation, FLOPs = 2 MACs. Counted are convolutions and
    matrix products, those of SE included; normalization, activations, element-wise operations and
    biases are not. Poolings are counted apart, in `additions`.

    Attributes:
        name: Name of the model or file.
        layers: A `LayerCost` for each layer, in order of execution.
        peak_bytes: Most bytes that inputs and outputs of layers take at one time, if each tensor
            is freed after its last use and none is overwritten in place; `None` for a file.
    """

    name: str
    layers: tuple[LayerCost, ...]
    peak_bytes: int | None = None

    @property
    def parameters(self):
        """Trainable parameters."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def statistics(self):
        """Other variables; with `parameters` they are Keras' `count_params()`."""
        return sum(layer.statistics for layer in self.layers)

    @property
    def macs(self):
        """Multiply-adds."""
        return sum(layer.macs for layer in self.layers)

    @property
    def flops(self):
        """Operations, two for each multiply-add."""
        return 2 * self.macs

    @property
    def additions(self):
        """Additions of poolings."""
        return sum(layer.additions for layer in self.layers)

    @property
    def activations(self):
        """Numbers that convolutions and matrix products put out."""
        return sum(layer.activations for layer in self.layers)

    @property
    def se(self):
        """The cost of the SE blocks alone."""
        return Cost(f"{self.name}: SE", tuple(layer for layer in self.layers if layer.se))

    @property
    def stages(self):
        """A dictionary from the stage to its `Cost`, in order of execution."""
        names = dict.fromkeys(layer.stage for layer in self.layers)
        return {
            name: Cost(name, tuple(layer for layer in self.layers if layer.stage == name))
            for name in names
        }

    def to_dict(self):
        """Totals, and the layers as dictionaries: ready for JSON."""
        return {
            "name": self.name,
            "parameters": self.parameters,
            "macs": self.macs,
            "additions": self.additions,
            "activations": self.activations,
            "peak_bytes": self.peak_bytes,
            "se": {"parameters": self.se.parameters, "macs": self.se.macs},
            "layers": [dataclasses.asdict(layer) for layer in self.layers],
        }

    def to_csv(self, path):
        """Writes one row for each layer."""
        path = pathlib.Path(path)
        temporary = path.with_name(f"{path.name}.tmp")
        with temporary.open("w", newline="") as file:
            fields = [field.name for field in dataclasses.fields(LayerCost)]
            writer = csv.DictWriter(file, fields)
            writer.writeheader()
            writer.writerows(dataclasses.asdict(layer) for layer in self.layers)
        temporary.rename(path)

    def __str__(self):
        rows = [("", "parameters", "SE", "MACs", "SE", "additions", "activations")]
        for name, part in [*self.stages.items(), ("total", self)]:
            rows.append(
                (
                    name,
                    f"{part.parameters:,}",
                    _share(part.se.parameters, part.parameters),
                    f"{part.macs:,}",
                    _share(part.se.macs, part.macs),
                    f"{part.additions:,}",
                    f"{part.activations:,}",
                )
            )
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(
                cell.rjust(width) if index else cell.ljust(width)
                for index, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in rows
        ]
        title = f"{self.name}: {self.macs / 1e9:.3f} GMACs ({self.flops / 1e9:.3f} GFLOPs)"
        title += f", {self.parameters / 1e6:.3f} M parameters"
        if self.peak_bytes is not None:
            title += f", {self.peak_bytes / 2**20:.1f} MiB of activations at the peak"
        return "\n".join([title, *lines])


def cost(model, input_size=None):
    """Counts what one image costs.

    Args:
        model: A functional or sequential `keras.Model` of any origin, on any backend, or the path
            of a `.tflite` file.
        input_size: Height and width in pixels for a model that leaves them open.

    Returns:
        A `Cost`.

    Raises:
        TypeError: If the model is neither.
        ValueError: If a size stays open, or a layer with a kernel is of a kind that is not known
            here, so that its multiply-adds would be missing.

    Example:
        >>> cost(keras_senet.SEResNet50()).macs
        3860488192
    """
    if isinstance(model, (str, pathlib.Path)):
        from keras_senet.analysis.tflite_cost import tflite_cost

        return tflite_cost(model)
    if not isinstance(model, keras.Model) or not getattr(model, "inputs", None):
        raise TypeError(
            "Expected a functional keras.Model (or a built sequential one), or the path of a "
            f".tflite file. Received: {model!r}"
        )
    if input_size is not None:
        model = keras.models.clone_model(
            model, input_tensors=keras.Input((input_size, input_size, model.inputs[0].shape[-1]))
        )
    if None in model.inputs[0].shape[1:]:
        raise ValueError(
            f"Model {model.name!r} takes images of any size, {tuple(model.inputs[0].shape[1:])}. "
            "Pass input_size=224 (pixels), for example."
        )
    if isinstance(model, keras.Sequential):
        model = keras.Model(model.inputs, model.outputs, name=model.name)
    return Cost(model.name, tuple(_layers(model, set())), _peak_bytes(model))


def _nodes(model):
    """The calls of layers in order of execution."""
    if isinstance(model, keras.Sequential):
        model = keras.Model(model.inputs, model.outputs)
    depths = sorted(model._nodes_by_depth, reverse=True)
    for node in (node for depth in depths for node in model._nodes_by_depth[depth]):
        if not isinstance(node.operation, keras.layers.InputLayer):
            yield node


def _layers(model, seen):
    for node in _nodes(model):
        layer = node.operation
        if isinstance(layer, keras.Model):
            yield from _layers(layer, seen)
            continue
        stage = STAGE.match(layer.name)
        weights = [] if layer in seen else getattr(layer, "weights", [])
        seen.add(layer)
        trainable = {id(weight) for weight in getattr(layer, "trainable_variables", [])}
        # A frozen layer's parameters are parameters.
        statistics = [w for w in weights if id(w) not in trainable and "moving" in w.name]
        macs, additions = _operations(layer, node)
        yield LayerCost(
            name=layer.name,
            kind=type(layer).__name__,
            stage=stage.group(1) if stage else "-",
            output_shape=tuple(node.output_tensors[0].shape[1:]),
            parameters=_count(weights) - _count(statistics),
            statistics=_count(statistics),
            macs=macs,
            additions=additions,
            activations=_size(node.output_tensors[0]) if macs else 0,
            se=isinstance(layer, SqueezeExcitation) or "_se_" in f"{layer.name}_",
        )


def _operations(layer, node):
    """Multiply-adds, and additions of pooling."""
    inputs, outputs = node.input_tensors[0], node.output_tensors[0]
    kinds = keras.layers
    if isinstance(layer, SqueezeExcitation):
        return _squeeze_excitation(layer, inputs)
    if isinstance(layer, (kinds.DepthwiseConv1D, kinds.DepthwiseConv2D)):
        return _size(outputs) * math.prod(layer.kernel_size), 0
    if isinstance(layer, (kinds.SeparableConv1D, kinds.SeparableConv2D)):
        middle = inputs.shape[-1] * layer.depth_multiplier
        pixels = _size(outputs) // layer.filters
        return pixels * middle * (math.prod(layer.kernel_size) + layer.filters), 0
    if isinstance(layer, (kinds.Conv1DTranspose, kinds.Conv2DTranspose, kinds.Conv3DTranspose)):
        return _size(inputs) * math.prod(layer.kernel_size) * layer.filters, 0
    if isinstance(layer, (kinds.Conv1D, kinds.Conv2D, kinds.Conv3D)):
        fan_in = math.prod(layer.kernel_size) * inputs.shape[-1] // layer.groups
        return _size(outputs) * fan_in, 0
    if isinstance(layer, kinds.Dense):
        return _size(outputs) * inputs.shape[-1], 0
    if isinstance(layer, (kinds.GlobalAveragePooling2D, kinds.GlobalMaxPooling2D)):
        return 0, _size(inputs)
    if isinstance(layer, (kinds.AveragePooling2D, kinds.MaxPooling2D)):
        return 0, _size(outputs) * math.prod(layer.pool_size)
    if any("kernel" in weight.name for weight in getattr(layer, "weights", [])):
        raise ValueError(
            f"The multiply-adds of layer {layer.name!r} are unknown: no rule for a layer of class "
            f"{type(layer).__name__}. Known are convolutions, Dense and SqueezeExcitation."
        )
    return 0, 0


def _squeeze_excitation(layer, inputs):
    pixels, channels = math.prod(inputs.shape[1:3]), inputs.shape[-1]
    products = 2 * channels * layer.hidden_width(channels)
    if layer.squeeze == "none":
        return products * pixels, 0
    if layer.squeeze == "conv":
        return products + pixels * channels, 0
    return products, pixels * channels


def _peak_bytes(model):
    nodes = list(_nodes(model))
    last_use = {
        id(tensor): index for index, node in enumerate(nodes) for tensor in node.input_tensors
    }
    last_use.update((id(tensor), len(nodes)) for tensor in model.outputs)
    alive = {id(tensor): _bytes(tensor) for tensor in model.inputs}
    peak = 0
    for index, node in enumerate(nodes):
        alive.update((id(tensor), _bytes(tensor)) for tensor in node.output_tensors)
        inside = _peak_bytes(node.operation) if isinstance(node.operation, keras.Model) else 0
        peak = max(peak, sum(alive.values()), inside)
        alive = {key: size for key, size in alive.items() if last_use.get(key, index) > index}
    return peak


def _size(tensor):
    return math.prod(tensor.shape[1:])


def _bytes(tensor):
    return _size(tensor) * {"float16": 2, "bfloat16": 2, "uint8": 1}.get(tensor.dtype, 4)


def _count(weights):
    return sum(math.prod(weight.shape) for weight in weights)


def _share(part, whole):
    return f"{part / whole:.2%}" if part else "-"
