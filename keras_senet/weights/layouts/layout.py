"""A layout: how the files of one source and kind of network name their tensors."""

import dataclasses
import re

BLOCK = r"stage(\d+)_block(\d+)"
# How the layers behind the stages are called. `include_top=False` builds none of the `head`, a
# feature pyramid no last convolution and normalization either.
TOP = ("head", "last")
FC = ("reduce", "expand")  # the two layers inside of an SE block
# Keras' names of a normalization's variables, and PyTorch's.
BATCH_NORM = {
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


@dataclasses.dataclass(frozen=True)
class Layout:
    """Names of tensors in public weights files, and the order of channels and classes in them.

    Which networks a layout has weights for, and which of their fields its files decide, the
    architectures say: `Architecture.released_fields`.

    Attributes:
        name: Name of the layout in messages.
        mark: Regular expression that recognizes the layout: some tensor name matches it in every
            file of this layout.
        rows: Pairs of a regular expression over our layer names and the module's name in the file:
            `{0}`, `{1}` are the groups, stages and blocks counted from `first`.
        first: Number of the first stage and of the first block in the file.
        head: Name of the classifier's module.
        fc_suffixes: Suffixes that the two fully connected layers of an SE block (reduce, expand)
            append to the name of its module.
        dense: Names of modules that are fully connected in the file and convolutions of ours.
        warm_start: Whether the file's networks have no SE, so that new SE blocks start as
            identities.
        channel_order: Order of the input channels of the first convolution, `"rgb"` or `"bgr"`.
        labels: Order of ImageNet's 1000 classes, `"imagenet"` or `"caffe"`; see
            `keras_senet.weights.decode_predictions`.
    """

    name: str
    mark: str
    rows: tuple[tuple[str, str], ...]
    first: tuple[int, int]
    head: str
    fc_suffixes: tuple[str, str] = ("1", "2")
    dense: tuple[str, ...] = ()
    warm_start: bool = False
    channel_order: str = "rgb"
    labels: str = "imagenet"

    def module(self, layer):
        """The name in the file of the layer that we call `layer`.

        For an SE block it is the beginning that the names of its two FC layers share.

        Raises:
            ValueError: If the layout has no such layer.
        """
        for pattern, template in ((r"head", self.head), *self.rows):
            match = re.fullmatch(pattern, layer)
            if match:
                return template.format(*self._numbers(pattern, match.groups()))
        raise ValueError(
            f"The {self.name} layout has no counterpart of our layer {layer!r}: "
            "its files are for other networks."
        )

    def is_top(self, tensor):
        """Whether a tensor is of a layer behind the stages, which a model may lack: see `TOP`."""
        templates = [self.head, *(template for row, template in self.rows if row.startswith(TOP))]
        modules = "|".join(re.escape(one).replace(r"\{0\}", r"\d+") for one in templates)
        return re.fullmatch(rf"({modules})\.\w+", tensor) is not None

    def variables(self, model, without=()):
        """Pairs of a tensor's name in the file and our variable for it, layer by layer.

        Args:
            model: `keras.Model` that an architecture built.
            without: Names of layers to leave out.
        """
        for layer in model.layers:
            for variable in () if layer.name in without else layer.weights:
                # "kernel", or "reduce/kernel" and "expand/kernel" in an SE block; what ECA and
                # eSE have inside are layers of the layout.
                *inner, kind = variable.path.split(f"{layer.name}/")[-1].split("/")
                if inner and inner[-1] in FC:
                    module = self.module(layer.name) + self.fc_suffixes[FC.index(inner[-1])]
                else:
                    module = self.module("/".join((layer.name, *inner)))
                suffix = BATCH_NORM.get(kind, "weight" if kind == "kernel" else kind)
                yield f"{module}.{suffix}", variable

    def _numbers(self, pattern, groups):
        if not pattern.startswith("stage("):
            return groups
        stage, block, *rest = groups
        # Our stages count from 2, our blocks from 1.
        return (int(stage) - 2 + self.first[0], int(block) - 1 + self.first[1], *rest)
