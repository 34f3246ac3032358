"""What git converts between a work tree and its blobs: line ends and encodings.

A copy holds a work tree's bytes, and its blobs hold them unconverted. Two things still depend on
what the user's git converts: a file with ``working-tree-encoding`` is text for git only after its
conversion, and a patch made from blobs fits a converted file only by the same conversion.
"""

from __future__ import annotations

import codecs
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.errors import GitError
from harness.repository import attributes as repository_attributes
from harness.repository.git import SEALED, USER
from harness.repository.git import run_git as run_trusting

ENCODING = "working-tree-encoding"
_NAMES = ("text", "crlf", "eol", ENCODING)
_CORE = {
    "autocrlf": frozenset({"true", "false", "input"}),
    "eol": frozenset({"lf", "crlf", "native"}),
}
_SECONDS = 60.0


def encodings_of(root: Path, tree: Path) -> dict[str, str]:
    """Return the files of a copy that git keeps in another encoding than they have on the disk.

    :param root: the user's tree, inside a repository.
    :param tree: the copy.
    """
    names: list[str] = []
    wanted = False
    for folder, folders, files in os.walk(tree):
        folders[:] = [name for name in folders if name != ".git"]
        names += [Path(folder, name).relative_to(tree).as_posix() for name in files]
        if ".gitattributes" in files:
            attributes = Path(folder, ".gitattributes")
            wanted = wanted or (
                not attributes.is_symlink() and ENCODING.encode() in attributes.read_bytes()
            )
    if not wanted:
        return {}
    found = attributes_of(root, names, (ENCODING,))
    return {
        name: values[ENCODING]
        for name, values in found.items()
        if _codec(values.get(ENCODING, "")) is not None
    }


def attributes_of(
    root: Path, names: Sequence[str], wanted: Sequence[str] = _NAMES
) -> dict[str, dict[str, str]]:
    """Return the attributes of some files, as git sees them in the user's tree.

    :returns: for each file that has any: attribute to ``set``, ``unset`` or its value; none where
        git cannot be asked.
    """
    try:
        return repository_attributes.attributes_of(root, names, wanted, SEALED) or {}
    except GitError:
        return {}


def in_words(values: Mapping[str, str]) -> str:
    """Return attributes as gitattributes(5) writes them; those not given are unspecified."""
    marks = {"set": "", "unset": "-"}
    return " ".join(
        f"!{name}"
        if (value := values.get(name)) is None
        else f"{marks[value]}{name}"
        if value in marks
        else f"{name}={value}"
        for name in _NAMES
    )


def core_settings(root: Path) -> dict[str, str]:
    """Return the user's settings on line ends, those of the whole machine included."""
    found = {}
    for key, values in _CORE.items():
        output = run_trusting(
            ["config", "--get", f"core.{key}"], root, _SECONDS, trust=USER, check=False
        )
        value = output.stdout.decode(errors="replace").strip().lower()
        if value in values:
            found[key] = value
    return found


def is_convertible(data: bytes, encoding: str) -> bool:
    """Tell whether git converts a file's bytes to UTF-8 and back without a change."""
    codec = _codec(encoding)
    if codec is None:
        return False
    name, mark = codec
    if not data.startswith(mark) or (not mark and data.startswith(_FORBIDDEN.get(name, b"\0\0\0"))):
        return False
    try:
        body = data[len(mark) :]
        return body.decode(name).encode(name) == body
    except UnicodeError:
        return False


def to_utf8(data: bytes, encoding: str) -> bytes:
    """Convert bytes for which :func:`is_convertible` holds."""
    name, mark = _codec(encoding) or ("utf-8", b"")
    return data[len(mark) :].decode(name).encode()


def from_utf8(data: bytes, encoding: str) -> bytes:
    """Convert back what :func:`to_utf8` made; bytes that have no such form stay as they are."""
    name, mark = _codec(encoding) or ("utf-8", b"")
    try:
        return mark + data.decode().encode(name)
    except UnicodeError:
        return data


# Encodings whose byte order is in their name have no mark; see git's utf8.c.
_FORBIDDEN = {
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-le": codecs.BOM_UTF32_LE,
    "utf-32-be": codecs.BOM_UTF32_BE,
}


def _codec(encoding: str) -> tuple[str, bytes] | None:
    """Return Python's name of an encoding and the byte order mark that files have; None: unknown,
    or UTF-8, which needs no conversion."""
    plain = encoding.strip().casefold()
    if plain in ("", "set", "unset"):
        return None
    if plain in ("utf-16le-bom", "utf16le-bom"):
        return "utf-16-le", codecs.BOM_UTF16_LE
    try:
        name = codecs.lookup(plain).name
        "".encode(name)
    except (LookupError, UnicodeError, TypeError):  # TypeError: a codec between bytes and bytes
        return None
    return None if name in ("utf-8", "utf-8-sig", "ascii") else (name, b"")
