"""Attribute files of a work tree: whether git can match their patterns in bounded time.

Git before 2.41 tries every ``*`` of a pattern at every length, also in ``.gitattributes``: for a
name of 250 characters a pattern with three takes 0.04 s, with four 1.6 s, with twelve years. Git
reads them whenever it converts a file, so it is asked to only where patterns have few.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from harness.errors import TransientError
from harness.files import first_bytes
from harness.patterns import folders_above
from harness.repository.git import SEALED, USER, Trust, run_git
from harness.repository.git_names import is_attribute_file
from harness.repository.patch_names import PatchNames

logger = logging.getLogger(__name__)

ATTRIBUTES = ".gitattributes"
REMEDY = "shorten it to at most 3 of them, or 4 with a slash in it"
_SECONDS = 60.0
_MOST_BYTES = 1_000_000
_MOST_STARS = 3
_MOST_STARS_IN_PATHS = 4
_STARS = re.compile(rb"\*+")
# Of all white space these alone end a pattern (attr.c).
_BLANKS = re.compile(rb"[ \t\r]")


def is_slow(text: bytes) -> bool:
    """Tell whether an attribute file has a pattern with so many ``*`` that git takes long."""
    if len(text) > _MOST_BYTES:
        return True
    return any(_is_slow_line(line) for line in text.split(b"\n"))


def _is_slow_line(line: bytes) -> bool:
    line = line.strip(b" \t\r")
    if line.startswith(b"#"):
        return False
    if line.startswith(b'"'):
        # It may hold blanks, and stars as octal numbers; values of attributes seldom hold any.
        pattern = line.replace(rb"\052", b"*")
    else:
        pattern = _BLANKS.split(line, maxsplit=1)[0]
    stars = sum(1 for _ in _STARS.finditer(pattern))
    return stars > (_MOST_STARS_IN_PATHS if b"/" in pattern else _MOST_STARS)


def slow_attributes(root: Path, names: Iterable[str]) -> Path | None:
    """Find an attribute file over which git would take long when it looks at some files.

    :param root: a folder of a work tree.
    :param names: the files, relative to it.
    :returns: the first such file; None: git may be asked.
    """
    parents = {name.rpartition("/")[0] for name in names}
    folders = {"", *parents, *(above for folder in parents for above in folders_above(folder))}
    files = [root / folder / ATTRIBUTES for folder in sorted(folders)]
    asked = run_git(
        ["rev-parse", "--show-cdup", "--git-path", "info/attributes"],
        root,
        _SECONDS,
        trust=SEALED,
        check=False,
    )
    if asked.returncode == 0:
        up, _, own = asked.stdout.removesuffix(b"\n").partition(b"\n")
        files += [folder / ATTRIBUTES for folder in root.parents[: up.count(b"../")]]
        files.append(root / os.fsdecode(own))
    return next((path for path in files if is_slow(_content(path))), None)


def slow_for_patch(
    root: Path, names: Sequence[str], patch: bytes, touched: PatchNames
) -> Path | None:
    """Find an attribute file over which git would take long when it applies a patch.

    :param names: the patch's files, or more, relative to ``root``.
    :param touched: the names of the patch.
    :returns: the first such file, of the tree or of the patch; None: git may be asked.
    """
    slow = slow_attributes(root, names)
    if slow is not None:
        return slow
    # Git reads a name in quotes with octal numbers as well; file systems ignore case.
    made = [name for name in touched.changed if is_attribute_file(name.rpartition("/")[2])]
    if not made:
        return None
    added = (line[1:] for line in patch.split(b"\n") if line.startswith(b"+"))
    # What is renamed or copied may become one with a content that is not in the patch.
    if any(map(is_slow, added)) or any(is_slow(_content(root / one)) for one in touched.sources):
        return Path(made[0])
    return next((Path(name) for name in made if name in touched.binary), None)


def attributes_of(
    root: Path, names: Sequence[str], wanted: Sequence[str], trust: Trust = USER
) -> dict[str, dict[str, str]] | None:
    """Return the attributes of some files, as git sees them in a work tree.

    :param names: relative to ``root``.
    :returns: for each file that has any: attribute to ``set``, ``unset`` or its value; None where
        an attribute file would keep git busy.
    :raises GitError: git failed.
    """
    slow = slow_attributes(root, names)
    if slow is not None:
        logger.warning("%s is not followed: a pattern in it has too many *; %s", slow, REMEDY)
        return None
    data = b"".join(os.fsencode(name) + b"\0" for name in names)
    args = ["check-attr", "-z", "--stdin", *wanted]
    try:
        output = run_git(args, root, _SECONDS, trust=trust, stdin=data)
    except TransientError:
        logger.warning("the attribute files of %s take too long and are not followed", root)
        return None
    fields = [os.fsdecode(field) for field in output.stdout.split(b"\0")]
    found: dict[str, dict[str, str]] = {}
    for name, attribute, value in zip(fields[::3], fields[1::3], fields[2::3], strict=False):
        if value != "unspecified":
            found.setdefault(name, {})[attribute] = value
    return found


def _content(path: Path) -> bytes:
    """What git would read there; it follows no link either."""
    return first_bytes(path, _MOST_BYTES + 1)
