"""What of a folder is no data: counted, and said in one sentence."""

import collections
import dataclasses

NAMED = 3  # names or paths of one kind in a sentence


def readable(name):
    """A name as a terminal takes it: what is no UTF-8 or cannot be printed is escaped."""
    return name if name.isprintable() else ascii(name)[1:-1]


def listed(names, most=NAMED):
    """`a, b, c and 7 more`."""
    names = list(names)
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(readable(str(name)) for name in names[:most]) + rest


@dataclasses.dataclass
class LeftOut:
    """Counts and paths of what was met and not taken.

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
