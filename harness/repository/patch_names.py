"""Which files a patch is about, as git reads its names: quoted, with octal numbers, renamed."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from harness.repository.git import SEALED, run_git
from harness.repository.git_names import leads_to_git

_SECONDS = 120.0
# Lines of a hunk begin with a sign or a blank, so none of them looks like this.
_FROM = re.compile(rb"^(?:rename (?:from|old)|copy from) (.*?)\r?$", re.MULTILINE)
# unquote_c_style of git's quote.c.
_ESCAPE = re.compile(rb"\\([0-3][0-7]{2}|.)", re.DOTALL)
_LETTERS = dict(zip(b"abtnvfr", b"\a\b\t\n\v\f\r", strict=True))


@dataclass(frozen=True, slots=True)
class PatchNames:
    """``changed`` is what a patch makes, changes or removes; ``binary`` are those of them whose
    content it does not give in lines; ``sources`` is what it copies or renames."""

    changed: tuple[str, ...]
    binary: frozenset[str]
    sources: tuple[str, ...]

    def of_git(self) -> str:
        """The first name that may be git's own folder, or in it; empty: none is."""
        return next(filter(leads_to_git, (*self.changed, *self.sources)), "")


def patch_names(patch: bytes) -> PatchNames:
    """Read the names of a patch.

    :raises GitError: it is no patch.
    """
    # In a folder without attribute files, which git would follow, and outside every repository.
    with tempfile.TemporaryDirectory(prefix="harness-names-") as folder:
        rows = run_git(
            ["apply", "--whitespace=nowarn", "--numstat", "-z", "-"],
            Path(folder),
            _SECONDS,
            trust=SEALED,
            stdin=patch,
            variables={"GIT_CEILING_DIRECTORIES": str(Path(folder).parent)},
        ).stdout.split(b"\0")
    fields = [row.split(b"\t", 2) for row in rows if row.count(b"\t") >= 2]
    return PatchNames(
        changed=tuple(os.fsdecode(name) for _, _, name in fields),
        binary=frozenset(os.fsdecode(name) for added, _, name in fields if added == b"-"),
        sources=tuple(map(os.fsdecode, _sources(patch))),
    )


def _sources(patch: bytes) -> Iterable[bytes]:
    for match in _FROM.finditer(patch):
        name = match[1]
        if name.startswith(b'"'):
            name = _ESCAPE.sub(_unescaped, name[1:].rpartition(b'"')[0])
        yield name


def _unescaped(match: re.Match[bytes]) -> bytes:
    escaped = match[1]
    if len(escaped) == 3:
        return bytes([int(escaped, 8)])
    return bytes([_LETTERS.get(escaped[0], escaped[0])])
