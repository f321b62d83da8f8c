"""What loading a .tflite file costs: time and memory."""

import dataclasses
import json
import subprocess
import sys

# Runs in a process of its own, so that all memory that is added is the file's.
SCRIPT = """
import ctypes, json, pathlib, re, resource, sys, time
from ai_edge_litert.interpreter import Interpreter

def peak():
    status = pathlib.Path("/proc/self/status")
    if status.exists():  # on Linux getrusage begins with the peak of the parent process
        return int(re.search(r"VmHWM:\\s+(\\d+)", status.read_text())[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

class Mallinfo2(ctypes.Structure):  # /usr/include/malloc.h
    _fields_ = [(name, ctypes.c_size_t) for name in (
        "arena", "ordblks", "smblks", "hblks", "hblkhd",
        "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost",
    )]

try:
    mallinfo2 = ctypes.CDLL(None).mallinfo2
    mallinfo2.restype = Mallinfo2
except (AttributeError, OSError, TypeError):
    mallinfo2 = None

def heap():
    info = mallinfo2()
    return info.uordblks + info.hblkhd  # given out from the heap, and mapped one by one

peak_before, heap_before = peak(), mallinfo2 and heap()
start = time.perf_counter()
interpreter = Interpreter(sys.argv[1], num_threads=1)
for shape in sys.argv[2:]:
    (entry,) = interpreter.get_input_details()
    interpreter.resize_tensor_input(entry["index"], json.loads(shape))
interpreter.allocate_tensors()
loaded = time.perf_counter()
for entry in interpreter.get_input_details():  # else ids would be what the memory held before
    interpreter.tensor(entry["index"])().fill(0)
interpreter.invoke()
print(json.dumps({
    "load_ms": 1000 * (loaded - start),
    "peak_bytes": peak() - peak_before,
    "heap_bytes": heap() - heap_before if mallinfo2 else None,
}))
"""


@dataclasses.dataclass(frozen=True)
class Footprint:
    """Loading a file and running it once, on one thread, in a new process.

    Attributes:
        load_ms: Milliseconds until the file is ready to run.
        peak_bytes: Most memory of the process on top of what it had before.
        heap_bytes: Memory that the interpreter holds after the run: its arena of tensors, XNNPACK's
            workspace, packed weights and tables of addresses; not the file itself, which is mapped.
            `None` where the C library cannot tell; glibc can from 2.33 on.
    """

    load_ms: float
    peak_bytes: int
    heap_bytes: int | None


def footprint(path, shape=None):
    """The `Footprint` of a `.tflite` file.

    Args:
        path: The file.
        shape: `(1, H, W, C)` of the image, for a file that leaves its size open.

    Raises:
        ValueError: If the file does not load or run.
    """
    shapes = [] if shape is None else [json.dumps(list(map(int, shape)))]
    command = [sys.executable, "-c", SCRIPT, str(path), *shapes]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise ValueError(f"{path} does not load or run: {lines[-1][:300]}")
    return Footprint(**json.loads(done.stdout))
