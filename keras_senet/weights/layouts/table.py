"""Public layouts: how their tensors are named, and which trunk their networks have."""

import dataclasses
import re

from keras_senet.weights.layouts.caffe import CAFFE_INCEPTION, CAFFE_RESIDUAL
from keras_senet.weights.layouts.keras_applications import KERAS_LAYOUTS
from keras_senet.weights.layouts.layout import BLOCK, Layout
from keras_senet.weights.layouts.pytorchcv import FAMILIES

TIMM = Layout(
    name="timm",
    mark=r"^layer1\.0\.conv1\.weight$",
    rows=(
        (r"stem_conv", "conv1"),
        (r"stem_conv_bn", "bn1"),
        (r"stem_conv1", "conv1.0"),
        (r"stem_conv1_bn", "conv1.1"),
        (r"stem_conv2", "conv1.3"),
        (r"stem_conv2_bn", "conv1.4"),
        (r"stem_conv3", "conv1.6"),
        (r"stem_conv3_bn", "bn1"),
        (BLOCK + r"_conv(\d)", "layer{0}.{1}.conv{2}"),
        (BLOCK + r"_conv(\d)_bn", "layer{0}.{1}.bn{2}"),
        (BLOCK + r"_se", "layer{0}.{1}.se.fc"),
        (BLOCK + r"_shortcut", "layer{0}.{1}.downsample.0"),
        (BLOCK + r"_shortcut_bn", "layer{0}.{1}.downsample.1"),
    ),
    first=(1, 0),
    head="fc",
    networks=("ResNet",),
    se={"divisor": 8},
)
LEGACY = Layout(
    name="Caffe-derived (timm legacy)",
    mark=r"^layer0\.conv1\.weight$",
    rows=(
        (r"stem_conv", "layer0.conv1"),
        (r"stem_conv_bn", "layer0.bn1"),
        (r"stem_conv(\d)", "layer0.conv{0}"),
        (r"stem_conv(\d)_bn", "layer0.bn{0}"),
        (BLOCK + r"_se", "layer{0}.{1}.se_module.fc"),
        *(row for row in TIMM.rows if row[0].startswith("stage") and not row[0].endswith("_se")),
    ),
    first=(1, 0),
    head="last_linear",
    networks=("ResNet",),
)
PYTORCHCV = Layout(
    name="pytorchcv (CIFAR)",
    mark=r"^features\.init_block\.(conv\.)?weight$",
    rows=(
        (r"stem_conv", "features.init_block.conv"),
        (r"stem_conv_bn", "features.init_block.bn"),
        (BLOCK + r"_conv(\d)", "features.stage{0}.unit{1}.body.conv{2}.conv"),
        (BLOCK + r"_conv(\d)_bn", "features.stage{0}.unit{1}.body.conv{2}.bn"),
        (BLOCK + r"_bn(\d)", "features.stage{0}.unit{1}.body.conv{2}.bn"),
        (BLOCK + r"_se", "features.stage{0}.unit{1}.se.conv"),
        (BLOCK + r"_shortcut", "features.stage{0}.unit{1}.identity_conv.conv"),
        (BLOCK + r"_shortcut_bn", "features.stage{0}.unit{1}.identity_conv.bn"),
        (r"last_bn", "features.post_activ.bn"),
    ),
    first=(1, 1),
    head="output",
    networks=("CifarResNet",),
)
# An average pooling takes the first place of the projection.
TIMM_POOLED = dataclasses.replace(
    TIMM,
    rows=(
        (BLOCK + r"_shortcut", "layer{0}.{1}.downsample.1"),
        (BLOCK + r"_shortcut_bn", "layer{0}.{1}.downsample.2"),
        *TIMM.rows,
    ),
)
# First convolution and projections are bare where normalization comes before convolution.
PYTORCHCV_PREACTIVATION = dataclasses.replace(
    PYTORCHCV,
    rows=(
        (r"stem_conv", "features.init_block"),
        (BLOCK + r"_shortcut", "features.stage{0}.unit{1}.identity_conv"),
        *PYTORCHCV.rows,
    ),
)


LAYOUTS = (
    LEGACY,
    TIMM,
    CAFFE_RESIDUAL,
    CAFFE_INCEPTION,
    *KERAS_LAYOUTS,
    *FAMILIES,
    PYTORCHCV,
)


def detect(names):
    """The layout of a file with tensors of these names.

    Raises:
        ValueError: If it is none of ours.
    """
    for layout in LAYOUTS:
        if any(re.search(layout.mark, name) for name in names):
            return layout
    raise ValueError(
        "Unknown weight layout. Expected tensor names of timm ('layer1.0.conv1.weight', "
        "'conv_stem.weight'), of Caffe ('conv2_1_1x1_reduce'), of the Caffe-derived files "
        "('layer0.conv1.weight'), of keras.applications ('conv1_conv') or of pytorchcv "
        f"('features.init_block.conv.weight'). Received names such as {sorted(names)[:3]}."
    )


def fit(layout, architecture):
    """The trunk of `architecture` that networks of this layout have, and its table of names.

    Stem pooling and stride are no tensors: a file would load into the wrong trunk without any
    error, and cost accuracy.

    Returns:
        A pair of `Layout` and `Architecture`.

    Raises:
        ValueError: If the layout has no such networks, or the SE design is another one.
    """
    classes = [base.__name__ for base in type(architecture).__mro__]
    if not set(classes) & set(layout.networks):
        raise ValueError(
            f"The {layout.name} layout has no weights for {architecture.name} ({classes[0]})."
        )
    architecture = _with_released_se(layout, architecture).replace(**layout.trunk)
    if layout is PYTORCHCV:
        preactivation = architecture.block.startswith("preactivation")
        return PYTORCHCV_PREACTIVATION if preactivation else layout, architecture
    if layout not in (TIMM, LEGACY, CAFFE_RESIDUAL):
        return layout, architecture
    antialiased = layout is TIMM and architecture.stride_in == "pool"
    if not antialiased:
        architecture = architecture.replace(
            stem_pool="pad" if layout is TIMM else "ceil",
            stride_in="3x3" if layout is TIMM or architecture.groups > 1 else "1x1",
            relu_before_se=layout is LEGACY and architecture.block == "basic",
        )
    pooled = layout is TIMM and architecture.shortcut == "pool"
    return TIMM_POOLED if pooled else layout, architecture


def _with_released_se(layout, architecture):
    if architecture.se is None:
        return architecture
    if layout.warm_start:
        if architecture.se.gate not in ("sigmoid", "doubled_sigmoid"):
            raise ValueError(
                f"Weights of the {layout.name} layout have no SE, and new SE blocks start as "
                "identities: with a sigmoid, which is doubled to be 1 at 0. Received: "
                f"gate={architecture.se.gate!r}"
            )
        identity = dataclasses.replace(architecture.se, gate="doubled_sigmoid")
        return architecture.replace(se=identity)
    # Stages without SE have no tensors in the file: those would be missing, or left over.
    released = type(architecture.se)(**layout.se, stages=architecture.se.stages)
    if dataclasses.replace(architecture.se, divisor=released.divisor) != released:
        raise ValueError(
            f"Weights of the {layout.name} layout were trained with {released}. "
            f"Received an architecture with {architecture.se}."
        )
    return architecture.replace(se=released)
