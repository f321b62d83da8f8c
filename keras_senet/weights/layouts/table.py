"""The table of layouts: which one a file has, after which prefix, and what it decides."""

import dataclasses
import logging
import re

from keras_senet.weights.layouts import caffe, keras_applications, pytorchcv, timm

logger = logging.getLogger("keras_senet")

# A file may have the marks of several layouts: the first one in this table counts.
LAYOUTS = (
    timm.LEGACY_RESNET,
    timm.RESNET_RS,
    timm.RESNET_D,
    timm.RESNET,
    timm.REGNET,
    caffe.RESNET,
    caffe.INCEPTION,
    keras_applications.RESNET,
    keras_applications.VGG,
    keras_applications.MOBILENET,
    *keras_applications.MOBILENET_V3,
    keras_applications.EFFICIENTNET,
    keras_applications.EFFICIENTNET_V2,
    keras_applications.EFFICIENTNET_V2_B,
    keras_applications.INCEPTION_RESNET,
    pytorchcv.BN_INCEPTION,
    pytorchcv.VGG,
    pytorchcv.MOBILENET,
    pytorchcv.SHUFFLENET_V2,
    pytorchcv.SHUFFLENET,
    timm.EFFICIENTNET_V2,
    timm.EFFICIENTNET,
    timm.MOBILENET_V3,
    pytorchcv.CIFAR_RESNET,
    pytorchcv.CIFAR_PREACTIVATION,
)
COUNTERS = re.compile(r"(.*\.)?num_batches_tracked")  # of PyTorch's batch normalization
# Of tools that count operations (thop) and average weights (torch.optim.swa_utils).
TALLIES = re.compile(r"(.*\.)?(total_ops|total_params|n_averaged)")


def plain_names(tensors, path):
    """The tensors under the names of their layout, without a wrapper's prefix.

    The prefix that all names begin with is taken off: `module.` (DataParallel), `_orig_mod.`
    (torch.compile), `model.` (Lightning), `backbone.`, or any other. The prefix is what comes
    before the mark of a layout; a beginning that all names of the layout itself share is kept.

    Args:
        tensors: Dict from names to arrays.
        path: Path of the file, for messages.

    Returns:
        A dict from names to arrays, without counters, which are no weights.

    Raises:
        ValueError: If the file has a layout behind several prefixes, or other tensors beside it.
    """
    tallies = [name for name in tensors if TALLIES.fullmatch(name)]
    if tallies:
        logger.warning(
            "%s: %d counters such as %r are no weights and passed over.",
            path,
            len(tallies),
            tallies[0],
        )
    weights = {
        name: value
        for name, value in tensors.items()
        if not COUNTERS.fullmatch(name) and name not in tallies
    }
    prefixes = _prefixes(weights)
    if len(prefixes) > 1:
        raise ValueError(
            f"{path} has several networks: their tensors begin with "
            f"{' and '.join(map(repr, prefixes))}. Expected one. Save the one that is wanted alone."
        )
    prefix = next(iter(prefixes), "")
    others = [name for name in weights if not name.startswith(prefix)]
    if others:
        raise ValueError(
            f"Tensors of {path} begin with {prefix!r}, but {len(others)} of {len(weights)} do "
            f"not, such as {others[0]!r}. Expected one common prefix. Save the network alone, or "
            "rename them."
        )
    return {name.removeprefix(prefix): value for name, value in weights.items()}


def _prefixes(names):
    """The texts before the marks of layouts, sorted."""
    marks = [re.compile(rf"(.*\.)?{layout.mark.removeprefix('^')}") for layout in LAYOUTS]
    matches = (mark.match(name) for mark in marks for name in names)
    return sorted({match[1] or "" for match in matches if match})


def detect(names):
    """The `Layout` of a file with tensors of these names.

    Raises:
        ValueError: If no layout of the table has such names.
    """
    for layout in LAYOUTS:
        if any(re.search(layout.mark, name) for name in names):
            return layout
    raise ValueError(
        "Unknown weight layout. Expected tensor names of timm ('layer1.0.conv1.weight', "
        "'conv_stem.weight', "
        "'s1.b1.conv1.conv.weight'), of Caffe ('conv2_1_1x1_reduce'), of the Caffe-derived files "
        "('layer0.conv1.weight'), of keras.applications ('conv1_conv') or of pytorchcv "
        f"('features.init_block.conv.weight'). Received names such as {sorted(names)[:3]}."
    )


def fit(layout, architecture):
    """`architecture` with the fields that files of this layout decide, SE included.

    No tensor shows stem pooling and stride: without these fields a file would load without any
    error into a network that computes something else, and accuracy would suffer.

    Args:
        layout: `Layout` of the file.
        architecture: An `Architecture`, whose `released_fields` say what each layout decides.

    Raises:
        ValueError: If the layout has no weights for the network, or its weights were trained with
            another SE design.
    """
    fields = architecture.released_fields.get(layout)
    if fields is None:
        fitting = [one.name for one in LAYOUTS if one in architecture.released_fields]
        others = f"Layouts that have: {', '.join(fitting)}." if fitting else "None has any."
        plain = " without SE" if architecture.se is None else ""
        if layout in architecture.variants:
            others = f"Its variant has: replace({architecture.variants[layout]}). {others}"
        raise ValueError(
            f"The {layout.name} layout has no weights for {architecture.name} "
            f"({type(architecture).__name__}){plain}. {others} Files of this package and of "
            "Keras fit it."
        )
    if architecture.se is None:
        return architecture.replace(**{**fields, "se": None})
    if layout.warm_start:
        return architecture.replace(**fields, se=_identity(layout, architecture.se))
    # Not compared are `stages`: where they differ, tensors are missing in the file, or left over.
    default = type(architecture.se)()
    se = dataclasses.replace(fields.get("se", default), stages=architecture.se.stages)
    if _without_divisor(architecture.se) != _without_divisor(se):
        raise ValueError(
            f"Weights of the {layout.name} layout were trained with {se}. "
            f"Received an architecture with {architecture.se}."
        )
    return architecture.replace(**{**fields, "se": se})


def _identity(layout, se):
    """The SE design with the gate that lets its blocks start as identities."""
    try:
        return se.as_identity()
    except ValueError as error:
        raise ValueError(
            f"Weights of the {layout.name} layout have no SE, and new SE blocks start as "
            f"identities. {error}"
        ) from None


def _without_divisor(se):
    return dataclasses.replace(se, divisor=None) if hasattr(se, "divisor") else se
