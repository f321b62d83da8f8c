"""The recipes of papers and releases, with their sources and the accuracy to expect."""

from keras_senet.data import augmentation
from keras_senet.training.recipe import Recipe

# Section 5.1 of the paper: 4 servers. It does not state the weight decay; the author names 1e-4 for
# SE-ResNets, as for ResNets without SE (2e-4 for SE-BN-Inception), on all weights, as in Caffe.
# Expected (table 2, top-1 error): SE-ResNet-50 23.29 %, 101 22.38 %, 152 21.57 %; SE-ResNeXt-50
# 21.10 %, 101 20.70 %; plain ResNet-50 24.80 %.
PAPER = Recipe(
    name="paper",
    epochs=100,
    batch_size=1024,
    learning_rate=0.6,
    base_batch_size=1024,
    schedule="step",
    drops=(30, 60, 90),
    decayed="all",
    augmentation=augmentation.PHOTO,
)
# Appendix of the paper (SENet-154): 8 servers, dropout 0.2, "the parameters of batch normalization
# frozen for the last few epochs". Schedule and epochs are not stated; they are those of `PAPER`.
# Expected: top-1 error 18.68 % (SENet-154 at 224 pixels).
SENET154 = PAPER.replace(
    name="senet154",
    batch_size=2048,
    learning_rate=1.0,
    base_batch_size=2048,
    label_smoothing=0.1,
    dropout=0.2,
    freeze_bn_from=95,
)
# The authors' released models: one server of 8 GPUs, rotation by up to 10 degrees, pixel jitter of
# up to 20. They dropped the rate by hand on a plateau; "more epochs" than the paper's.
# Expected: top-1 error of SE-ResNet-50 22.37 %.
RELEASED = PAPER.replace(
    name="released",
    epochs=120,
    batch_size=256,
    learning_rate=0.1,
    base_batch_size=256,
    drops=(30, 60, 90, 110),
    augmentation=augmentation.RELEASED,
)
# Section 5.1, mobile setting: rate dropped on a plateau of the validation loss in about 400 epochs,
# here at fixed epochs; decay 4e-5 as in the ShuffleNet paper.
# Expected (table 3, top-1 error): SE-MobileNet 25.3 %, SE-ShuffleNet 31.0 %.
MOBILE = PAPER.replace(
    name="mobile",
    epochs=400,
    batch_size=256,
    learning_rate=0.1,
    base_batch_size=256,
    drops=(130, 260, 350),
    weight_decay=4e-5,
    augmentation=augmentation.MOBILE,
)
# Goyal et al., https://arxiv.org/abs/1706.02677, section 5.1: any batch up to 8192.
# Expected: top-1 error of ResNet-50 23.60 % at 256.
LARGE_BATCH = Recipe(
    name="large_batch",
    epochs=90,
    batch_size=8192,
    learning_rate=0.1,
    base_batch_size=256,
    schedule="step",
    drops=(30, 60, 80),
    warmup_epochs=5,
    optimizer="nesterov",
    zero_gamma=True,
    augmentation=augmentation.PHOTO,
)
# Wightman et al., https://arxiv.org/abs/2110.00476, table 2; clipping is the default of timm's
# LAMB. Expected top-1: ResNet-50 79.8 %, SE-ResNet-50 80.1 % (timm's run).
RSB_A2 = Recipe(
    name="rsb_a2",
    epochs=300,
    batch_size=2048,
    learning_rate=5e-3,
    base_batch_size=2048,
    warmup_epochs=5,
    optimizer="lamb",
    weight_decay=0.02,
    clip_norm=1.0,
    loss="binary_cross_entropy",
    stochastic_depth=0.05,
    zero_gamma=True,
    augmentation=augmentation.RSB_A2,
    repeats=3,
)
# The same table, without stochastic depth and repetitions: trained at 160 pixels, evaluated at 224.
# Expected top-1: ResNet-50 78.1 %; SE-ResNet-50 77.04 %, 75.10 % at 160 pixels (timm's run).
RSB_A3 = RSB_A2.replace(
    name="rsb_a3",
    epochs=100,
    learning_rate=8e-3,
    stochastic_depth=None,
    image_size=160,
    augmentation=augmentation.RSB_A3,
    repeats=1,
)
# Liu et al., https://arxiv.org/abs/2201.03545, table 5 (that of ConvNeXt-T, for ResNets too).
# Expected top-1 (figure 2): ResNet-50 78.8 %.
CONVNEXT = Recipe(
    name="convnext",
    epochs=300,
    batch_size=4096,
    learning_rate=4e-3,
    base_batch_size=4096,
    warmup_epochs=20,
    optimizer="adamw",
    weight_decay=0.05,
    ema=0.9999,
    label_smoothing=0.1,
    stochastic_depth=0.1,
    augmentation=augmentation.CONVNEXT,
)
# He et al., https://arxiv.org/abs/1512.03385, section 4.2: 64,000 steps, drops at
# 32,000 and 48,000.
# Expected (table 4, error on CIFAR-10): SE-ResNet-110 5.21 %, SE-ResNet-164 4.39 %.
CIFAR = Recipe(
    name="cifar",
    epochs=164,
    batch_size=128,
    learning_rate=0.1,
    base_batch_size=128,
    schedule="step",
    drops=(82, 123),
    decayed="all",
    augmentation=augmentation.CIFAR,
)
# What two cores finish: a quarter of those epochs, with gates that begin nearly open.
CIFAR_SHORT = CIFAR.replace(
    name="cifar_short",
    epochs=40,
    schedule="cosine",
    drops=(),
    warmup_epochs=1,
    optimizer="nesterov",
    weight_decay=5e-4,
    decayed="kernels",
    gate_start=0.9,
)
# Small images, small networks: a minute on two cores.
DIGITS = Recipe(
    name="digits",
    epochs=16,
    batch_size=64,
    learning_rate=0.1,
    base_batch_size=64,
    warmup_epochs=1,
    optimizer="nesterov",
    weight_decay=5e-4,
    gate_start=0.9,
)
# From trained weights to other classes: a tenth of the usual learning rate. Batch normalization
# learns the statistics of the new images; frozen, it needs a still lower rate.
FINETUNE = Recipe(
    name="finetune",
    epochs=20,
    batch_size=64,
    learning_rate=0.01,
    base_batch_size=64,
    warmup_epochs=1,
    optimizer="nesterov",
)
# From trained weights to an int8 file that loses little, with the rounding of that file: few epochs
# at a twentieth of the usual learning rate, since no normalization is left.
QUANTIZATION_AWARE = Recipe(
    name="quantization_aware",
    epochs=6,
    batch_size=64,
    learning_rate=0.005,
    base_batch_size=64,
    warmup_epochs=1,
    optimizer="nesterov",
    weight_decay=0.0,
    clip_norm=1.0,
    quantization_aware=True,
)

RECIPES = {
    recipe.name: recipe
    for recipe in (
        PAPER,
        SENET154,
        RELEASED,
        MOBILE,
        LARGE_BATCH,
        RSB_A2,
        RSB_A3,
        CONVNEXT,
        CIFAR,
        CIFAR_SHORT,
        DIGITS,
        FINETUNE,
        QUANTIZATION_AWARE,
    )
}
