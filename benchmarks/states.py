"""The package as it is and as it was: one script, run with either in a process of its own."""

import contextlib
import io
import json
import os
import pathlib
import subprocess
import sys
import tarfile
import tempfile

from absl import flags
from contenders import FOLDER

ROOT = FOLDER.parent


@contextlib.contextmanager
def package_of(commit):
    """The full hash of a commit, and a folder that has its files for as long as this lasts."""
    commit = _git("rev-parse", "--verify", f"{commit}^{{commit}}").decode().strip()
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(fileobj=io.BytesIO(_git("archive", commit))) as archive:
            archive.extractall(folder, filter="data")
        yield commit, folder


def measured(script, package, *arguments):
    """What a script prints that imports the package from this folder.

    Args:
        script: Path of the script that runs now. Its process gets the flags of this one and
            `--only`, and prints a line of JSON, where `package` is `keras_senet.__file__`.
        package: Folder that `keras_senet` is in.
        *arguments: More of the command line.
    """
    own = [flag.serialize() for flag in flags.FLAGS.flags_by_module_dict()[sys.argv[0]]]
    environment = {"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ, "PYTHONPATH": str(package)}
    command = [sys.executable, script, *filter(None, own), "--only", *arguments]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    result = json.loads(done.stdout.splitlines()[-1])
    imported = pathlib.Path(result.pop("package")).resolve().parents[1]
    if imported != pathlib.Path(package).resolve():
        raise RuntimeError(f"Expected the package in {package}. Imported: that in {imported}.")
    return result


def _git(*arguments):
    return subprocess.run(["git", "-C", ROOT, *arguments], capture_output=True, check=True).stdout
