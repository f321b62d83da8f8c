"""Times .tflite files in turns: python export/benchmark.py plain.tflite se.tflite --threads=1,2.

Prints a table, writes --output (JSON) and --plot (PNG, SVG or PDF). Exits with 1 if a file is above
--max_ratio of the first.
"""

import dataclasses
import json
import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is imported

from absl import flags

from keras_senet import export, mistakes
from keras_senet.files import replacing

_THREADS = flags.DEFINE_list("threads", ["1", "2", "4"], "Numbers of threads.")
_RUNS = flags.DEFINE_integer("runs", 50, "Rounds, in each of which every file runs once.")
_OUTPUT = flags.DEFINE_string("output", None, "JSON file to write.")
_PLOT = flags.DEFINE_string("plot", None, "Picture to write, .png, .svg or .pdf.")
_MAX_RATIO = flags.DEFINE_float("max_ratio", None, "Largest latency over that of the first file.")
_PROFILE = flags.DEFINE_bool("profile", False, "Also print what the kinds of operators take.")
_OVERWRITE = flags.DEFINE_bool("overwrite", False, "Replace the file that is there.")
_DEBUG = flags.DEFINE_bool("debug", False, "Show where in the code an error was found.")


def main(argv):
    """Times the files, prints one line for each."""
    if len(argv) < 2:
        raise ValueError("Expected one or more .tflite files.")
    files = {path: path for path in argv[1:]}
    rows = export.benchmark(files, tuple(map(int, _THREADS.value)), _RUNS.value)
    print("threads  median ms      p90      p99  ratio  load ms  peak MB  heap MB  file")
    for row in rows:
        heap = "" if row.heap_bytes is None else f"{row.heap_bytes / 1e6:.1f}"
        print(
            f"{row.threads:7d} {row.median_ms:10.2f} {row.p90_ms:8.2f} {row.p99_ms:8.2f} "
            f"{row.ratio:6.3f} {row.load_ms:8.1f} {row.peak_bytes / 1e6:8.1f} {heap:>8}  "
            f"{row.name}"
        )
    for path in files if _PROFILE.value else ():
        print(f"\noperators of {path}, one thread\n share       ms  count  operator")
        for kind in export.profile(path, _RUNS.value):
            print(f"{kind.share:6.1%} {kind.ms:8.3f} {kind.count:6d}  {kind.operator}")
    if _OUTPUT.value is not None:
        with replacing(pathlib.Path(_OUTPUT.value), _OVERWRITE.value) as partial:
            partial.write_text(json.dumps([dataclasses.asdict(row) for row in rows], indent=2))
    if _PLOT.value is not None:
        export.plot_latencies(rows, _PLOT.value, overwrite=_OVERWRITE.value)
    if _MAX_RATIO.value is not None:
        slow = [row.name for row in rows if row.ratio > _MAX_RATIO.value]
        if slow:
            sys.exit(f"Above {_MAX_RATIO.value} of {argv[1]}: {', '.join(slow)}")


if __name__ == "__main__":
    mistakes.run(main)
