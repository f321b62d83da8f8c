"""How well a model tells which of any number of labels an image has."""

import dataclasses

import numpy as np

from keras_senet.data import View
from keras_senet.training.average_precision import average_precision
from keras_senet.training.judged import THRESHOLD

FIGURES = ("average_precision", "precision", "recall", "f1")  # of a label


@dataclasses.dataclass(frozen=True)
class MultiLabelEvaluation:
    """Counts of right and wrong labels on images of one split.

    A model says that an image has a label where its sigmoid is above 0.5. Figures of a label that
    have no value are NaN: recall and average precision without an image that has the label,
    precision where the model says it of none.

    Attributes:
        class_names: Names of the K labels.
        images: Number of images.
        exact_matches: Images of which all labels are right.
        true_positives: `(K,)` int64: images that have label k and of which the model says so.
        false_positives: `(K,)` int64: images without it of which the model says that they have it.
        false_negatives: `(K,)` int64: images that have it of which the model does not say so.
        average_precision: `(K,)`, over all thresholds.
        unreadable: Images that could not be read and do not count: path to reason.
        view: The `keras_senet.data.View` that the images were evaluated in, or `None`.
    """

    class_names: tuple[str, ...]
    images: int
    exact_matches: int
    true_positives: np.ndarray
    false_positives: np.ndarray
    false_negatives: np.ndarray
    average_precision: np.ndarray
    unreadable: dict = dataclasses.field(default_factory=dict)
    view: View | None = None

    @property
    def mean_average_precision(self) -> float:
        """Mean of `average_precision` over the labels that some image has; NaN without any."""
        known = self.average_precision[~np.isnan(self.average_precision)]
        return float(known.mean()) if len(known) else float("nan")

    @property
    def exact_match(self) -> float:
        """Share of images of which all labels are right."""
        return self.exact_matches / self.images

    @property
    def label_images(self) -> np.ndarray:
        """`(K,)` int64: images that have each label."""
        return self.true_positives + self.false_negatives

    @property
    def precision(self) -> np.ndarray:
        """`(K,)`: share of right ones among the images that are said to have a label."""
        return _share(self.true_positives, self.true_positives + self.false_positives)

    @property
    def recall(self) -> np.ndarray:
        """`(K,)`: share of the images with a label of which the model says so."""
        return _share(self.true_positives, self.label_images)

    @property
    def f1(self) -> np.ndarray:
        """`(K,)`: harmonic mean of precision and recall."""
        wrong = self.false_positives + self.false_negatives
        return _share(2 * self.true_positives, 2 * self.true_positives + wrong)

    def labels(self) -> list[dict]:
        """The figures of each label, in JSON's types; `None` where one has no value."""
        figures = {name: getattr(self, name) for name in FIGURES}
        return [
            {
                "label": name,
                "images": int(images),
                **{
                    figure: None if np.isnan(values[index]) else float(values[index])
                    for figure, values in figures.items()
                },
            }
            for index, (name, images) in enumerate(
                zip(self.class_names, self.label_images, strict=True)
            )
        ]

    def __str__(self):
        """A line for each label, of those that have the most images first."""
        width = max(5, *map(len, self.class_names))
        lines = [f"{'label':{width}}  images  average precision  precision  recall      F1"]
        for row in sorted(self.labels(), key=lambda row: -row["images"]):
            shares = ["none" if row[name] is None else f"{row[name]:.1%}" for name in FIGURES]
            average, precision, recall, f1 = shares
            lines.append(
                f"{row['label']:{width}}  {row['images']:6}  {average:>17}  {precision:>9}  "
                f"{recall:>6}  {f1:>6}"
            )
        return "\n".join(lines)

    def summary(self) -> dict:
        """All figures, in JSON's types."""
        mean = self.mean_average_precision
        return {
            "images": self.images,
            "unreadable": len(self.unreadable),
            "mean_average_precision": None if np.isnan(mean) else mean,
            "exact_match": self.exact_match,
            "labels": self.labels(),
        }


def judge(class_names, labels, scores, unreadable, view):
    """The `MultiLabelEvaluation` of sigmoids `(N, K)` for images with labels `(N, K)`."""
    has, said = labels > 0, scores > THRESHOLD
    return MultiLabelEvaluation(
        class_names=class_names,
        images=len(labels),
        exact_matches=int((has == said).all(-1).sum()),
        true_positives=(has & said).sum(0),
        false_positives=(~has & said).sum(0),
        false_negatives=(has & ~said).sum(0),
        average_precision=average_precision(has, scores),
        unreadable=unreadable,
        view=view,
    )


def _share(part, whole):
    with np.errstate(invalid="ignore"):
        return part / whole
