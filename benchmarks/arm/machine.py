"""An emulated 64-bit Arm machine, from packages of Debian and of the Python index alone.

Packages are unpacked into a folder, nothing is installed on the host and no root is needed: QEMU
runs one Arm program at a time and finds its files there. Needs Debian or Ubuntu on x86 with apt,
Debian's keys (package debian-archive-keyring), a C compiler and pip. The environment variable
MIRROR may name another source of Debian's packages.
"""

import dataclasses
import importlib.metadata
import os
import pathlib
import shutil
import subprocess
import sys
import urllib.parse

MIRROR = "http://deb.debian.org/debian"
# Debian's QEMU since 9.1 is one static program, which loads no plugin. The older one does, and
# counts; but its SME is faulty, and it shows programs the host's /proc/cpuinfo.
SUITE, COUNTING_SUITE = "trixie", "bookworm"
PYTHON = "3.13"  # of the suite
LIBRARIES = ("ai-edge-litert", "numpy")  # in the host's versions
KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"
HERE = pathlib.Path(__file__).parent
FOLDER = HERE.parents[1] / "build" / "arm"
WORKER = HERE / "worker.py"


@dataclasses.dataclass(frozen=True)
class Machine:
    """The folder that holds it.

    Attributes:
        folder: `root` has the Arm programs, `site` the Arm libraries of Python, `qemu` and
            `counting` two emulators, `packages.txt` a line for each Debian package.
    """

    folder: pathlib.Path

    def run(self, processor, arguments, counts=None):
        """Runs Python on the machine.

        Args:
            processor: QEMU's name of a CPU, such as `"cortex-a76"`.
            arguments: Of Python: a script and its own.
            counts: A file for the instructions executed until each `os.getppid()`, a line each;
                with it the emulator is the older one.

        Raises:
            RuntimeError: If the program fails.
        """
        options = ["-cpu", processor, "-L", str(self.folder / "root")]
        if counts is None:
            emulator = [str(self.folder / "qemu/usr/bin/qemu-aarch64")]
        else:
            emulator = self._counting_emulator(processor)
            options += ["-plugin", str(self.folder / "count.so"), "-d", "plugin"]
            options += ["-D", str(counts)]
        python = str(self.folder / f"root/usr/bin/python{PYTHON}")
        environment = {"PYTHONPATH": str(self.folder / "site"), "PYTHONDONTWRITEBYTECODE": "1"}
        command = [*emulator, *options, python, *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise RuntimeError(f"{processor}: exit code {done.returncode}: {last}")
        return done.stdout

    def _counting_emulator(self, processor):
        """The older emulator, with its own C library, and the newer one's /proc/cpuinfo."""
        cpuinfo = self.folder / "root/proc/cpuinfo"
        cpuinfo.parent.mkdir(exist_ok=True)
        text = self.run(processor, ["-c", "print(open('/proc/cpuinfo').read(), end='')"])
        cpuinfo.write_text(text)
        base = self.folder / "counting"
        folders = [str(path.parent) for path in base.glob("**/libc.so.6")]
        folders += [str(base / "usr/lib/x86_64-linux-gnu")]
        (loader,) = base.glob("**/x86_64-linux-gnu/ld-linux-x86-64.so.2")
        program = str(base / "usr/bin/qemu-aarch64")
        return [str(loader), "--library-path", ":".join(folders), program]

    def versions(self):
        """Of Debian's packages, and of the libraries of Python."""
        files = (self.folder / "packages.txt").read_text().split()
        libraries = (self.folder / "libraries.txt").read_text().split()
        return {"debian": [urllib.parse.unquote(file) for file in files], "python": libraries}

    def count(self, processor, file, images):
        """Instructions of each of two invocations of a .tflite file.

        Args:
            processor: QEMU's name of a CPU.
            file: The file.
            images: A .npy file, of which the first image goes in.
        """
        counts = file.with_suffix(".counts")
        self.run(processor, [WORKER, "--count", images, file], counts)
        return executed(counts.read_text().split())


def executed(counts):
    """Instructions of two invocations.

    Args:
        counts: How many were executed until before and after the first invocation, before and after
            the second. What lies between the two is the writing of the counts itself.
    """
    before, after, again, end = map(int, counts)
    writing = again - after
    return [after - before - writing, end - again - writing]


def on_host(arguments):
    """Runs Python with these arguments on this machine."""
    subprocess.run([sys.executable, *map(str, arguments)], check=True)


def set_up():
    """The `Machine` in build/arm, made if it is not there or of other versions."""
    wanted = [f"{name}=={importlib.metadata.version(name)}" for name in LIBRARIES]
    stamp = FOLDER / "libraries.txt"
    if stamp.exists() and stamp.read_text().split() == wanted:
        return Machine(FOLDER)
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    arm = (f"python{PYTHON}", "libstdc++6")
    names = [
        *_unpack(SUITE, "arm64", arm, FOLDER / "root"),
        *_unpack(SUITE, "amd64", ("qemu-user",), FOLDER / "qemu"),
        *_unpack(COUNTING_SUITE, "amd64", ("qemu-user",), FOLDER / "counting"),
    ]
    (FOLDER / "packages.txt").write_text("".join(f"{name}\n" for name in names))
    # Debian's package base-files has this link; without it the loader is not found.
    (FOLDER / "root/lib").symlink_to("usr/lib")
    _install_libraries(wanted, FOLDER / "site")
    compiler = os.environ.get("CC", "cc")
    sources = ["-o", str(FOLDER / "count.so"), str(HERE / "count.c")]
    _call([compiler, "-shared", "-fPIC", "-O2", *sources])
    stamp.write_text("\n".join(wanted))
    return Machine(FOLDER)


def _unpack(suite, architecture, packages, target):
    """Unpacks packages and what they depend on; returns the names of their files."""
    apt = target.with_name(f"apt-{target.name}")
    for part in ("state/lists/partial", "cache/archives/partial"):
        (apt / part).mkdir(parents=True)
    (apt / "status").touch()
    mirror = os.environ.get("MIRROR", MIRROR)
    (apt / "sources.list").write_text(f"deb [signed-by={KEYS}] {mirror} {suite} main\n")
    settings = {
        "Dir::State": apt / "state",
        "Dir::State::status": apt / "status",
        "Dir::Cache": apt / "cache",
        "Dir::Etc::sourcelist": apt / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "APT::Architecture": architecture,
        "APT::Architectures": architecture,
        "APT::Install-Recommends": "false",
        "APT::Sandbox::User": "root",  # else a folder of a user may be closed to apt's own
    }
    command = ["apt-get", "-q"]
    command += [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
    _call([*command, "update"])
    _call([*command, "install", "-y", "--download-only", *packages])
    files = sorted((apt / "cache/archives").glob("*.deb"))
    target.mkdir()
    for file in files:
        _call(["dpkg-deb", "-x", str(file), str(target)])
    shutil.rmtree(apt)
    return [file.name for file in files]


def _install_libraries(requirements, target):
    """Installs Arm wheels; of what LiteRT depends on, its interpreter needs NumPy alone."""
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(target)]
    command += ["--only-binary=:all:", "--implementation=cp", f"--python-version={PYTHON}"]
    # Of the C library that a wheel asks for at most: the suite's is newer.
    command += [f"--platform=manylinux_2_{minor}_aarch64" for minor in range(17, 42)]
    command += ["--platform=manylinux2014_aarch64"]
    _call([*command, *requirements])


def _call(command):
    """Runs a command of the setup; what it says is shown if it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        raise SystemExit(f"The emulated machine needs the program {command[0]!r}.") from None
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout[-500:]}{done.stderr[-2000:]}")
