"""Contenders that take turns: each a process that waits for its turn and reports its times.

A contender is a script that calls `serve(prepare)`. It builds what it measures, says so on its
standard output, and then runs as many rounds as the driver asks for. Only one runs at a time, so
that a noisy machine treats all alike, and each may live in a virtual environment of its own.
"""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

FOLDER = pathlib.Path(__file__).parent


def serve(run, versions):
    """Answers the driver: one line in, one line out, until the driver hangs up.

    Args:
        run: Function of a number of steps; returns when the last of them is done.
        versions: Dictionary of the libraries' versions, for the record.
    """
    # What libraries print goes to the log, the answers to the driver.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    started = time.perf_counter()
    run(1)
    print(json.dumps({"versions": versions, "warm_up_s": time.perf_counter() - started}),
          file=answers, flush=True)
    for line in sys.stdin:
        steps = int(line)
        started = time.perf_counter()
        run(steps)
        print(json.dumps((time.perf_counter() - started) / steps), file=answers, flush=True)


class Contender:
    """A running contender, seen from the driver."""

    def __init__(self, name, script, arguments, python=sys.executable, environment=None):
        """Starts `script` of this folder with `arguments`, a dictionary of flags."""
        self.name = name
        self.seconds = []
        flags = [f"--{key}={value}" for key, value in arguments.items()]
        self._process = subprocess.Popen(
            [python, FOLDER / script, *flags],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **(environment or {})},
        )

    def wait_until_ready(self):
        """Waits for the first step, the one that traces and compiles."""
        answer = self._answer()
        self.versions, self.warm_up_s = answer["versions"], answer["warm_up_s"]

    def step(self, steps=1):
        """Runs `steps` steps and keeps the seconds that one of them took."""
        self._process.stdin.write(f"{steps}\n")
        self._process.stdin.flush()
        self.seconds.append(self._answer())

    def close(self):
        """Ends the process."""
        self._process.stdin.close()
        self._process.wait()

    def _answer(self):
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"The contender {self.name!r} ended early: see its messages above.")
        return json.loads(line)

    def summary(self):
        """Median and quartiles of the seconds of a step."""
        low, median, high = statistics.quantiles(self.seconds, n=4, method="inclusive")
        return {
            "median_s": median,
            "quartiles_s": [low, high],
            "rounds": len(self.seconds),
            "warm_up_s": self.warm_up_s,
            "versions": self.versions,
        }


def compete(contenders, rounds, steps=1, warm_up=2):
    """Lets the contenders take turns.

    Args:
        contenders: Dictionary from a `Contender` to the rounds it takes part in, at most; the
            slow ones sit out the later rounds.
        rounds: Rounds of one turn each.
        steps: Steps in a turn.
        warm_up: Turns of each contender that do not count.

    Returns:
        A dictionary from contenders' names to their summaries.
    """
    for contender in contenders:
        contender.wait_until_ready()
        for _ in range(warm_up):
            contender.step(steps)
        contender.seconds.clear()
    for number in range(rounds):
        for contender, limit in contenders.items():
            if number < limit:
                contender.step(steps)
    for contender in contenders:
        contender.close()
    return {contender.name: contender.summary() for contender in contenders}
