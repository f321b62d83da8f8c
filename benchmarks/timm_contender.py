"""One network of timm or pytorchcv, trained or asked: of train_step.py and inference.py."""

import argparse
import importlib.metadata
import sys

import contenders
import torch

sys.path.append(str(contenders.FOLDER.parent / "tests" / "golden"))
from packages import timm


def build(name):
    """A network of timm, or of pytorchcv: `"pytorchcv/NAME"`; and the versions of the libraries."""
    versions = {"torch": torch.__version__}
    library, _, network = name.rpartition("/")
    if library == "pytorchcv":
        from pytorchcv.model_provider import get_model

        return get_model(network), {**versions, library: importlib.metadata.version(library)}
    return timm.create_model(network), {**versions, "timm": timm.__version__}


def main():
    """Serves steps on one batch of random images, which lies on the device."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--network", default="legacy_seresnet50")
    parser.add_argument("--mode", default="train", choices=["train", "infer"])
    parser.add_argument("--precision", default="float32", choices=["float32", "bfloat16"])
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--channels_last", type=int, default=0)
    parser.add_argument("--compile", type=int, default=0)
    arguments = parser.parse_args()
    training = arguments.mode == "train"
    torch.manual_seed(0)
    torch.backends.cudnn.benchmark = True
    device = "cuda" if torch.cuda.is_available() else "cpu"
    layout = torch.channels_last if arguments.channels_last else torch.contiguous_format
    model, versions = build(arguments.network)
    model = model.train(training).to(device, memory_format=layout)
    optimizer = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9)
    images = torch.randn(arguments.batch, 3, arguments.size, arguments.size, device=device)
    images = images.to(memory_format=layout)
    with torch.inference_mode():
        classes = model(images[:2]).shape[1]
    labels = torch.randint(0, classes, (arguments.batch,), device=device)
    half = arguments.precision == "bfloat16"
    forward = torch.compile(model) if arguments.compile else model

    def train(steps):
        for _ in range(steps):
            with torch.autocast(device, torch.bfloat16, enabled=half):
                loss = torch.nn.functional.cross_entropy(forward(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        if device == "cuda":
            torch.cuda.synchronize()

    @torch.inference_mode()
    def infer(steps):
        for _ in range(steps):
            with torch.autocast(device, torch.bfloat16, enabled=half):
                forward(images)
        if device == "cuda":
            torch.cuda.synchronize()

    contenders.serve(train if training else infer, {"versions": versions})


if __name__ == "__main__":
    main()
