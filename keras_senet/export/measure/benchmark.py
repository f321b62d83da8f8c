"""How long .tflite files take on this machine, all in one run."""

import dataclasses
import numbers
import os
import pathlib
import time
from collections.abc import Mapping, Sequence

import numpy as np

from keras_senet.export.measure.footprint import footprint
from keras_senet.export.tflite.litert import LiteRT

WARMUP_RUNS = 3


@dataclasses.dataclass(frozen=True)
class Timing:
    """Latency of one file, one image at a time.

    Attributes:
        name: Name of the file in the results.
        threads: Threads of the interpreter.
        median_ms: Median latency in milliseconds.
        p25_ms: The lower quartile.
        p75_ms: The upper quartile.
        p90_ms: The 90th percentile.
        p99_ms: The 99th percentile.
        ratio: Its latency over that of the first file in the same round, median of all rounds.
        load_ms: Time to load the file and prepare it, in a new process.
        peak_bytes: Most memory that loading and one run take on top of that process.
        heap_bytes: Memory that stays taken while the file is loaded, see `footprint.Footprint`.
        bytes: Size of the file in bytes.
    """

    name: str
    threads: int
    median_ms: float
    p25_ms: float
    p75_ms: float
    p90_ms: float
    p99_ms: float
    ratio: float
    load_ms: float
    peak_bytes: int
    heap_bytes: int | None
    bytes: int


def benchmark(
    files: Mapping[str, str | os.PathLike], threads: Sequence[int] = (1,), runs: int = 50
) -> list[Timing]:
    """Times files in turns, so that whatever else the machine does slows all of them alike.

    Args:
        files: Paths of `.tflite` files by their names; the first is what the others are
            compared with. Any number of inputs and outputs; random numbers go in.
        threads: Numbers of threads.
        runs: Rounds, in each of which every file runs once.

    Returns:
        A list of `Timing`, one for each file and number of threads.

    Raises:
        FileNotFoundError: If a file does not exist.
        ValueError: If there are no files, one does not load or run, takes several images at once or
            images of any size, or `runs` or `threads` are not above 0.

    Example:
        >>> network = keras_senet.SEResNet20.replace(depths=(1, 1, 1))
        >>> files = {"plain": "plain.tflite", "SE": "se.tflite"}
        >>> _ = keras_senet.export.to_tflite(network.replace(se=None)(), files["plain"])
        >>> _ = keras_senet.export.to_tflite(network(), files["SE"])
        >>> plain, se = benchmark(files)
        >>> print(f"SE takes {se.ratio:.2f} times as long")
        SE takes ... times as long
    """
    if not isinstance(files, Mapping) or not files:
        raise ValueError(
            f"Expected paths of files by their names, a dictionary. Received: files={files!r}"
        )
    if not _is_count(runs) or not isinstance(threads, Sequence) or not threads:
        raise ValueError(
            "Expected a number of runs above 0, and numbers of threads, as (1, 2). Received: "
            f"runs={runs!r}, threads={threads!r}"
        )
    if not all(map(_is_count, threads)):
        raise ValueError(f"Expected whole numbers of threads above 0. Received: {threads!r}")
    files = {name: pathlib.Path(path) for name, path in files.items()}
    for path in files.values():
        if not path.is_file():
            raise FileNotFoundError(f"Expected a .tflite file at {path}.")
    for path in files.values():
        LiteRT(path).set_random()  # a broken file is an error before anything is measured
    footprints = {name: footprint(path) for name, path in files.items()}
    rows = []
    for count in threads:
        times = in_turns([LiteRT(path, count) for path in files.values()], runs)
        for (name, path), column in zip(files.items(), times, strict=True):
            p25, median, p75, p90, p99 = map(float, np.percentile(column, (25, 50, 75, 90, 99)))
            rows.append(
                Timing(
                    name=name,
                    threads=count,
                    median_ms=median,
                    p25_ms=p25,
                    p75_ms=p75,
                    p90_ms=p90,
                    p99_ms=p99,
                    ratio=float(np.median(column / times[0])),
                    bytes=path.stat().st_size,
                    **dataclasses.asdict(footprints[name]),
                )
            )
    return rows


def _is_count(number):
    return isinstance(number, numbers.Integral) and int(number) > 0


def in_turns(runners, runs):
    """Times that files take, one after the other in each round.

    Args:
        runners: `LiteRT` of each; random numbers go in, since zeros may be faster.
        runs: Rounds.

    Returns:
        Milliseconds, `(runners, runs)`.
    """
    for runner in runners:
        runner.set_random()
        for _ in range(WARMUP_RUNS):
            runner.invoke()
    times = np.empty((len(runners), runs))
    for run in range(runs):
        for index, runner in enumerate(runners):
            start = time.perf_counter()
            runner.invoke()
            times[index, run] = 1000 * (time.perf_counter() - start)
    return times
