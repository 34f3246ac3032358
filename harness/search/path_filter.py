"""A path or glob, as people write it, as the paths of indexed files: stores compare whole paths."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import UsageError
from harness.folding import fold
from harness.home import from_home
from harness.patterns import PathPatterns
from harness.types import RepositoryRecord

_MAX_CHARS = 1_000
_MAX_ALTERNATIVES = 100
_FOLDERS_SHOWN = 12

_ABSOLUTE = re.compile(r"/|~|[A-Za-z]:/")
_SPECIAL = re.compile(r"[*?\[{\\]")
_LINES = re.compile(r":\d{1,7}(?:[-:]\d{1,7})?$")
# A backslash before one of these makes it literal; before anything else it is Windows' separator.
_BACKSLASH = re.compile(r"\\(?![\[\]{}!#?\\ ])")
_BRACES = re.compile(r"\{([^{}]*,[^{}]*)\}")


@dataclass(frozen=True, slots=True)
class PathFilter:
    """What a filter means: a glob, and the repositories that it is about.

    ``asked`` is as it was written, ``globs`` what it may mean, the likeliest first. ``excludes``:
    the files that the glob does not choose are wanted.
    """

    asked: str
    globs: tuple[str, ...]
    excludes: bool
    repositories: tuple[RepositoryRecord, ...]

    def choose(self, paths: Sequence[str]) -> tuple[str, ...]:
        """Those of an index's paths that the filter chooses; a folder chooses what is in it.

        Letters' case counts, unless nothing matches as it was written. Places are understood as a
        search prints them: ``path:12-20``, and with the repository's name in front.
        """
        for glob in self._readings():
            for chosen in (_chosen, _chosen_without_case):
                found = chosen(glob, paths)
                if found:
                    kept = set(found)
                    return tuple(p for p in paths if p not in kept) if self.excludes else found
        return tuple(paths) if self.excludes else ()

    def _readings(self) -> Iterator[str]:
        yield from self.globs
        for glob in self.globs:
            without_lines = _LINES.sub("", glob)
            yield without_lines
            for record in self.repositories:
                if without_lines.startswith(f"{record.name}/"):
                    yield without_lines.removeprefix(record.name)


def read_filter(asked: str, repositories: Sequence[RepositoryRecord]) -> PathFilter:
    """Read a path filter.

    :param asked: a path or a glob, in the forms of ``.gitignore`` or of a shell.
    :param repositories: those that are searched; an absolute path names one of them.
    :raises UsageError: it cannot be understood; the message says what to write.
    """
    glob = asked.strip()
    if len(glob) > _MAX_CHARS or "\n" in glob or "\0" in glob:
        raise UsageError(f"a path filter is one line of at most {_MAX_CHARS} characters")
    excludes = glob.startswith("!")
    glob = _BACKSLASH.sub("/", glob.removeprefix("!"))
    chosen = tuple(repositories)
    here = _inside(f"{Path.cwd().as_posix()}/{glob}", repositories) if glob[:1] == "." else None
    inside = _inside(glob, repositories) if _ABSOLUTE.match(glob) else None
    if inside is not None:
        record, glob = inside
        chosen = (record,)
    elif _ABSOLUTE.match(glob) and not glob.startswith("/"):
        raise UsageError(
            f"{asked!r} is in none of the indexed repositories; write the path relative to one, "
            "such as 'src/**'"
        )
    # ./src is relative to the folder one is in, or else to the repository, wherever one is.
    globs = [] if here is None else [here[1]]
    normalised = _normalised(glob)
    if normalised is not None:
        globs.append(normalised)
    if not globs:
        raise UsageError(
            f"{asked!r} leads out of the repository; write the path relative to its root"
        )
    return PathFilter(asked, tuple(globs), excludes, chosen)


def nothing_matches(asked: str, paths: Sequence[str]) -> UsageError:
    """The error for a filter that chooses no file, with the folders that there are.

    :param paths: of the index.
    """
    folders = sorted({path.partition("/")[0] + "/" for path in paths if "/" in path})
    shown = ", ".join(folders[:_FOLDERS_SHOWN]) or "none, only files at the top"
    more = ", …" if len(folders) > _FOLDERS_SHOWN else ""
    return UsageError(
        f"no indexed path matches {asked!r}; write a path or a glob such as 'src/**' or '*.py'; "
        f"the folders are: {shown}{more}"
    )


def _inside(
    glob: str, repositories: Sequence[RepositoryRecord]
) -> tuple[RepositoryRecord, str] | None:
    """The repository that an absolute path lies in, and the path relative to it, after ``/``."""
    try:
        home = from_home(glob)
    except UsageError:  # ~name of nobody
        return None
    path = os.path.normpath(home) + ("/" if glob.endswith("/") else "")
    fixed = path
    if special := _SPECIAL.search(path):
        fixed = path[: special.start()].rpartition("/")[0]
    real = os.path.realpath(fixed) + path[len(fixed.rstrip("/")) :]
    inside = [
        (record, "/" + written[len(root) :].lstrip("/"))
        for record in repositories
        for root in {record.path.rstrip("/"), os.path.realpath(record.path)}
        for written in (path, real)
        if root and (written.rstrip("/") + "/").startswith(root + "/")
    ]
    if not inside:
        return None
    record, rest = min(inside, key=lambda found: len(found[1]))  # the inner one of nested ones
    return record, rest if rest != "/" else "**"


def _normalised(glob: str) -> str | None:
    """A glob without ``.`` and ``..``, with ``/`` in front where it names one place only; None
    when it leads out of the repository."""
    parts: list[str] = []
    for part in glob.split("/"):
        if part == "..":
            if not parts:
                return None
            del parts[-1]
        elif part not in ("", "."):
            parts.append(part)
    anchored = "/" if glob.startswith(("/", "./", "../")) else ""
    folder = "/" if glob.endswith("/") and parts else ""
    return anchored + "/".join(parts) + folder if parts else "**"


def _chosen(glob: str, paths: Sequence[str]) -> tuple[str, ...]:
    """The paths that a glob chooses, in their order."""
    literal = glob.strip("/")
    below = literal + "/"
    globs = _alternatives(glob)
    # A first "!" or "#" would mean something else in an ignore file.
    lines = "\n".join("\\" + one if one[:1] in ("!", "#") else one for one in globs)
    patterns = PathPatterns.parse(lines)
    # Matching takes fifty times as long as looking for a part, which few of the paths have.
    first, *others = {_part(one) for one in (glob, *globs)}
    possible = (
        [path for path in paths if first in path or any(part in path for part in others)]
        if others
        else [path for path in paths if first in path]
    )
    return tuple(
        path
        for path in possible
        # Names may hold what a glob reads as its own, such as app/[id]/page.tsx.
        if path == literal or path.startswith(below) or patterns.chooses(path)
    )


def _chosen_without_case(glob: str, paths: Sequence[str]) -> tuple[str, ...]:
    folded = [fold(path) for path in paths]
    found = set(_chosen(fold(glob), folded))
    return tuple(path for path, one in zip(paths, folded, strict=True) if one in found)


def _part(glob: str) -> str:
    """What every path that a glob chooses holds, as a pattern or to the letter: its longest run of
    plain characters. A class in brackets ends them, as does what a backslash makes plain."""
    plain = re.split(r"[*?\\{}]+", glob.partition("[")[0])
    return max((run.strip("/ \r") for run in plain), key=len)


def _alternatives(glob: str) -> list[str]:
    """The globs that a shell makes of ``{a,b}``.

    :raises UsageError: there are too many.
    """
    done: list[str] = []
    left = [glob]
    while left:
        if len(done) + len(left) > _MAX_ALTERNATIVES:
            raise UsageError(
                f"{{…}} in a path filter may stand for {_MAX_ALTERNATIVES} paths at most"
            )
        one = left.pop()
        braces = _BRACES.search(one)
        if braces is None:
            done.append(one)
            continue
        before, after = one[: braces.start()], one[braces.end() :]
        left.extend(before + choice + after for choice in braces.group(1).split(","))
    return done
