"""Prints what the GPU can do at most: bytes moved and bfloat16 operations a second."""

import json
import time

import torch

SECONDS = 2.0


def rate(function, amount):
    """`amount` per second of `function`, called for some seconds."""
    function()
    torch.cuda.synchronize()
    started, calls = time.perf_counter(), 0
    while time.perf_counter() - started < SECONDS:
        for _ in range(20):
            function()
        torch.cuda.synchronize()
        calls += 20
    return calls * amount / (time.perf_counter() - started)


def main():
    """Copies 2 GiB within the memory, and multiplies matrices of 8192 x 8192."""
    if not torch.cuda.is_available():  # The script is being tried.
        print(json.dumps({}))
        return
    source = torch.randn(2**29, device="cuda")
    target = torch.empty_like(source)
    a, b = (torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    limits = {
        "name": torch.cuda.get_device_name(),
        "bytes_per_s": rate(lambda: target.copy_(source), 2 * source.numel() * 4),
        "bfloat16_flops": rate(lambda: a @ b, 2 * 8192**3),
    }
    print(json.dumps(limits))


if __name__ == "__main__":
    main()
