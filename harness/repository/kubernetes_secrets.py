"""Finds the values of Kubernetes Secrets in manifests, whatever they look like.

A manifest says of itself that it is a Secret, so every value counts, also a short one that a
person typed. Keys stay: which secrets a service needs is what one searches for. Templates
(``{{ … }}``, ``${…}``) and stand-ins stay, too.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator

from harness.repository.stand_ins import is_stand_in

_KIND = re.compile(rb"kind:[ \t]*[\"']?Secret[\"']?[ \t]*(?:#.*)?")
_HOLDER = re.compile(rb"( *)(?:data|stringData):[ \t]*(?:#.*)?")
_ENTRY = re.compile(rb"( *)[\"']?[\w.-]{1,253}[\"']?:[ \t]*(.*)")
_BLOCK = re.compile(rb"[|>][-+0-9]{0,2}[ \t]*(?:#.*)?")
_TEMPLATES = (b"{{", b"${", b"$(", b"<", b"ENC[", b"vault:", b"ref+")


def kubernetes_values(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield where in UTF-8 ``data`` the values of Secrets are; ascending."""
    if b"kind:" not in data or b"Secret" not in data:
        return
    document: list[tuple[int, bytes]] = []
    at = 0
    for line in data.split(b"\n"):
        if line.startswith(b"---"):
            yield from _values(document)
            document = []
        else:
            document.append((at, line.rstrip(b"\r")))
        at += len(line) + 1
    yield from _values(document)


def _values(document: list[tuple[int, bytes]]) -> Iterator[tuple[int, int]]:
    if not any(_KIND.fullmatch(line.strip()) for _, line in document):
        return
    holder = block = -1  # indents of `data:` and of an entry whose value is on the next lines
    for at, line in document:
        if not line.strip():
            continue
        indent = len(line) - len(line.lstrip(b" "))
        if block >= 0 and indent > block:
            yield at + indent, at + len(line)
            continue
        block = -1
        if holder >= 0 and indent > holder:
            entry = _ENTRY.fullmatch(line)
            if entry is None:
                continue
            if _BLOCK.fullmatch(entry[2]):
                block = indent
            elif _is_value(entry[2]):
                yield at + entry.start(2), at + len(line)
            continue
        found = _HOLDER.fullmatch(line)
        holder = len(found[1]) if found else -1


def _is_value(value: bytes) -> bool:
    plain = value.strip(b" \t\"'")
    if not plain or plain.startswith(b"#") or any(mark in plain for mark in _TEMPLATES):
        return False
    try:
        decoded = base64.b64decode(plain, validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    return not any(is_stand_in(text.decode("utf-8", "replace")) for text in (plain, decoded))
