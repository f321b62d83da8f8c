"""The image files of a folder, and counts of what else lies in it."""

import collections
import dataclasses
import functools
import os
import unicodedata

from keras_senet.data.decode import suffixes

NAMED = 3  # names or paths of one kind in a sentence
# Names that operating systems, archives and network disks put beside a user's files, in lower case.
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
    """The images and folders in a folder, which is read when first asked for them.

    Args:
        path: The folder, which exists.
        above: Identities of the folders that it lies in: a link to one of them is a loop.

    Attributes:
        path: The path.
        name: Its last part, in Unicode's composed form: disks of different systems spell the same
            name in two ways.
        identity: Device and number of the folder: the same by any link.
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
        """Its own entries that are no data, a `LeftOut`."""
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
        """The entries that are no data, in it and in all folders within, a `LeftOut`."""
        found, repeated = self._walked
        total = LeftOut(repeated=repeated)
        for folder in found:
            total.add(folder.left_out)
        return total

    @functools.cached_property
    def identities(self):
        """Identities of the folder and of all folders within."""
        return {folder.identity for folder in self._walked[0]}

    @functools.cached_property
    def _walked(self):
        """The folder and all folders within; paths of links to folders that were read already."""
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


def readable(name):
    """A name fit for a terminal: characters that cannot be printed are escaped."""
    return name if name.isprintable() else ascii(name)[1:-1]


def listed(names, most=NAMED):
    """`a, b, c and 7 more`."""
    names = list(names)
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(readable(str(name)) for name in names[:most]) + rest


@dataclasses.dataclass
class LeftOut:
    """Counts and paths of files and folders that are no data.

    Attributes:
        suffixes: Files that are no images by their suffix: suffix (`""`: none) -> count.
        system: Hidden files and folders, and those of operating systems: name -> count.
        broken: Paths of links that lead nowhere.
        repeated: Paths of links to folders that were read already.
        outside: Paths of images that lie in no class.
        empty: Paths of folders without images beside splits.
    """

    suffixes: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    system: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    broken: list = dataclasses.field(default_factory=list)
    repeated: list = dataclasses.field(default_factory=list)
    outside: list = dataclasses.field(default_factory=list)
    empty: list = dataclasses.field(default_factory=list)

    def add(self, other):
        """Takes over the counts of another."""
        for field in dataclasses.fields(self):
            mine, theirs = getattr(self, field.name), getattr(other, field.name)
            if isinstance(mine, collections.Counter):
                mine.update(theirs)
            else:
                mine.extend(theirs)

    def __str__(self):
        """All of it in one line; empty if there is nothing to say."""
        parts = []
        if self.suffixes:
            kinds = [f"{kind or 'no suffix'} {n}" for kind, n in _most(self.suffixes)]
            count = self.suffixes.total()
            parts.append(f"{_files(count)} by suffix no image: {listed(kinds, 8)}")
        if self.system:
            names = [name for name, _ in _most(self.system)]
            parts.append(f"{self.system.total()} hidden or of the system: {listed(names)}")
        for paths, what in (
            (self.broken, "broken"),
            (self.repeated, "to folders already read"),
        ):
            if paths:
                links = "link" if len(paths) == 1 else "links"
                parts.append(f"{len(paths)} {links} {what}: {listed(paths)}")
        if self.outside:
            parts.append(f"{_files(len(self.outside))} in no class: {listed(self.outside)}")
        if self.empty:
            parts.append(f"folders without images: {listed(self.empty)}")
        return "; ".join(parts)


def _files(count):
    return f"{count} file{'s' * (count != 1)}"


def _most(counter):
    """Pairs of name and count, most first, then by name."""
    return sorted(counter.items(), key=lambda pair: (-pair[1], pair[0]))
