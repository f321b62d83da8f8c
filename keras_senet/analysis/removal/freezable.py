"""A network whose gates can be frozen, which computes again only what follows a change."""

import functools
import math

import keras
import numpy as np
from keras import ops

from keras_senet.analysis.removal.frozen_gates import means_of
from keras_senet.analysis.removal.measurements import scored
from keras_senet.analysis.se_blocks import se_nodes
from keras_senet.surgery.graph import Graph


class Freezable:
    """A network cut in front of each SE block, any of which may multiply by its mean gates.

    It computes what the network that `remove_se` makes would, up to rounding, and no network is
    built for that. What was computed of a batch in front of a block is kept for the next choice of
    frozen blocks: the memory of a batch's activations around the blocks.

    Args:
        model: A functional `keras.Model` with SE blocks, whose layers and weights it shares.
        excitations: The `Excitations` of the model, whose means are taken.

    Attributes:
        blocks: Names of the SE blocks in order of execution.

    Raises:
        ValueError: If the excitations are of another network.
    """

    def __init__(self, model, excitations):
        nodes = se_nodes(model)
        self.model = model
        self.blocks = tuple(nodes)
        self._means = means_of(nodes, self.blocks, excitations)
        self._gated = [Part(node.input_tensors, node.output_tensors) for node in nodes.values()]
        self._parts = parts_between(model, list(nodes.values()))
        self._sum: float | None = None  # of all pixels of a pass

    def scores(self, choices, data, batch_size):
        """Loss and accuracy of choices of frozen blocks, in one pass of the data.

        Of each but the first, the network is run from the first block on in which it differs from
        the one before.

        Args:
            choices: Tuples of the names of frozen blocks.
            data: Images and labels, see `excitations`.
            batch_size: Images at a time.

        Returns:
            A dictionary from each choice to `(loss, accuracy)`.

        Raises:
            ValueError: If a second pass delivers other images than the first.
        """
        total = 0.0

        def outputs(images):
            nonlocal total
            total += float(np.sum(images, dtype="float64"))
            before, values = None, [{id(self.model.inputs[0]): ops.convert_to_tensor(images)}]
            for choice in choices:
                first = 0 if before is None else self._first_change(before, choice)
                del values[first + 1 :]
                for index in range(first, len(self._parts)):
                    values.append(self._run(index, dict(values[index]), choice))
                before = choice
                yield choice, ops.convert_to_numpy(values[-1][id(self.model.outputs[0])])

        scores = scored(outputs, self.model, data, batch_size)
        if self._sum is not None and not math.isclose(total, self._sum, rel_tol=1e-9):
            raise ValueError(
                "The data deliver other images each time, as a tf.data.Dataset does that augments, "
                "or shuffles before take(): accuracies of them cannot be compared. Expected the "
                "same each time: data.cache(), or arrays."
            )
        self._sum = total
        return scores

    def _first_change(self, before, choice):
        """The number of the first part that differs; the last if none does."""
        changed = set(before) ^ set(choice)
        return min((1 + self.blocks.index(name) for name in changed), default=len(self.blocks))

    def _run(self, index, values, choice):
        """Tensors that are read behind a part, by `id`, of those that are read in it or behind."""
        if index > 0:
            gated, name = self._gated[index - 1], self.blocks[index - 1]
            values.update(
                gated.scaled(values, self._means[name]) if name in choice else gated(values)
            )
        part, read_later = self._parts[index]
        values.update(part(values))
        return {key: value for key, value in values.items() if key in read_later}


class Part:
    """A part of a functional model, compiled; what it computes stays on the device.

    Args:
        sources: Symbolic tensors that go in, and all that are needed.
        targets: Those that come out; without any, it does nothing.
    """

    def __init__(self, sources, targets):
        self.sources, self.targets = list(sources), list(targets)
        self._run = compiled(keras.Model(self.sources, self.targets)) if targets else None

    def __call__(self, values):
        """Values of the targets by the tensors' `id`, of a dictionary with those of the sources."""
        if self._run is None:
            return {}
        return self._named(self._run([values[id(tensor)] for tensor in self.sources]))

    def scaled(self, values, factors):
        """The one source times constants `(C,)`, in place of the one target."""
        dtype = self.targets[0].dtype
        x = ops.cast(values[id(self.sources[0])], dtype)
        return self._named([x * ops.cast(factors, dtype)])

    def _named(self, outputs):
        # Keras takes a list of one output for the output itself.
        outputs = keras.tree.flatten(outputs)
        return {id(tensor): x for tensor, x in zip(self.targets, outputs, strict=True)}


def parts_between(model, cuts):
    """The parts of a model in front of, between and behind some of its calls.

    Args:
        model: A functional model.
        cuts: Calls of its graph in order of execution.

    Returns:
        A list of a `Part` and the `id`s of the tensors that the next call of `cuts`, or anything
        behind it, reads, one more than there are cuts.
    """
    nodes = Graph(model).nodes
    starts = [0, *(1 + nodes.index(cut) for cut in cuts)]
    ends = [*(nodes.index(cut) for cut in cuts), len(nodes)]
    read_later = {id(model.outputs[0])}
    parts = []
    for start, end in zip(reversed(starts), reversed(ends), strict=True):
        inside, after = nodes[start:end], frozenset(read_later)
        made = {id(tensor): tensor for node in inside for tensor in node.output_tensors}
        read = {id(tensor): tensor for node in inside for tensor in node.input_tensors}
        sources = [tensor for key, tensor in read.items() if key not in made]
        parts.append((sources, [tensor for key, tensor in made.items() if key in after], after))
        for node in nodes[max(start - 1, 0) : end]:
            read_later.update(id(tensor) for tensor in node.input_tensors)
    return [(Part(sources, targets), after) for sources, targets, after in reversed(parts)]


def compiled(model):
    """The inference of a model, from a list of tensors to a list, without leaving the device.

    `predict_on_batch` would copy what comes out to the host.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        # TensorFlow counts traces by line of code, and would warn of one for each part; a partial
        # has no line.
        return tf.function(functools.partial(model, training=False), autograph=False)
    if keras.backend.backend() == "jax":
        import jax

        variables = [
            [ops.convert_to_tensor(variable) for variable in group]
            for group in (model.trainable_variables, model.non_trainable_variables)
        ]
        run = jax.jit(lambda held, x: model.stateless_call(*held, x, training=False)[0])
        return lambda tensors: run(variables, tensors)
    import torch

    return torch.no_grad()(lambda tensors: model(tensors, training=False))
