"""Contenders that take turns: each a process that waits for its turn and reports its times.

A contender is a script that calls `serve`. It builds what it measures, says so, and then runs as
many rounds as the driver asks for. Only one runs at a time, so that a noisy machine treats all
alike, and each may live in a virtual environment of its own.
"""

import contextlib
import dataclasses
import datetime
import json
import os
import pathlib
import platform
import resource
import signal
import statistics
import subprocess
import sys
import time

FOLDER = pathlib.Path(__file__).parent

# Variants, and the network of timm, or of another library, with the same backbone.
PEERS = {
    "ResNet20": "pytorchcv/resnet20_cifar10",
    "SEResNet20": "pytorchcv/seresnet20_cifar10",
    "ResNet18": "resnet18",
    "SEResNet50": "legacy_seresnet50",
    "ResNet50": "resnet50",
    "SEResNeXt50": "legacy_seresnext50_32x4d",
    "ResNeXt50": "resnext50_32x4d",
    "SENet154": "legacy_senet154",
    "RegNetY016": "regnety_016",
}


def serve(run, facts):
    """Answers the driver: one line in, one line out, until the driver hangs up.

    Args:
        run: Function of a number of steps; returns when the last of them is done.
        facts: Dictionary for the record: the libraries' versions and the like.
    """
    # What libraries print goes to the log, the answers to the driver.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    before, ready = peak_bytes(), _age()
    started = time.perf_counter()
    run(1)
    facts = {
        **facts,
        "ready_s": ready,
        "first_step_s": time.perf_counter() - started,
        "peak_bytes_before_first_step": before,
        "peak_bytes": peak_bytes(),
    }
    print(json.dumps(facts), file=answers, flush=True)
    for line in sys.stdin:
        steps = int(line)
        started = time.perf_counter()
        run(steps)
        print(json.dumps((time.perf_counter() - started) / steps), file=answers, flush=True)


def peak_bytes():
    """The most memory that this process has held in RAM so far."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _age():
    """Seconds since this process began."""
    fields = pathlib.Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    up = float(pathlib.Path("/proc/uptime").read_text().split()[0])
    return up - int(fields[19]) / os.sysconf("SC_CLK_TCK")


class Failure(RuntimeError):
    """A contender ended before it was asked to."""


# Some processors, as AMD's without AVX-512, get oneDNN's kernels only where this asks for them.
DEFAULTS = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "1"}


@dataclasses.dataclass
class Contender:
    """A script to be measured, seen from the driver.

    Attributes:
        name: What the tables call it.
        script: File name in this folder.
        arguments: Dictionary of its flags.
        python: The interpreter that runs it.
        environment: Dictionary of additional environment variables.
        most_rounds: Rounds after which a slow contender sits out.
    """

    name: str
    script: str
    arguments: dict
    python: str = sys.executable
    environment: dict = dataclasses.field(default_factory=dict)
    most_rounds: int = sys.maxsize

    def __enter__(self):
        """Starts the process and waits for its first step, the one that compiles."""
        flags = [f"--{key}={value}" for key, value in self.arguments.items()]
        self._process = subprocess.Popen(
            [self.python, FOLDER / self.script, *flags],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**DEFAULTS, **os.environ, **self.environment},
            start_new_session=True,  # so that its own processes stop with it
        )
        self.facts = self._answer()
        self._signal(signal.SIGSTOP)
        self.seconds = []
        return self

    def __exit__(self, *_):
        """Ends the process."""
        self._signal(signal.SIGCONT)
        self._process.stdin.close()
        self._process.wait()

    def run(self, steps):
        """Seconds of one of `steps` steps in a row.

        Between its turns the process is stopped: it neither loads ahead nor disturbs the others.
        """
        self._signal(signal.SIGCONT)
        self._process.stdin.write(f"{steps}\n")
        self._process.stdin.flush()
        seconds = self._answer()
        self._signal(signal.SIGSTOP)
        return seconds

    def _signal(self, number):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def _answer(self):
        line = self._process.stdout.readline()
        if not line:
            raise Failure(f"The contender {self.name!r} ended early: see its messages above.")
        return json.loads(line)

    def summary(self):
        """Median and quartiles of the seconds of a step, and what the contender said of itself."""
        low, median, high = statistics.quantiles(self.seconds, n=4, method="inclusive")
        return {
            "median_s": median,
            "quartiles_s": [low, high],
            "rounds": len(self.seconds),
            "arguments": self.arguments,
            **self.facts,
        }


def compete(groups, rounds, steps, warm_up=2):
    """Measures groups of contenders; those of a group live together and take turns.

    Yields each contender with its times. A group of which one fails is left out, with a message.
    """
    for group in groups:
        try:
            with contextlib.ExitStack() as stack:
                for contender in group:
                    stack.enter_context(contender)
                    # One that sits out most rounds takes minutes for each step.
                    if contender.most_rounds >= rounds:
                        contender.run(warm_up)
                for number in range(rounds):
                    for contender in group:
                        if number < contender.most_rounds:
                            contender.seconds.append(contender.run(steps))
        except Failure as failure:
            print(failure, file=sys.stderr)
            continue
        yield from group


def write(path, results):
    """Writes results with date, machine and versions as a JSON file."""
    record = {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": {"processor": _processor(), "cores": os.cpu_count()},
        **results,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(record, indent=1) + "\n")
    temporary.rename(path)


def table(results):
    """The results for reading: images a second, and each contender's time over the first's."""
    # Here, since a contender's environment need not have it.
    from rich.console import Console
    from rich.table import Table

    view = Table("what", "contender", "images/s", "quartiles", "ms", "time / first")
    for result in results:
        first = next(iter(result["contenders"].values()))["median_s"]
        for name, one in result["contenders"].items():
            batch = one["arguments"]["batch"]
            low, high = (batch / seconds for seconds in reversed(one["quartiles_s"]))
            view.add_row(
                result["what"],
                name,
                f"{batch / one['median_s']:.2f}",
                f"{low:.2f} to {high:.2f}",
                f"{one['median_s'] * 1000:.1f}",
                f"{one['median_s'] / first:.3f}",
            )
        view.add_section()
    Console(width=110).print(view)


def _processor():
    lines = pathlib.Path("/proc/cpuinfo")
    names = [
        line.split(":", 1)[1].strip() for line in lines.open() if line.startswith("model name")
    ]
    return names[0] if names else platform.processor()
