"""The file of a weight set: fetched only once it is known to fit."""

from keras_senet.weights.download import fetch
from keras_senet.weights.records.table import RECORDS


class RecordFile:
    """The weights of a record, opened when an architecture asks for them.

    Its network has a classifier, and the record says all that the file does not.

    Args:
        record: `WeightRecord`.
        open_file: Function from a path, and whether the file is a record's, to an object with
            `fit` and `assign`.
    """

    headless = False

    def __init__(self, record, open_file):
        self.record = record
        self.classes = record.classes
        self._open_file = open_file

    def fit(self, architecture):
        """`architecture` with all fields that the weight set needs; fetches the file.

        Raises:
            ValueError: If the weight set is for another architecture, or cannot be fetched.
        """
        record = self.record
        if not record.fits(architecture.name):
            fitting = [other.name for other in RECORDS if other.fits(architecture.name)]
            raise ValueError(
                f"Weights {record.name!r} are for {' or '.join((record.network, *record.also))}, "
                f"not for {architecture.name}. "
                + (f"Those that fit it: {', '.join(fitting)}." if fitting else "None fit it.")
            )
        architecture = architecture.replace(**record.fields)
        self._file = self._open_file(fetch(record), True)
        architecture = self._file.fit(architecture)
        return architecture.replace(
            input_size=record.input_size,
            preprocessing=record.preprocessing,
        )

    def assign(self, model):
        """Loads the weights into `model`, all or nothing."""
        self._file.assign(model)
