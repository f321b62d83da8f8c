"""What the operators of a .tflite file take on this machine."""

import dataclasses
import os
import pathlib
import re
import struct
import subprocess
import sys
import tempfile

from keras_senet.export.tflite.flatbuffer import IDENTIFIER, check_closed, parsed, serialized

WORKER = pathlib.Path(__file__).with_name("litert_profiler.py")
SECTION = "Summary by node type"
# Kind, how many, milliseconds of one, per cent, cumulated per cent, kilobytes, times called.
ROW = re.compile(r"^\s*(\S.*?)\s+(\d+)\s+([\d.]+)\s+([\d.]+)%\s+[\d.]+%\s+[\d.]+\s+\d+$")


@dataclasses.dataclass(frozen=True)
class OperatorTime:
    """All operators of one kind in a file.

    Attributes:
        operator: LiteRT's or XNNPACK's name of the kind; those of XNNPACK begin with `Delegate/`.
        count: How many the file has.
        ms: Milliseconds that all of them take in one run, on average.
        share: Their share of the time of all operators, between 0 and 1.
    """

    operator: str
    count: int
    ms: float
    share: float


def profile(path: str | os.PathLike, runs: int = 20, threads: int = 1) -> list[OperatorTime]:
    """Times every kind of operator, those within the delegate included.

    The measurement itself takes time: compare shares here, and latencies by `benchmark`.

    Args:
        path: A `.tflite` file, of any number of inputs and outputs; zeros go in.
        runs: How many runs to average over.
        threads: Threads of the runtime.

    Returns:
        A list of `OperatorTime`, the slowest kind first.

    Raises:
        FileNotFoundError: If there is no file.
        ValueError: If `runs` or `threads` are not above 0, or the file does not run or takes images
            of any size.

    Example:
        >>> model = keras_senet.SEResNet20.replace(depths=(1, 1, 1))()
        >>> path = keras_senet.export.to_tflite(model, "se.tflite")
        >>> slowest, *others = profile(path)
        >>> print(f"{slowest.operator}: {slowest.share:.1%}")
        Delegate/Convolution...: ...%
    """
    if runs < 1 or threads < 1:
        raise ValueError(f"Expected runs and threads above 0. Received: {runs}, {threads}")
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"Expected a .tflite file at {path}.")
    with tempfile.TemporaryDirectory() as folder:
        file = _of_known_shapes(path, pathlib.Path(folder) / "network.tflite")
        command = [sys.executable, str(WORKER), str(file), str(runs), str(threads)]
        done = subprocess.run(command, capture_output=True, text=True)
    rows = _rows(done.stdout)
    if done.returncode or not rows:
        reason = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()[-1]
        raise ValueError(f"LiteRT cannot profile {path} (exit code {done.returncode}): {reason}")
    return rows


def _of_known_shapes(path, copy):
    """The file, or a copy for one image of a file that leaves the batch open to the profiler."""
    content = path.read_bytes()
    if content[4:8] != IDENTIFIER:
        raise ValueError(f"LiteRT cannot profile {path}: it is no .tflite file.")
    try:
        model = parsed(content)
    except (IndexError, TypeError, ValueError, struct.error):
        return path  # broken: LiteRT says so
    for index in model.subgraphs[0].inputs:
        tensor = model.subgraphs[0].tensors[index]
        check_closed(path, tensor.shape, tensor.shapeSignature)
    tensors = [tensor for graph in model.subgraphs for tensor in graph.tensors]
    is_open = [x for x in tensors if x.shapeSignature is not None and -1 in list(x.shapeSignature)]
    if not is_open:
        return path
    for tensor in is_open:
        tensor.shapeSignature = None  # the shape beside it has 1 for what is open
    copy.write_bytes(serialized(model))
    return copy


def _rows(text):
    _, _, section = text.partition(SECTION)
    found = []
    for line in section.splitlines()[2:]:  # after the rule and the heads of the columns
        match = ROW.match(line)
        if match is None:
            break
        operator, count, ms, percent = match.groups()
        found.append(
            OperatorTime(operator, int(count), int(count) * float(ms), float(percent) / 100)
        )
    return sorted(found, key=lambda row: -row.ms)
