"""Networks of keras.applications: with SE, or without, as a start for SE networks.

Accuracies are those of https://keras.io/api/applications, MobileNet v3's of its documentation in
Keras. They are of the network in the file, without new SE blocks.
"""

from keras_senet.weights.preprocessing import IMAGENET, INCEPTION, MIDDLE, VGG
from keras_senet.weights.records.record import WeightRecord

BASE = "https://storage.googleapis.com/tensorflow/keras-applications/"
V3 = "mobilenet_v3/weights_mobilenet_v3_"
KERNELS = "_weights_tf_dim_ordering_tf_kernels.h5"

# name, network, further one, size, licence, top-1, top-5, file, md5
ROWS = (
    ("resnet50", "SEResNet50", "ResNet50", 224, "MIT", 74.9, 92.1,
     f"resnet/resnet50{KERNELS}", "2cb95161c43110f7111970584f804107"),
    ("resnet101", "SEResNet101", "ResNet101", 224, "MIT", 76.4, 92.8,
     f"resnet/resnet101{KERNELS}", "f1aeb4b969a6efcfb50fad2f0c20cfc5"),
    ("resnet152", "SEResNet152", "ResNet152", 224, "MIT", 76.6, 93.1,
     f"resnet/resnet152{KERNELS}", "100835be76be38e30d865e96f2aaae62"),
    ("vgg16", "SEVGG16", "VGG16", 224, "CC BY 4.0", 71.3, 90.1,
     f"vgg16/vgg16{KERNELS}", "64373286793e3c8b2b4e3219cbf3544b"),
    ("inception_resnet_v2", "SEInceptionResNetV2", "InceptionResNetV2", 299, "Apache-2.0", 80.3,
     95.3, f"inception_resnet_v2/inception_resnet_v2{KERNELS}",
     "e693bd0210a403b3192acc6073ad2e96"),
    ("mobilenet", "SEMobileNet", "MobileNet", 224, "Apache-2.0", 70.4, 89.5,
     "mobilenet/mobilenet_1_0_224_tf.h5", None),
    ("mobilenet_v3_large", "MobileNetV3Large", None, 224, "Apache-2.0", 75.6, None,
     f"{V3}large_224_1.0_float.h5", "59e551e166be033d707958cf9e29a6a7"),
    ("mobilenet_v3_large_minimalistic", "MobileNetV3LargeMinimalistic", None, 224, "Apache-2.0",
     72.3, None, f"{V3}large_minimalistic_224_1.0_float.h5", "675e7b876c45c57e9e63e6d90a36599c"),
    ("mobilenet_v3_small", "MobileNetV3Small", None, 224, "Apache-2.0", 68.1, None,
     f"{V3}small_224_1.0_float.h5", "8768d4c2e7dee89b9d02b2d03d65d862"),
    ("mobilenet_v3_small_minimalistic", "MobileNetV3SmallMinimalistic", None, 224, "Apache-2.0",
     61.9, None, f"{V3}small_minimalistic_224_1.0_float.h5", "99cd97fb2fcdad2bf028eb838de69e37"),
)  # fmt: skip

# Their own normalization of pixels, as in the models of keras.applications: network, size, top-1,
# top-5, md5.
EFFICIENT = (
    ("EfficientNetB0", 224, 77.1, 93.3, "902e53a9f72be733fc0bcb005b3ebbac"),
    ("EfficientNetB1", 240, 79.1, 94.4, "1d254153d4ab51201f1646940f018540"),
    ("EfficientNetB2", 260, 80.1, 94.9, "b15cce36ff4dcbd00b6dd88e7857a6ad"),
    ("EfficientNetB3", 300, 81.6, 95.7, "ffd1fdc53d0ce67064dc6a9c7960ede0"),
    ("EfficientNetB4", 380, 82.9, 96.4, "18c95ad55216b8f92d7e70b3a046e2fc"),
    ("EfficientNetB5", 456, 83.6, 96.7, "ace28f2a6363774853a83a0b21b9421a"),
    ("EfficientNetB6", 528, 84.0, 96.8, "165f6e37dce68623721b423839de8be5"),
    ("EfficientNetB7", 600, 84.3, 97.0, "8c03f828fec3ef71311cd463b6759d99"),
    ("EfficientNetV2-B0", 224, 78.7, 94.3, "21ecbf6da12460d5c40bb2f29ceb2188"),
    ("EfficientNetV2-B1", 240, 79.8, 95.0, "069f0534ff22adf035c89e2d9547a9dc"),
    ("EfficientNetV2-B2", 260, 80.5, 95.1, "424e49f28180edbde1e94797771950a7"),
    ("EfficientNetV2-B3", 300, 82.0, 95.8, "1f1fc43bd98a6e4fd8fdfd551e02c7a0"),
    ("EfficientNetV2-S", 384, 83.9, 96.7, "e1d88a8495beba45748fedd0cecbe016"),
    ("EfficientNetV2-M", 480, 85.3, 97.4, "a3bf6aa3276309f4fc6a34aa114c95cd"),
    ("EfficientNetV2-L", 480, 85.7, 97.5, "27e6d408b53c7ebc868fefa357689935"),
)
FIRST = "https://storage.googleapis.com/keras-applications/"
SECOND = f"{BASE}efficientnet_v2/"

EFFICIENT_RECORDS = tuple(
    WeightRecord(
        name=f"keras/{file.replace('v2-', '_v2_').replace('netb', 'net_b')}",
        network=network.replace("-", ""),
        url=f"{SECOND if 'v2' in file else FIRST}{file}.h5",
        filename=f"{file}.h5",
        checksum=f"md5:{md5}",
        preprocessing=MIDDLE if network[-1] in "SML" else IMAGENET,
        input_size=size,
        licence="Apache-2.0",
        top1=top1,
        top5=top5,
    )
    for network, size, top1, top5, md5 in EFFICIENT
    for file in (network.lower(),)
)
KERAS_RECORDS = EFFICIENT_RECORDS + tuple(
    WeightRecord(
        name=f"keras/{name}",
        network=network,
        also=() if plain is None else (plain,),
        url=BASE + file,
        filename=file.split("/")[1],
        checksum=md5 and f"md5:{md5}",
        preprocessing=VGG if file.startswith(("resnet/", "vgg16/")) else INCEPTION,
        input_size=size,
        licence=licence,
        top1=top1,
        top5=top5,
    )
    for name, network, plain, size, licence, top1, top5, file, md5 in ROWS
)
