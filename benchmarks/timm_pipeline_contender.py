"""PyTorch's loader with timm's transforms over a folder: a contender of input_pipeline.py."""

import argparse

import contenders
import torch
from timm_contender import timm


def main():
    """Serves batches of uint8 images, as our pipeline does: the model normalizes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--split", default="train", choices=["train", "held_out"])
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    training = arguments.split == "train"
    transform = timm.data.create_transform(
        (3, arguments.size, arguments.size),
        is_training=training,
        color_jitter=None,
        interpolation="bilinear",
        use_prefetcher=True,
    )
    dataset = timm.data.ImageDataset(arguments.folder, transform=transform)
    loader = torch.utils.data.DataLoader(
        dataset,
        arguments.batch,
        shuffle=training,
        num_workers=arguments.workers,
        drop_last=True,
        persistent_workers=True,
        collate_fn=timm.data.loader.fast_collate,
    )

    def endless():
        while True:
            yield from loader

    batches = endless()

    def run(steps):
        for _ in range(steps):
            next(batches)

    versions = {"torch": torch.__version__, "timm": timm.__version__}
    contenders.serve(run, {"versions": versions})


if __name__ == "__main__":
    main()
