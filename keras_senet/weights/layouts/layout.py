"""How a family of weight files names its tensors."""

import dataclasses
import re

BATCH_NORM = {
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


@dataclasses.dataclass(frozen=True)
class Layout:
    """Names in a family of weight files.

    Attributes:
        name: What to call it in messages.
        mark: Regular expression found in some tensor name of this layout and no other.
        rows: Pairs of a regular expression over our layer names and the module it is named in the
            file: `{0}`, `{1}` are the groups, numbers counted from `first`.
        first: Number of the first stage and of the first block in the file.
        head: Module of the classifier.
        networks: Names of the classes of architectures that it has weights for.
        products: What the two products of an SE block append to its module's name.
        dense: Modules that are fully connected in the file and convolutions of ours.
        trunk: Fields that all its networks have.
        se: Fields of the `SEConfig` that all its networks were trained with.
        warm_start: Whether its networks have no SE, and SE blocks of ours start as identities.
        channel_order: Of the pixels that the first convolution reads, `"rgb"` or `"bgr"`.
        labels: Order of the 1000 classes of ImageNet, `"imagenet"` or `"caffe"`.
    """

    name: str
    mark: str
    rows: tuple[tuple[str, str], ...]
    first: tuple[int, int]
    head: str
    networks: tuple[str, ...]
    products: tuple[str, str] = ("1", "2")
    dense: tuple[str, ...] = ()
    trunk: dict = dataclasses.field(default_factory=dict)
    se: dict = dataclasses.field(default_factory=dict)
    warm_start: bool = False
    channel_order: str = "rgb"
    labels: str = "imagenet"

    def module(self, layer):
        """Name in the file of our layer of this name (SE: of its two products)."""
        for pattern, template in ((r"head", self.head), *self.rows):
            match = re.fullmatch(pattern, layer)
            if match:
                return template.format(*self._numbers(pattern, match.groups()))
        raise ValueError(
            f"The {self.name} layout has no counterpart of our layer {layer!r}: "
            "its files are for other networks."
        )

    def variables(self, model, without=()):
        """Pairs of a tensor's name in the file and our variable for it, layer by layer.

        Args:
            model: `keras.Model` of this package.
            without: Names of layers to leave out.
        """
        for layer in model.layers:
            for variable in () if layer.name in without else layer.weights:
                # "kernel", or "reduce/kernel" and "expand/kernel" in an SE block.
                *product, kind = variable.path.split(f"{layer.name}/")[-1].split("/")
                module = self.module(layer.name)
                if product:
                    module += self.products[("reduce", "expand").index(product[-1])]
                suffix = BATCH_NORM.get(kind, "weight" if kind == "kernel" else kind)
                yield f"{module}.{suffix}", variable

    def _numbers(self, pattern, groups):
        if not pattern.startswith("stage("):
            return groups
        stage, block, *rest = groups
        # Our stages count from 2, our blocks from 1.
        return (int(stage) - 2 + self.first[0], int(block) - 1 + self.first[1], *rest)


BLOCK = r"stage(\d+)_block(\d+)"
