"""Times .tflite files in turns: keras-senet benchmark plain.tflite se.tflite --threads=1,2.

Prints a table, writes --output (JSON) and --plot (PNG, SVG or PDF). Exits with 1 if a file is above
--max_ratio of the first.
"""

import dataclasses
import json
import pathlib
import sys
from collections.abc import Sequence

from absl import flags

from keras_senet import export
from keras_senet.cli import program
from keras_senet.files import replacing


def run(arguments: Sequence[str]) -> None:
    """The command, on its command line without the program's name."""
    values = program.flag_values()
    add = program.adder(values)
    add(flags.DEFINE_list, "threads", ["1", "2", "4"], "Numbers of threads.")
    add(flags.DEFINE_integer, "runs", 50, "Rounds, in each of which every file runs once.")
    add(flags.DEFINE_string, "output", None, "JSON file to write.")
    add(flags.DEFINE_string, "plot", None, "Picture to write, .png, .svg or .pdf.")
    add(flags.DEFINE_float, "max_ratio", None, "Largest latency over that of the first file.")
    add(flags.DEFINE_bool, "profile", False, "Also print what the kinds of operators take.")
    add(flags.DEFINE_bool, "overwrite", False, "Replace the file that is there.")
    program.run(_main, values, arguments, __doc__)


def _main(values, files):
    """Times the files, prints one line for each."""
    if not files:
        raise ValueError("Expected one or more .tflite files.")
    try:
        threads = tuple(map(int, values.threads))
    except ValueError as error:
        raise ValueError(f"--threads must be integers. Received: {values.threads}") from error
    rows = export.benchmark({path: path for path in files}, threads, values.runs)
    print("threads  median ms      p90      p99  ratio  load ms  peak MB  heap MB  file")
    for row in rows:
        heap = "" if row.heap_bytes is None else f"{row.heap_bytes / 1e6:.1f}"
        print(
            f"{row.threads:7d} {row.median_ms:10.2f} {row.p90_ms:8.2f} {row.p99_ms:8.2f} "
            f"{row.ratio:6.3f} {row.load_ms:8.1f} {row.peak_bytes / 1e6:8.1f} {heap:>8}  "
            f"{row.name}"
        )
    for path in dict.fromkeys(files) if values.profile else ():
        print(f"\noperators of {path}, one thread\n share       ms  count  operator")
        for kind in export.profile(path, values.runs):
            print(f"{kind.share:6.1%} {kind.ms:8.3f} {kind.count:6d}  {kind.operator}")
    if values.output is not None:
        with replacing(pathlib.Path(values.output), values.overwrite) as partial:
            partial.write_text(json.dumps([dataclasses.asdict(row) for row in rows], indent=2))
    if values.plot is not None:
        export.plot_latencies(rows, values.plot, overwrite=values.overwrite)
    if values.max_ratio is not None:
        slow = [row.name for row in rows if row.ratio > values.max_ratio]
        if slow:
            sys.exit(f"Above {values.max_ratio} of {files[0]}: {', '.join(slow)}")
