"""Writes HDF5 files as keras.applications offers them: groups of layers, arrays with `:0`."""

import h5py
import keras

DEPTHWISE = ("conv_dw", "depthwise", "dwconv")


def write(model, path):
    """Writes the weights of a model of keras.applications in the form of its own files."""
    with h5py.File(path, "w") as file:
        for layer in model.layers:
            for variable in layer.weights:
                kind = variable.path.split("/")[-1]
                if kind == "kernel" and any(mark in layer.name for mark in DEPTHWISE):
                    kind = "depthwise_kernel"
                value = keras.ops.convert_to_numpy(variable)
                file.create_dataset(f"{layer.name}/{layer.name}/{kind}:0", data=value)
