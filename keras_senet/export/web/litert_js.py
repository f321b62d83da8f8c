"""LiteRT.js, the runtime of the page: its packages, each version and checksum pinned."""

import dataclasses
import hashlib
import os
import pathlib
import tarfile
from collections.abc import Iterable

from keras_senet.weights.download import fetch

REGISTRY = "https://registry.npmjs.org"
# Where each file lies in the folder of the page, and which of a package's it is. The network runs
# on relaxed SIMD, or where the browser has none on plain SIMD (`compat`). Threads need headers that
# plain static servers do not send.
CORE_FILES = {
    "core/index.js": "dist/index.js",
    "core/wasm/litert_wasm_internal.js": "wasm/litert_wasm_internal.js",
    "core/wasm/litert_wasm_internal.wasm": "wasm/litert_wasm_internal.wasm",
    "core/wasm/litert_wasm_compat_internal.js": "wasm/litert_wasm_compat_internal.js",
    "core/wasm/litert_wasm_compat_internal.wasm": "wasm/litert_wasm_compat_internal.wasm",
}


@dataclasses.dataclass(frozen=True)
class Package:
    """A package of npm at one version, as `weights.download.fetch` fetches a file.

    Attributes:
        package: Its name, `"@litertjs/core"`.
        version: Its version.
        checksum: `"sha512:..."` of its archive, in hexadecimal digits; npm's `integrity` is the
            same in base 64.
        files: Names in the folder of the page, each with that in the package.
    """

    package: str
    version: str
    checksum: str
    files: dict[str, str]
    repository = None
    packaged = False

    @property
    def name(self) -> str:
        """Name and version; what is before the slash names the folder in the cache."""
        return f"litertjs/{self.package}@{self.version}"

    @property
    def filename(self) -> str:
        """Name of the archive, as `npm pack` writes it."""
        return f"{self.package.removeprefix('@').replace('/', '-')}-{self.version}.tgz"

    @property
    def url(self) -> str:
        """Address of the archive; npm's variable `NPM_CONFIG_REGISTRY` names another registry."""
        registry = os.environ.get("NPM_CONFIG_REGISTRY") or REGISTRY
        name = self.package.rpartition("/")[2]
        return f"{registry.rstrip('/')}/{self.package}/-/{name}-{self.version}.tgz"

    @property
    def source(self) -> str:
        """Address of the archive."""
        return self.url


PACKAGES = (
    Package(
        "@litertjs/core",
        "2.5.3",
        "sha512:"
        "3e51a66cc3aaf568ad5fb14ed2385b749c3d1ad85ab6ccae0905e34edff0259a"
        "3414b6b0e3cab8b73f08c2a82a08892f8981abf4e1432f59029cde27cd6a3225",
        CORE_FILES,
    ),
    Package(
        "@litertjs/wasm-utils",
        "2.5.3",
        "sha512:"
        "e1f262c3ab4142722cfb48c7fce435ea760e89297cffecd99e7e61dae97c6932"
        "878b4e6c56a656e7cd139a4efca42da44f7f40f4e60155d15ac2d799fec23591",
        {"wasm-utils/index.js": "dist/index.js"},
    ),
)


def archives(folder: str | os.PathLike | None = None) -> list[tuple[Package, pathlib.Path]]:
    """Each package with its archive, checked.

    Args:
        folder: A folder that has the archives, as `npm pack @litertjs/core@2.5.3
            @litertjs/wasm-utils@2.5.3` writes them; `None`: they are fetched into the cache
            (`KERAS_HOME`, `~/.keras`) unless they are there.

    Raises:
        ValueError: If an archive is missing, cannot be fetched or is not the pinned one.
    """
    return [(one, fetch(one) if folder is None else _found(one, folder)) for one in PACKAGES]


def unpack(found: Iterable[tuple[Package, pathlib.Path]], folder: pathlib.Path) -> None:
    """Writes the files that the page needs of the archives into a folder."""
    for package, archive in found:
        with tarfile.open(archive) as packed:
            for name, member in package.files.items():
                content = packed.extractfile(f"package/{member}")
                assert content is not None  # the archive is the pinned one
                path = folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content.read())


def _found(package, folder):
    path = pathlib.Path(folder) / package.filename
    if not path.is_file():
        names = " ".join(f"{one.package}@{one.version}" for one in PACKAGES)
        raise ValueError(
            f"Expected the archives of LiteRT.js in {folder}. Received: no {package.filename}. Run "
            f"`npm pack {names}` there."
        )
    with path.open("rb") as file:
        received = f"sha512:{hashlib.file_digest(file, 'sha512').hexdigest()}"
    if received != package.checksum:
        raise ValueError(
            f"{path} is broken or was changed: {received[:24]}..., expected "
            f"{package.checksum[:24]}... Fetch it anew."
        )
    return path
