"""What the epochs of a run are judged by."""

import keras
from keras import ops

from keras_senet.training.average_precision import MeanAveragePrecision

THRESHOLD = 0.5  # of a sigmoid, above which an image is said to have its label


def judged_by(dataset):
    """Name of the metric on held-out images, more being better, that the best epoch has most of.

    The accuracy, or the mean average precision where an image has any number of labels: that most
    of these are right says nothing where most images lack them.

    Args:
        dataset: A `keras_senet.data.Dataset`.
    """
    return "mean_average_precision" if dataset.multi_label else "accuracy"


def metric_names(dataset):
    """Names of the metrics of `metrics_of`."""
    return ["mean_average_precision", "exact_match"] if dataset.multi_label else ["accuracy"]


def metrics_of(dataset):
    """Keras metrics of a run beside its loss, `judged_by` among them.

    Args:
        dataset: A `keras_senet.data.Dataset`.
    """
    if not dataset.multi_label:
        return [keras.metrics.CategoricalAccuracy(name="accuracy")]
    return [
        MeanAveragePrecision(len(dataset.class_names)),
        keras.metrics.MeanMetricWrapper(exact_match, name="exact_match"),
    ]


@keras.saving.register_keras_serializable(package="keras_senet")
def exact_match(y_true, y_pred):
    """Whether all labels of an image are right, `(B,)`, of targets and sigmoids `(B, K)`."""
    present = ops.convert_to_tensor(y_true) > 0
    said = ops.convert_to_tensor(y_pred) > THRESHOLD
    return ops.cast(ops.all(present == said, -1), "float32")
