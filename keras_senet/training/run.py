"""A run from its first step to its last: phases of `model.fit`, with checkpoints on the way."""

import contextlib
import dataclasses
import math
from collections.abc import Sequence

import keras

from keras_senet.data import Dataset
from keras_senet.training.average import Average, RawMetrics
from keras_senet.training.batch_norm import freeze_batch_norm, precise_batch_norm
from keras_senet.training.batches import ExactLoss, training_batches, validation_batches
from keras_senet.training.checkpoints import Checkpoints
from keras_senet.training.distribution import together
from keras_senet.training.divergence import Diverged, Divergence
from keras_senet.training.early_stopping import EarlyStopping
from keras_senet.training.identity import Identity
from keras_senet.training.judged import judged_by
from keras_senet.training.model import create_variables
from keras_senet.training.progress import (
    LearningRate,
    Progress,
    UnreadableImages,
    tensorboard,
)
from keras_senet.training.recipe import Recipe
from keras_senet.training.saving import Saver
from keras_senet.training.schedules import learning_rate
from keras_senet.training.state import Position, State, find_start


@dataclasses.dataclass
class Run:
    """A model that is trained by a recipe.

    Attributes:
        model: The compiled model.
        dataset: A `keras_senet.data.Dataset`.
        recipe: A `Recipe`.
        seed: Seed of order and augmentation.
        steps_per_epoch: Steps of `model.fit` in an epoch.
        process: Index of this process and the number of processes. Process 0 writes the files.
        checkpoints: The run's `Checkpoints`.
        identity: The run's `Identity`.
        callbacks: Callbacks of the user.
        position: How far the run is, a `Position`.
        metrics: Arrays with the metrics of an epoch that a restart interrupted.
    """

    model: keras.Model
    dataset: Dataset
    recipe: Recipe
    seed: int
    steps_per_epoch: int
    process: tuple[int, int]
    checkpoints: Checkpoints
    identity: Identity
    callbacks: Sequence[keras.callbacks.Callback] = ()
    position: Position = dataclasses.field(default_factory=Position)
    metrics: dict | None = None

    def __post_init__(self):
        self.average = Average(self.model, self.recipe.ema) if self.recipe.ema else None
        averages = [self.average] if self.average else []
        self.state = State(self.model, [*averages, *self.callbacks])

    @property
    def writes(self):
        """Whether this process writes files."""
        return self.process[0] == 0

    def begin(self, resume):
        """Restores the newest checkpoint, or removes all to start anew, as `resume` says."""
        self.position, arrays = find_start(self.checkpoints, self.identity, resume)
        self._check_length()
        if self.writes:
            self.checkpoints.clear_partial()
            if arrays is None:
                self.checkpoints.clear()
            self.identity.write_images(self.checkpoints.folder.parent)
        if arrays is None:
            return
        if self.position.frozen:
            self._freeze()
        self.state.restore(arrays)
        if self.position.step % self.steps_per_epoch or self._is_unvalidated:
            self.metrics = arrays

    def _check_length(self):
        done = self.position.step / self.steps_per_epoch
        if done > self.recipe.epochs:
            raise ValueError(
                f"{self.checkpoints.folder} has checkpoints of {done:g} epochs. Expected at least "
                f"as many in the recipe. Received: epochs={self.recipe.epochs}"
            )

    def fit(self, saving, stopping):
        """Trains from here to the end of the recipe.

        Args:
            saving: A `Saving`.
            stopping: An active `Stopping`.

        Raises:
            Diverged: If the loss, weights or moving statistics diverge.
            Preempted: After SIGTERM, once the state is saved.
            KeyboardInterrupt: After Ctrl-C, once the state is saved.
        """
        with together(self.process[1]), self._advice(), contextlib.ExitStack() as after:
            callbacks = self._callbacks(saving, stopping, after)
            if self._is_unvalidated:
                self._validate(callbacks)
            end = self.recipe.epochs * self.steps_per_epoch
            while self.position.step < end and not self.position.stopped:
                self._fit_phase(callbacks)

    def finish(self):
        """Gives the model its final weights: averages and precise statistics, if there are any."""
        if self.average:
            self.average.assign_to_model()
        if self.recipe.precise_bn_batches:
            batches = training_batches(self.dataset, self.recipe, self.seed)
            images = (images for images, _ in batches)
            precise_batch_norm(self.model, images, self.recipe.precise_bn_batches)

    def _callbacks(self, saving, stopping, after):
        """The callbacks of all calls of `fit`, in the order in which they change `logs`.

        Args:
            saving: A `Saving`.
            stopping: A `Stopping`.
            after: An `ExitStack` that removes the bar of progress, whatever ends the run.
        """
        callbacks = []
        if self.process[1] == 1:  # each of several knows only its own shard's unreadable images
            callbacks.append(ExactLoss(self.dataset))
        updates = self.steps_per_epoch // self.recipe.accumulation_steps
        callbacks.append(LearningRate(learning_rate(self.recipe, updates)))
        callbacks.append(UnreadableImages(self.dataset.bad_images))
        classes = len(self.dataset.class_names)
        callbacks.append(Divergence(self.model.loss, classes, self.steps_per_epoch))
        if self.writes:
            steps = math.ceil(len(self.dataset.held_out) / self.recipe.part_size)
            progress = Progress(self.recipe.epochs, self.recipe.part_size, validation_steps=steps)
            after.callback(progress.on_train_end)
            callbacks.append(progress)
        if self.writes and saving.tensorboard:
            callbacks.append(tensorboard(self.checkpoints.folder.parent))
        callbacks += self.callbacks
        judged = judged_by(self.dataset)
        if self.recipe.patience is not None:
            callbacks.append(EarlyStopping(self.position, self.recipe.patience, judged))
        saver = Saver(
            self.state,
            self.position,
            self.checkpoints if self.writes else None,
            saving,
            stopping,
            {"run": self.identity.description},
            judged,
        )
        saver.metrics = self.metrics
        callbacks.append(saver)
        if self.average:
            callbacks.append(self.average)
        return callbacks

    @property
    def _is_unvalidated(self):
        """Whether the run was stopped in the validation of an epoch, which is to be done again."""
        epochs, rest = divmod(self.position.step, self.steps_per_epoch)
        return not rest and len(self.position.rows) < epochs

    def _validate(self, callbacks):
        """The end of an epoch of `fit` whose steps are done: validation and `on_epoch_end`."""
        epoch = self.position.step // self.steps_per_epoch - 1
        batches, validation_steps, callbacks = self._judged(callbacks)
        callbacks = keras.callbacks.CallbackList(
            callbacks, model=self.model, epochs=self.recipe.epochs, steps=0
        )
        callbacks.on_train_begin()
        callbacks.on_epoch_begin(epoch)
        logs = self.model.get_metrics_result()
        found = self.model.evaluate(
            batches, steps=validation_steps, callbacks=callbacks, return_dict=True, verbose=0
        )
        logs.update({f"val_{name}": value for name, value in found.items()})
        callbacks.on_epoch_end(epoch, logs)
        callbacks.on_train_end(logs)

    def _judged(self, callbacks):
        """Batches of a validation, their number, and the callbacks that go with them."""
        batches, steps = validation_batches(self.dataset, self.recipe.part_size, self.process)
        return (
            batches,
            steps,
            [RawMetrics(batches, steps), *callbacks] if self.average else callbacks,
        )

    def _fit_phase(self, callbacks):
        """One call of `fit`: the rest of an interrupted epoch, or whole epochs until a freeze."""
        step = self.position.step
        epoch, done = divmod(step, self.steps_per_epoch)
        freeze = self.recipe.freeze_bn_from
        if freeze and epoch >= freeze and not self.position.frozen:
            self._freeze()
        end = freeze if freeze and epoch < freeze else self.recipe.epochs
        batches, validation_steps, callbacks = self._judged(callbacks)
        self.model.fit(
            training_batches(self.dataset, self.recipe, self.seed, step=step, shard=self.process),
            initial_epoch=epoch,
            epochs=epoch + 1 if done else end,
            steps_per_epoch=self.steps_per_epoch - done,
            shuffle=False,  # the stream is shuffled
            validation_data=batches,
            validation_steps=validation_steps,
            callbacks=callbacks,
            verbose=0,
        )

    def _freeze(self):
        freeze_batch_norm(self.model)
        create_variables(self.model)
        self.position.frozen = True

    @contextlib.contextmanager
    def _advice(self):
        """Re-raises `Diverged` with what to do and the path of the last checkpoint."""
        try:
            yield
        except Diverged as error:
            raise Diverged(
                f"{error} The run has diverged: try a lower learning rate or a longer warm-up. "
                f"{self.checkpoints.kept()}"
            ) from None
