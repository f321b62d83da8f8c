"""A public weight set, as a value."""

import dataclasses

from keras_senet.weights.preprocessing import IMAGENET, Preprocessing

OWN = "keras_senet/"  # Names of weights that come with the package begin so.


@dataclasses.dataclass(frozen=True, kw_only=True)
class WeightRecord:
    """Where a public weight set is fetched from, and the fields of its network.

    Attributes:
        name: Name for the argument `weights`, `"timm/seresnet50.ra2_in1k"`.
        network: Name of the architecture in `keras_senet`, `"SEResNet50"`.
        also: Names of further architectures that it fits.
        fields: Fields of the network that differ from the architecture's, without those that the
            file's layout decides.
        repository: Repository on the Hugging Face hub, or `None`.
        revision: Commit in that repository; `"main"` where none is known.
        url: Address of the file where it is not on the hub; `None` for a file that cannot be
            fetched by a program.
        filename: Name of the file.
        checksum: `"sha256:..."`, `"sha384:..."` or `"md5:..."` of the file, or the beginning of
            it; `None` where unknown.
        preprocessing: Normalization of its pixels, crop and interpolation of its evaluation.
        input_size: Height and width of the images of its evaluation in pixels.
        classes: Number of classes, 0 where the file has no classifier.
        licence: Licence of the weights, as their source states it.
        data: Data set whose classes it has, `None` without classifier.
        top1: Accuracy in percent at `input_size` and the crop of `preprocessing`, or `None`: on the
            validation images of ImageNet as its source publishes it, on the test images of CIFAR-10
            as this package measures it.
        top5: Top-5 accuracy in percent, likewise.
        page: Address of a page to fetch the file from by hand, or `None`; of weights that come with
            the package that of the images which they learned from.
        command: The command that trained weights that come with the package, else `None`.
    """

    name: str
    network: str
    also: tuple[str, ...] = ()
    fields: dict = dataclasses.field(default_factory=dict)
    repository: str | None = None
    revision: str = "main"
    url: str | None = None
    filename: str = "model.safetensors"
    checksum: str | None = None
    preprocessing: Preprocessing = IMAGENET
    input_size: int = 224
    classes: int = 1000
    licence: str = "unknown"
    data: str | None = "ImageNet"
    top1: float | None = None
    top5: float | None = None
    page: str | None = None
    command: str | None = None

    @property
    def packaged(self) -> bool:
        """Whether the file comes with the package: it needs no network."""
        return self.name.startswith(OWN)

    @property
    def source(self) -> str | None:
        """Address of the file, or of the page that has it."""
        if self.repository is not None:
            return f"https://huggingface.co/{self.repository}/tree/{self.revision}"
        return self.url or self.page

    def fits(self, name: str) -> bool:
        """Whether the weights are for the architecture of this name, `"se_resnet50"`."""
        plain = name.replace("_", "")
        return plain in (network.lower() for network in (self.network, *self.also))
