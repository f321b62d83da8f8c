"""The image files of a folder: hidden ones are no data, and links are followed once."""

import collections
import functools
import os
import unicodedata

from keras_senet.data.decode import suffixes
from keras_senet.data.left_out import LeftOut

# What operating systems, archives and network disks put beside the files of a user, in lower case.
SYSTEM = {
    "__macosx",
    "__pycache__",
    "thumbs.db",
    "ehthumbs.db",
    "desktop.ini",
    "icon\r",
    "lost+found",
    "$recycle.bin",
    "system volume information",
    "@eadir",
    "@recycle",
    "#recycle",
    "#snapshot",
}


class Folder:
    """A folder as data sees it, read when it is asked for.

    Args:
        path: The folder, which exists.
        above: Identities of the folders that it lies in: a link to one of them is a loop.

    Attributes:
        path: The path.
        name: Its last part, in Unicode's composed form: disks of different systems spell the same
            name in two ways.
        identity: Device and number of the folder: the same by whatever link.
    """

    def __init__(self, path, above=()):
        self.path = path
        self.name = unicodedata.normalize("NFC", os.path.basename(path))
        status = os.stat(path)
        self.identity = (status.st_dev, status.st_ino)
        self.is_link = os.path.islink(path)
        self._above = (*above, self.identity)

    def __str__(self):
        return self.path

    @property
    def files(self):
        """Paths of the images directly in it, sorted."""
        return self._read[0]

    @property
    def folders(self):
        """The folders directly in it, sorted by name; hidden ones and loops left out."""
        return self._read[1]

    @property
    def left_out(self):
        """What of its own entries is no data, a `LeftOut`."""
        return self._read[2]

    @property
    def is_nested(self):
        """Whether it has images, and all of them in folders within."""
        return bool(self.images) and not self.files

    @functools.cached_property
    def images(self):
        """Paths of the images in it and in all folders within, sorted; no folder is read twice."""
        paths = [path for folder in self._walked[0] for path in folder.files]
        return sorted(paths, key=lambda path: path.split(os.sep))

    @functools.cached_property
    def left_out_within(self):
        """What is no data in it and in all folders within, a `LeftOut`."""
        found, repeated = self._walked
        total = LeftOut(repeated=repeated)
        for folder in found:
            total.add(folder.left_out)
        return total

    @functools.cached_property
    def identities(self):
        """Of the folder and of all folders within."""
        return {folder.identity for folder in self._walked[0]}

    @functools.cached_property
    def _walked(self):
        """The folder and all within; paths of links to what was read already."""
        seen, found, repeated = set(self._above[:-1]), [], []
        waiting, links = collections.deque([self]), collections.deque()
        while waiting or links:
            # Links come last: a folder is read where it lies, if it lies here.
            folder = waiting.popleft() if waiting else links.popleft()
            if folder.identity in seen:
                repeated.append(folder.path)
                continue
            seen.add(folder.identity)
            found.append(folder)
            for inner in folder.folders:
                (links if inner.is_link else waiting).append(inner)
        return found, repeated

    @functools.cached_property
    def _read(self):
        files, folders, left_out = [], [], LeftOut()
        with os.scandir(self.path) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                suffix = os.path.splitext(entry.name)[1].lower()
                kind = _kind(entry)
                if entry.name.startswith(".") or entry.name.lower() in SYSTEM:
                    left_out.system[entry.name] += 1
                elif kind == "folder":
                    folders.append(Folder(_utf8(entry.path), self._above))
                elif kind == "broken":
                    left_out.broken.append(entry.path)
                elif kind == "file" and suffix in suffixes():
                    files.append(_utf8(entry.path))
                else:
                    left_out.suffixes[suffix] += 1
        loops = [folder for folder in folders if folder.identity in self._above]
        left_out.repeated += [folder.path for folder in loops]
        return files, [folder for folder in folders if folder not in loops], left_out


def _kind(entry):
    """`"folder"`, `"file"`, `"broken"` for a link that leads nowhere, `"other"` for a device."""
    try:
        if entry.is_dir():
            return "folder"
        if entry.is_file():
            return "file"
    except OSError:  # a link to itself
        return "broken"
    return "broken" if entry.is_symlink() else "other"


def _utf8(path):
    """The path, if its name can be written as UTF-8: TensorFlow reads no others."""
    try:
        path.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(
            f"Expected names of files and folders in UTF-8. Received: {os.fsencode(path)!r}. "
            "Rename it."
        ) from error
    return path
