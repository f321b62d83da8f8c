"""Builds the release and tries it: `make dist`, or `python tests/release/build.py --extras=train`.

Wheel and sdist are written to dist/ and checked: their metadata by twine, their contents here. The
wheel is then installed with each extra in a fresh environment, outside of any checkout, where
`smoke.py` does what the extra is for. With --repository=ADDRESS the links and pictures of the
README lead there, as a package page needs them; without, they stay as they are, and this is said.
"""

import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile

ROOT = pathlib.Path(__file__).parents[2]
DIST = ROOT / "dist"
SMOKE = pathlib.Path(__file__).with_name("smoke.py")
# Of the source distribution: what a build needs, and nothing that is of use in a checkout only.
NO_PARTS = ("tests", "benchmarks", "docs", "export", ".ci")
IN_WHEEL = (
    "keras_senet/py.typed",
    "keras_senet/cli/__init__.py",
    "keras_senet/export/web/page/index.html",
    "keras_senet/weights/imagenet_classes.csv",
    "keras_senet/weights/packaged/se_resnet20.cifar10.safetensors",
    "keras_senet/weights/records/timm_mobile.csv",
)


def main():
    """Builds, checks, installs and tries; ends with 1 at the first thing that is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repository", help="Address of the repository, https://...")
    parser.add_argument("--extras", help="Extras to try, by commas; default: all but dev and docs.")
    flags = parser.parse_args()
    known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wheel, source = build(flags.repository)
    run(sys.executable, "-m", "twine", "check", "--strict", wheel, source)
    check_wheel(wheel)
    check_source(source)
    wanted = [one for one in known["optional-dependencies"] if one not in ("dev", "docs")]
    for extra in flags.extras.split(",") if flags.extras else wanted:
        try_extra(wheel, extra)
    print(f"{wheel.name} and {source.name} are in {DIST}/")


def build(repository):
    """Paths of wheel and source distribution, made from what is committed."""
    shutil.rmtree(DIST, ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder:
        tree = pathlib.Path(folder)
        archive = subprocess.run(
            ["git", "archive", "HEAD"], cwd=ROOT, check=True, stdout=subprocess.PIPE
        ).stdout
        subprocess.run(["tar", "-x"], cwd=tree, input=archive, check=True)
        page = tree / "README.md"
        if repository:
            page.write_text(absolute(page.read_text(), repository))
            with (tree / "pyproject.toml").open("a") as file:
                file.write(f'\n[project.urls]\nRepository = "{repository}"\n')
        else:
            links = re.findall(r"\]\((?!https?:)([^)]*)\)", page.read_text())
            print(f"Without --repository {len(links)} links of the README lead nowhere on a page.")
        run(sys.executable, "-m", "build", "--outdir", DIST, tree)
    (wheel,), (source,) = DIST.glob("*.whl"), DIST.glob("*.tar.gz")
    return wheel, source


def absolute(text, repository):
    """A page whose relative links and pictures lead to files of a repository's main branch."""
    text = re.sub(r"(!\[[^]]*\]\()(?!https?:)", rf"\g<1>{repository}/raw/main/", text)
    return re.sub(r"((?<!!)\[[^]]*\]\()(?!https?:)", rf"\g<1>{repository}/blob/main/", text)


def check_wheel(wheel):
    """Raises if the wheel lacks a file, or has one that is not the package's."""
    with zipfile.ZipFile(wheel) as file:
        names = file.namelist()
        (entry,) = (name for name in names if name.endswith("entry_points.txt"))
        assert "keras-senet = keras_senet.cli:main" in file.read(entry).decode()
    missing = set(IN_WHEEL) - set(names)
    assert not missing, f"{wheel.name} lacks {missing}"
    packages = {str(p.relative_to(ROOT)) for p in ROOT.glob("keras_senet/**/*.py")}
    assert packages <= set(names), f"{wheel.name} lacks {packages - set(names)}"
    foreign = {name.split("/")[0] for name in names} - {"keras_senet"}
    assert all(name.endswith(".dist-info") for name in foreign), foreign
    assert wheel.stat().st_size <= 4e6, f"{wheel.name} has {wheel.stat().st_size / 1e6:.1f} MB"


def check_source(source):
    """Raises if the source distribution has parts of a checkout, or lacks what a build needs."""
    with tarfile.open(source) as file:
        names = {name.partition("/")[2] for name in file.getnames()}
    wrong = {name for name in names if name.split("/")[0] in NO_PARTS}
    assert not wrong, f"{source.name} has {sorted(wrong)[:5]}"
    assert {"pyproject.toml", "LICENSE", "README.md", *IN_WHEEL} <= names


def try_extra(wheel, extra):
    """Installs the wheel with an extra in a fresh environment and runs its part of `smoke.py`."""
    with tempfile.TemporaryDirectory() as folder:
        home = pathlib.Path(folder)
        run(sys.executable, "-m", "uv", "venv", "-q", "--python", sys.executable, home / "env")
        python = home / "env" / "bin" / "python"
        # A backend is the user's choice: the extras that bring none are tried on TensorFlow.
        wanted = f"{wheel}[tensorflow,{extra}]"
        run(sys.executable, "-m", "uv", "pip", "install", "-q", "--python", python, wanted)
        shutil.copy(SMOKE, home / "smoke.py")
        run(python, "-I", home / "smoke.py", extra, cwd=home)
    print(f"extra {extra}: passed", flush=True)


def run(*command, cwd=None):
    """Runs a program, and ends this one if it fails."""
    done = subprocess.run([str(part) for part in command], cwd=cwd)
    if done.returncode:
        sys.exit(f"Failed: {' '.join(map(str, command))}")


if __name__ == "__main__":
    main()
