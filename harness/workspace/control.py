"""The git directories of a copy: made by hand, and configured anew before each use.

What counts is written here, so that neither the user's repository nor a command of the task can
make git convert a file or start a program.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

# A patch may be applied on any system, so no name gets into one that is .git anywhere.
_CONFIG = (
    "[core]\n\trepositoryformatversion = {version}\n\tbare = false\n\tfileMode = true\n"
    "\tprotectHFS = true\n\tprotectNTFS = true\n"
)
_MAX_ALTERNATES = 20
_RAW = "* -text -eol -ident -filter -working-tree-encoding\n"


def configure(
    git_dir: Path,
    object_format: str,
    attributes: Iterable[tuple[str, str]] = (),
    core: Mapping[str, str] | None = None,
) -> None:
    """Write a git directory's configuration and attributes: bytes are not converted.

    :param attributes: paths, relative to the work tree, whose own attributes count instead.
    :param core: further settings of the section ``core``.
    """
    sha256 = object_format == "sha256"
    config = _CONFIG.format(version=1 if sha256 else 0)
    config += "".join(f"\t{key} = {value}\n" for key, value in (core or {}).items())
    if sha256:
        config += "[extensions]\n\tobjectFormat = sha256\n"
    (git_dir / "config").write_text(config)
    lines = "".join(f"{quote_pattern(path)} {words}\n" for path, words in attributes)
    (git_dir / "info" / "attributes").write_text(_RAW + lines, errors="surrogateescape")


def initialise(git_dir: Path, object_format: str) -> None:
    """Make an empty repository as `git init` does, without starting it three times a task."""
    for folder in ("objects/info", "objects/pack", "refs/heads", "info"):
        (git_dir / folder).mkdir(parents=True)
    (git_dir / "HEAD").write_text("ref: refs/heads/work\n")
    configure(git_dir, object_format)


def borrow_objects(git_dir: Path, objects: Path) -> None:
    """Let a repository use the objects of another one."""
    (git_dir / "objects" / "info" / "alternates").write_text(f"{objects}\n")
    shallow = objects.parent / "shallow"
    if shallow.is_file():
        shutil.copyfile(shallow, git_dir / "shallow")


def borrowed_objects(objects: Path) -> list[Path]:
    """Return the folders of objects that a repository borrows from, directly or not."""
    found: list[Path] = []
    pending = [objects]
    while pending and len(found) < _MAX_ALTERNATES:
        folder = pending.pop()
        try:
            lines = (folder / "info" / "alternates").read_text(errors="surrogateescape")
        except OSError:
            continue
        for line in lines.splitlines():
            # gitrepository-layout(5): relative to the folder that borrows.
            lender = folder / line
            if line and not line.startswith("#") and lender not in found and lender.is_dir():
                found.append(lender)
                pending.append(lender)
    return found


def quote_pattern(path: str) -> str:
    """Return the pattern of gitattributes(5) that matches one path and no other."""
    escaped = "".join(f"\\{char}" if char in "*?[]\\" else char for char in f"/{path}")
    quoted = escaped.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + quoted.replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r") + '"'
