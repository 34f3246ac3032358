"""Names that git, or a file system it may be checked out on, takes for files of its own.

A patch is made here and applied elsewhere. HFS+ leaves some characters out of names, NTFS what
stands behind a colon and dots and blanks at the end, and both ignore case, so ``.GIT``,
``.git::$INDEX_ALLOCATION`` or a ``.git`` with an invisible character in it is git's folder there.
Git's own rules are in ``utf8.c`` (``is_hfs_dotgit``) and ``path.c`` (``is_ntfs_dotgit``); unlike
git's they hold here on every system.
"""

from __future__ import annotations

import re

_LEFT_OUT = dict.fromkeys(
    (*range(0x200C, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF)
)
# NTFS gives names of more than eight characters a second, short one.
_SHORT = "git~1"


def is_git_folder(name: str) -> bool:
    """Tell whether one part of a path may be git's own folder somewhere."""
    return _as_seen(name) in (".git", _SHORT)


def is_attribute_file(name: str) -> bool:
    """Tell whether one part of a path may be an attribute file somewhere."""
    return _as_seen(name) == ".gitattributes"


def leads_to_git(path: str) -> bool:
    """Tell whether a part of a path may be git's own folder somewhere."""
    return any(map(is_git_folder, re.split(r"[/\\]", path)))


def _as_seen(name: str) -> str:
    return name.translate(_LEFT_OUT).partition(":")[0].rstrip(". ").casefold()
