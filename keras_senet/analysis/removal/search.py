"""A greedy search for the SE blocks that a network can do without."""

import dataclasses
import os

import keras

from keras_senet.analysis.gates.excitation import Excitations
from keras_senet.analysis.gates.excitation import excitations as collect
from keras_senet.analysis.image_batches import Data, check_judgeable, first_image
from keras_senet.analysis.output import aligned, write_csv
from keras_senet.analysis.removal.freezable import Freezable
from keras_senet.analysis.removal.frozen_gates import calls_without, remove_se
from keras_senet.analysis.removal.measurements import check_backend, cost_of
from keras_senet.analysis.removal.usefulness import ranked, scores_alone
from keras_senet.figures import COLOURS, figure_of, legend, save
from keras_senet.surgery.graph import functional
from keras_senet.surgery.rewrite import check_call


@dataclasses.dataclass(frozen=True)
class Step:
    """One network tried.

    Attributes:
        removed: The SE blocks that it lacks, in the order of their removal.
        accuracy: Share of images right.
        loss: Mean cross-entropy in nats.
        parameters: Its weights but for moving statistics, frozen ones too.
        macs: Multiply-adds for one image.
        latency_ms: Median time of one image in the float32 TFLite file on one thread, relative to
            that of the whole network in the same rounds; `None` if not measured.
        accepted: Whether its accuracy is within the drop allowed.
    """

    removed: tuple[str, ...]
    accuracy: float
    loss: float
    parameters: int
    macs: int
    latency_ms: float | None
    accepted: bool


@dataclasses.dataclass(frozen=True)
class Search:
    """What `search` found; `print` shows a row for each network tried.

    Attributes:
        model: The smallest network accepted.
        steps: All networks tried, the whole one first.
        max_accuracy_drop: What was allowed, in percentage points.
    """

    model: keras.Model
    steps: tuple[Step, ...]
    max_accuracy_drop: float

    @property
    def pareto(self) -> tuple[Step, ...]:
        """Steps that no other beats in parameters or accuracy without losing in the other."""

        def is_beaten(step):
            return any(
                other.parameters <= step.parameters
                and other.accuracy >= step.accuracy
                and (other.parameters, other.accuracy) != (step.parameters, step.accuracy)
                for other in self.steps
            )

        return tuple(step for step in self.steps if not is_beaten(step))

    def to_csv(self, path: str | os.PathLike) -> None:
        """Writes one row for each step."""
        pareto = self.pareto
        rows = [
            {
                **dataclasses.asdict(step),
                "removed": " ".join(step.removed),
                "pareto": step in pareto,
            }
            for step in self.steps
        ]
        write_csv(path, rows)

    def plot(self, path: str | os.PathLike) -> None:
        """Draws accuracy over parameters and over latency, to a png or svg file."""
        save(_trade_off(self), path)

    def __str__(self):
        header = ("removed next", "accuracy", "loss", "parameters", "MACs", "ms", "", "Pareto")
        rows = [
            (
                step.removed[-1] if step.removed else "-",
                f"{step.accuracy:.2%}",
                f"{step.loss:.4f}",
                f"{step.parameters:,}",
                f"{step.macs:,}",
                "-" if step.latency_ms is None else f"{step.latency_ms:.3f}",
                "" if step.accepted else "refused",
                "*" if step in self.pareto else "",
            )
            for step in self.steps
        ]
        return aligned([header, *rows])


