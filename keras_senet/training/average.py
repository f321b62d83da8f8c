"""Exponential moving average of all weights, statistics of normalization included."""

import keras
from keras import ops


class Average(keras.callbacks.Callback):
    """Averages the weights of a model while it trains, and validates the average.

    After update number t (from 1) every weight, trainable or not, moves its average by

        average += (1 - min(momentum, (1 + t) / (10 + t))) * (weight - average)

    where the minimum forgets the random start (that of `tf.train.ExponentialMovingAverage`).
    Keras' own `use_ema` leaves out the moving statistics of normalization, which then belong to
    other weights. During validation inside `model.fit` the averages stand in for the weights;
    `assign_to_model` makes that final.

    Averaging happens before each batch, on the thread that trains: steps stay asynchronous.

    Args:
        model: The model, compiled.
        momentum: Share of the average that an update keeps, such as 0.9999.

    Attributes:
        variables: The averages in the order of `model.weights` at the start, and the number of the
            last update averaged. A checkpoint must contain them.

    Example:
        >>> model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> average = Average(model, 0.9999)
        >>> x, y = np.ones((64, 8)), np.ones((64, 1))
        >>> history = model.fit(x, y, verbose=0, callbacks=[average])
        >>> average.assign_to_model()
    """

    def __init__(self, model, momentum):
        super().__init__()
        if not 0 < momentum < 1:
            raise ValueError(
                f"Argument `momentum` must be between 0 and 1, as 0.9999. Received: {momentum}"
            )
        self.momentum = momentum
        self.set_model(model)
        self._weights = list(model.weights)
        # Copies on the host: JAX reuses the memory of the weights themselves.
        self._averages = [
            keras.Variable(
                ops.convert_to_numpy(ops.copy(weight)),
                dtype=weight.dtype,
                trainable=False,
            )
            for weight in self._weights
        ]
        self._seen = keras.Variable(
            int(ops.copy(model.optimizer.iterations)),
            dtype="int32",
            trainable=False,
        )
        self.variables = [*self._averages, self._seen]
        self._move = None

    def on_train_begin(self, logs=None):
        """Compiles the update; again in each `fit`, since the optimizer may be another one."""
        self._move = _compiled(self.model, self._weights, self._averages, self._seen, self.momentum)

    def on_train_batch_begin(self, batch, logs=None):
        """Averages the weights that the previous batch has updated."""
        self._update()

    def on_test_begin(self, logs=None):
        """Puts the averages into the model."""
        self._update()
        self._swap()

    def on_test_end(self, logs=None):
        """Puts the weights back."""
        self._swap()

    def on_epoch_end(self, epoch, logs=None):
        """Averages the weights that the last batch has updated."""
        self._update()

    def assign_to_model(self):
        """Replaces the weights by their averages, after the last `model.fit`."""
        for weight, average in zip(self._weights, self._averages, strict=True):
            weight.assign(average)

    def _update(self):
        if self._move is not None:
            _ = self.model  # on JAX this brings the weights up to date
            self._move()

    def _swap(self):
        for weight, average in zip(self._weights, self._averages, strict=True):
            value = ops.copy(ops.convert_to_tensor(weight))
            weight.assign(average)
            average.assign(value)


class RawMetrics(keras.callbacks.Callback):
    """Judges the weights themselves too, where their averages stand in for them in validation.

    Adds `val_raw_loss` and the like to the metrics of an epoch, by a second pass over the held-out
    images. Put this callback before those that read the metrics.

    Args:
        batches: The validation's batches.
        steps: How many there are.
    """

    def __init__(self, batches, steps):
        super().__init__()
        self.batches = batches
        self.steps = steps

    def on_epoch_end(self, epoch, logs=None):
        """Evaluates the weights."""
        assert logs is not None, "model.fit passes the metrics"
        found = self.model.evaluate(self.batches, steps=self.steps, return_dict=True, verbose=0)
        logs.update({f"val_raw_{name}": value for name, value in found.items()})


def _compiled(model, weights, averages, seen, momentum):
    """A function without arguments that averages once for each update since the last call."""

    def share(iterations, seen):
        step = ops.cast(iterations, "float32")
        rate = ops.maximum(1 - momentum, 9 / (10 + step))
        # 1 - (1 - rate) ** steps, to full precision; exactly 0 for no step.
        steps = ops.cast(iterations, "float32") - ops.cast(seen, "float32")
        return -ops.expm1(steps * ops.log1p(-rate))

    def moved(averages, weights, iterations, seen):
        rate = share(iterations, seen)
        return [
            average + ops.cast(rate, average.dtype) * (weight - average)
            for average, weight in zip(averages, weights, strict=True)
        ]

    if keras.backend.backend() == "jax":
        import jax

        moved = jax.jit(moved, donate_argnums=0)

    def move():
        iterations = ops.cast(model.optimizer.iterations, "int32")
        new = moved(
            [average.value for average in averages],
            [weight.value for weight in weights],
            iterations,
            seen.value,
        )
        for average, value in zip(averages, new, strict=True):
            average.assign(value)
        seen.assign(ops.copy(iterations))  # JAX takes the memory of the optimizer's own

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.function(move)
    return move
