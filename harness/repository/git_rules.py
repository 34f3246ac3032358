"""What git ignores in a work tree: the rules of all its files, matched by our own patterns.

Git's own matcher takes time that grows with a power of a name's length, one for each ``*`` (until
2.41 every ``*`` of a pattern was tried at every length), and patterns come from the repository: one
line keeps ``git ls-files --exclude-standard``, ``check-ignore``, ``status`` and ``add`` busy for
ever. So none of them is ever asked. Rules and names are texts of bytes (Latin-1), as git sees them:
``?`` is one byte.

The files, from weak to strong, as in gitignore(5): the user's own (``core.excludesFile``),
``info/exclude`` of the repository, then ``.gitignore`` of each folder from the top downwards.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from harness.files import open_regular
from harness.patterns import folders_above
from harness.repository.git import USER, GitOutput, Trust, run_git
from harness.repository.ignore import MAX_IGNORE_FILE_BYTES, IgnoreTree

GIT_IGNORE = ".gitignore"
_SECONDS = 60.0
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class GitRules:
    """The rules that apply in a folder of a work tree, those of folders below it yet to be added.

    ``top`` is the work tree and ``prefix`` the folder's path in it, empty or ending in ``/``, as a
    text of bytes; ``tree`` knows paths from the top. With ``ignores_case`` git takes names that
    differ in the case of ASCII letters for one. Without ``in_tree`` no ``.gitignore`` counts.
    """

    top: bytes
    prefix: str
    tree: IgnoreTree
    ignores_case: bool
    in_tree: bool = True

    def add_folder(self, folder: str) -> None:
        """Read the ``.gitignore`` of a folder below the one asked about; a link is not followed.

        :param folder: its path from the top.
        """
        if self.in_tree:
            self.tree.add(folder, _read(self.top + b"/" + as_bytes(f"{folder}/{GIT_IGNORE}")))


def as_bytes(text: str) -> bytes:
    """The bytes of a text of bytes."""
    return text.encode("latin-1")


def as_text(data: bytes) -> str:
    """Bytes as a text, one character each."""
    return data.decode("latin-1")


def git_rules(
    root: Path,
    *,
    trust: Trust = USER,
    git_dir: Path | None = None,
    work_tree: Path | None = None,
    in_tree: bool = True,
) -> GitRules:
    """Read the rules that git would follow in a folder of a work tree.

    :param root: the folder, without links in its path.
    :param trust: whether the user's own rules count.
    :param in_tree: whether those of the work tree's files count.
    :raises GitError: git failed.
    """

    def git(*args: str, check: bool = False) -> GitOutput:
        return run_git(
            args, root, _SECONDS, trust=trust, git_dir=git_dir, work_tree=work_tree, check=check
        )

    output = git("rev-parse", "--show-cdup", "--git-path", "info/exclude", check=True)
    up, _, exclude = output.stdout.removesuffix(b"\n").partition(b"\n")
    depth = up.count(b"../")
    folder = os.fsencode(root)
    parts = folder.split(b"/")
    top = b"/".join(parts[: len(parts) - depth]) if depth else folder
    prefix = "".join(as_text(part) + "/" for part in parts[len(parts) - depth :]) if depth else ""
    own = git("config", "--type=path", "--get", "core.excludesFile")
    ignores_case = git("config", "--type=bool", "--get", "core.ignoreCase").stdout == b"true\n"
    rules = GitRules(top, prefix, IgnoreTree(ignores_case), ignores_case, in_tree)
    weak_first = (
        _read(os.path.join(top, _users_file(own)), follow=True),  # noqa: PTH118 - bytes
        _read(os.path.join(folder, exclude), follow=True),  # noqa: PTH118
        _read(top + b"/" + GIT_IGNORE.encode()) if in_tree else "",
    )
    rules.tree.add("", "\n".join(weak_first))
    for above in folders_above(prefix):
        rules.add_folder(above)
    return rules


def is_ignored(root: Path) -> bool:
    """Tell whether git ignores a folder of a work tree, and so lists nothing in it.

    :raises GitError: git failed.
    """
    rules = git_rules(root)
    # With the slash, as git asks about ".": what is ignored in the folder as a whole, by "*" in its
    # own file or "build/**" above it, counts as the folder.
    if not rules.prefix or not rules.tree.ignores(rules.prefix, True):
        return False
    return not run_git(["ls-files", "-z"], root, _SECONDS).stdout


def _users_file(configured: GitOutput) -> bytes:
    """Where the user's own rules are; gitignore(5) says where they are by default."""
    if configured.returncode == 0:
        return configured.stdout.removesuffix(b"\n")
    home = os.environb.get(b"XDG_CONFIG_HOME") or os.environb.get(b"HOME", b"") + b"/.config"
    return home + b"/git/ignore"


def _read(path: bytes, *, follow: bool = False) -> str:
    """The lines of a file of rules, as a text of bytes; empty where there is none.

    :param follow: it may be a link, as those that are no part of the work tree may.
    """
    try:
        file = open_regular(os.path.realpath(path) if follow else path)
    except (OSError, ValueError):
        return ""
    if file is None:
        return ""
    with file:
        data = file.read(MAX_IGNORE_FILE_BYTES)
    lines = data.removeprefix(_BYTE_ORDER_MARK).split(b"\n")
    # For git a line ends at the first NUL.
    return as_text(b"\n".join(line.partition(b"\0")[0] for line in lines))