def search(
    model: keras.Model,
    data: Data,
    max_accuracy_drop: float = 0.1,
    excitations: Excitations | None = None,
    *,
    latencies: bool = True,
    batch_size: int = 16,
) -> Search:
    """Removes SE blocks one by one, the least useful for its cost first, while accuracy holds.

    Every removal is measured, with the gates frozen at their means: `remove_se` makes a network
    that computes the same up to rounding. A block whose removal costs more accuracy than allowed
    stays, and the next one is tried. These data decide which blocks go: judge the result on others.
    Takes the memory of a batch's activations around the blocks, see `usefulness`.

    Args:
        model: A functional `keras.Model` with SE blocks, images to probabilities or logits.
        data: Images and labels, see `excitations`.
        max_accuracy_drop: Loss of accuracy allowed, in percentage points: the paper names 0.1 for
            the last stage of SE-ResNet-50.
        excitations: The model's `Excitations`; collected from the same data if `None`.
        latencies: Whether to convert each network accepted to TFLite and time it in turns with the
            whole one: seconds each, on the TensorFlow backend only.
        batch_size: Images at a time.

    Returns:
        A `Search`.

    Raises:
        TypeError: If the model is not functional, or has a `call` of its own.
        ValueError: If the drop is negative, the model is not from images to scores, the data
            deliver other images each time, or latencies are asked for on another backend than
            TensorFlow.

    Example:
        >>> model = keras_senet.SEResNet20.replace(depths=(1, 1, 1))()
        >>> images, labels = keras_senet.data.load("digits").held_out_arrays(64)
        >>> found = search(model, (images, labels), latencies=False)
        >>> len(found.steps)
        4
        >>> found.model.save("smaller.keras")
    """
    if not max_accuracy_drop >= 0:  # as of NaN
        raise ValueError(
            "Argument `max_accuracy_drop` must be at least 0 percentage points. Received: "
            f"{max_accuracy_drop}"
        )
    check_call(model)
    model = functional(model)
    check_judgeable(model, data)
    if latencies:
        check_backend("latencies=False")
    image = first_image(data, model)
    latency = _latency(model, image) if latencies else None
    excitations = excitations or collect(model, data, batch_size=batch_size)
    whole = cost_of(model, image)
    freezable = Freezable(model, excitations)
    scores = scores_alone(freezable, data, batch_size)
    uses = {use.block: use for use in ranked(scores, excitations, whole, {}).blocks}
    # A tolerance for the rounding of shares, far below one image.
    least = scores[()][1] - max_accuracy_drop / 100 - 1e-9

    def step(removed):
        loss, accuracy = scores[removed]
        # What is left of a block takes no parameters and no multiply-adds.
        parameters = whole.parameters - sum(uses[name].parameters for name in removed)
        macs = whole.macs - sum(uses[name].macs for name in removed)
        return Step(removed, accuracy, loss, parameters, macs, None, accuracy >= least)

    def next_choices(removed, names):
        """Choices of one more block each, to the first that is likely to be refused."""
        choices, accuracy = [], scores[removed][1]
        for name in names:
            choices.append((*(choices[-1] if choices else removed), name))
            accuracy += uses[name].accuracy_change / 100  # as if losses added up
            if accuracy < least:
                break
        return choices

    steps, removed = [step(())], ()
    for index, name in enumerate(uses):
        if (*removed, name) not in scores:
            # In one pass of the data each further network costs a part of itself.
            choices = next_choices(removed, list(uses)[index:])
            scores.update(freezable.scores(choices, data, batch_size))
        steps.append(step((*removed, name)))
        if steps[-1].accepted:
            removed = steps[-1].removed
    if latency is not None:
        steps = _timed(steps, latency, model, excitations)
    best = remove_se(model, removed, excitations) if removed else model
    return Search(best, tuple(steps), max_accuracy_drop)


def _latency(model, image):
    # Here, since it needs TensorFlow, which the other backends do without.
    from keras_senet.analysis.removal.latency import Latency

    return Latency(model, image.shape[1])


def _timed(steps, latency, model, excitations):
    """The steps with the latencies of the whole network, the first step, and of those accepted."""
    accepted = [step.removed for step in steps[1:] if step.accepted]
    times = latency(calls_without(model, removed, excitations) for removed in accepted)
    by_removed = {(): latency.of_first, **dict(zip(accepted, times, strict=True))}
    return [dataclasses.replace(step, latency_ms=by_removed.get(step.removed)) for step in steps]


def _trade_off(search):
    """Accuracy of every network that `search` tried, over its parameters and latency."""
    axes_of = {"parameters, thousands": lambda step: step.parameters / 1e3}
    if search.steps[0].latency_ms is not None:
        axes_of["latency of one image, ms"] = lambda step: step.latency_ms
    figure, panels = figure_of(len(axes_of))
    floor = 100 * search.steps[0].accuracy - search.max_accuracy_drop
    for axes, (label, value) in zip(panels, axes_of.items(), strict=True):
        steps = [step for step in search.steps if value(step) is not None]
        kinds = (
            ("all SE blocks", "*", "black", steps[:1]),
            ("accepted", "o", COLOURS[0], [s for s in steps[1:] if s.accepted]),
            ("refused", "x", COLOURS[1], [s for s in steps if not s.accepted]),
        )
        for name, marker, colour, members in kinds:
            if members:
                axes.plot(*_points(members, value), marker, color=colour, label=name, zorder=3)
        if value is axes_of["parameters, thousands"]:
            pareto = sorted(search.pareto, key=lambda step: step.parameters)
            axes.plot(
                *_points(pareto, value), color="black", lw=1, label="Pareto", drawstyle="steps-post"
            )
        axes.axhline(floor, color="gray", ls=":", label="least accuracy allowed")
        axes.set_xlabel(label)
        axes.set_ylabel("accuracy, %")
    legend(panels[0])
    figure.suptitle("SE blocks removed", fontsize=11)
    return figure


def _points(steps, value):
    return [value(step) for step in steps], [100 * step.accuracy for step in steps]
