"""Clipping and accumulation of gradients that several replicas of TensorFlow sum."""

import typing

import keras


class Reduction:
    """Base of a Keras optimizer that clips and accumulates the sum of all replicas' gradients.

    Under a `tf.distribute.MirroredStrategy` Keras clips the gradient of each replica before their
    sum, and its accumulation asks for a reduction within a condition, which replicas cannot have.
    Here the gradients are summed first. Each of n replicas goes on with an n-th of the sum, of
    which Keras' own sum makes the whole, so that all replicas hold the same numbers.

    Elsewhere it changes nothing. Put it before Keras' class: `class SGD(Reduction, ...)`.
    """

    def __init__(self, *args: typing.Any, **kwargs: typing.Any):
        super().__init__(*args, **kwargs)  # Keras' class, which comes next

    def _backend_apply_gradients(self, grads, trainable_variables):
        replicas = _replicas()
        if replicas == 1 or not (self.global_clipnorm or self.gradient_accumulation_steps):
            super()._backend_apply_gradients(grads, trainable_variables)
            return
        import tensorflow as tf

        context = tf.distribute.get_replica_context()
        total = context.all_reduce(tf.distribute.ReduceOp.SUM, list(grads))
        shares = [gradient / replicas for gradient in total]
        if self.gradient_accumulation_steps:
            context.merge_call(self._accumulate, args=(shares, list(trainable_variables)))
        else:
            super()._backend_apply_gradients(shares, trainable_variables)

    def _clip_gradients(self, grads):
        replicas = _replicas()
        if replicas == 1 or not self.global_clipnorm:
            return super()._clip_gradients(grads)
        clipped = super()._clip_gradients([gradient * replicas for gradient in grads])
        return [gradient / replicas for gradient in clipped]

    def _accumulate(self, strategy, grads, variables):
        """One part of a batch, outside of the replicas, where a condition may hold a reduction."""
        parts = self.gradient_accumulation_steps

        def on_replicas(function):
            strategy.extended.call_for_each_replica(function, args=(grads, variables))

        def sums(grads, variables):
            kept = [self._accumulated_gradients[self._get_variable_index(v)] for v in variables]
            return kept, [gradient + sum_ for gradient, sum_ in zip(grads, kept, strict=True)]

        def keep(grads, variables):
            for kept, sum_ in zip(*sums(grads, variables), strict=True):
                kept.assign(sum_)

        def step(grads, variables):
            kept, total = sums(grads, variables)
            mean = self._clip_gradients([sum_ / parts for sum_ in total])
            self._apply_weight_decay(variables)
            self._backend_update_step(mean, variables, self.learning_rate)
            for sum_ in kept:
                sum_.assign(keras.ops.zeros_like(sum_))

        keras.ops.cond(
            (self._iterations + 1) % parts == 0,
            lambda: on_replicas(step),
            lambda: on_replicas(keep),
        )


def _replicas():
    """Number of replicas of a `tf.distribute` strategy that computes this; else 1."""
    if keras.backend.backend() != "tensorflow":
        return 1
    import tensorflow as tf

    context = tf.distribute.get_replica_context()
    return context.num_replicas_in_sync if context else 1
