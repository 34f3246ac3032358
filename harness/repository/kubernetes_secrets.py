"""Finds the values of Kubernetes Secrets in manifests, whatever they look like.

A manifest says of itself that it is a Secret, so every value counts, also a short one that a
person typed. Keys stay: which secrets a service needs is what one searches for. Templates
(``{{ … }}``, ``${…}``) and stand-ins stay, too. What YAML can say in several ways counts in each:
block and flow style, tags, anchors, values of several lines; Secrets as JSON are found by
:mod:`harness.repository.kubernetes_json`, which manifests also hold as a text within a text.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator

from harness.repository.kubernetes_json import json_values
from harness.repository.stand_ins import is_password_word, is_stand_in

_DASHES = rb"(?:- {1,8}){0,3}"
_KIND = re.compile(
    _DASHES + rb"[\"']?kind[\"']?[ \t]{0,9}:[ \t]{1,9}(?:!!str[ \t]{1,9})?"
    rb"[\"']?Secret[\"']?[ \t]*(?:#.*)?"
)
_PROPERTIES = rb"(?:[&!][^\s{]{0,99}[ \t]+){0,2}"
_HOLDER = re.compile(
    rb"( *" + _DASHES + rb")[\"']?(?:data|stringData)[\"']?[ \t]{0,9}:[ \t]*"
    rb"(?:[&!][^\s{]{0,99}[ \t]*){0,2}(\{(?!\{).*)?(?:#.*)?"
)
_ENTRY = re.compile(
    rb"(?:\"[^\"]{0,253}\"|'[^']{0,253}'|[^\s\"'#:?][^:]{0,253})?[ \t]{0,9}:[ \t]+"
    + _PROPERTIES
    + rb"(.*)"
)
_BLOCK = re.compile(rb"[|>][-+0-9]{0,2}[ \t]*(?:#.*)?")
_IN_BRACES = re.compile(rb":[ \t]+(\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*'|[^,{}\n]+)")
_GENERATOR = re.compile(rb"( *)secretGenerator:[ \t]*(?:#.*)?")
_LITERAL = re.compile(rb"[ \t]*- +[\"']?[\w.-]{1,253}=(.*)")
_OPTION = re.compile(
    rb"--(?:from-literal[= ][\"']?[\w.-]{1,253}=|docker-password[= ])"
    rb"(\"[^\"\n]*\"|'[^'\n]*'|[^\s\"']+)"
)
# How far before its options a command's name is looked for: they stand on lines of their own.
_COMMAND_BYTES = 2_000

_TEMPLATE = re.compile(rb"\{\{.*?(?:\}\}|\Z)|\$\{[^}]*\}?|\$\([^)]*\)?|<[^<>]*>", re.DOTALL)
_TEMPLATES = (b"ENC[", b"vault:", b"ref+", b"*")
# What stands beside a template is mostly the rest of a name or a URL.
_BESIDE = re.compile(rb"[^\s:/@.,\"'-]{6,}")


def kubernetes_values(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield where in UTF-8 ``data`` the values of Secrets are."""
    if b"--from-literal" in data or b"--docker-password" in data:
        yield from _of_commands(data)
    if b"secretGenerator" not in data and (b"kind" not in data or b"Secret" not in data):
        return
    yield from json_values(data, _is_value)
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


def _of_commands(data: bytes) -> Iterator[tuple[int, int]]:
    """Values of ``kubectl create secret``; those of a ConfigMap's literals are none."""
    for match in _OPTION.finditer(data):
        before = data[max(0, match.start() - _COMMAND_BYTES) : match.start()]
        told = match[1].strip(b"\"'").decode("utf-8", "replace")
        if (
            before.rfind(b"secret") > before.rfind(b"configmap")
            and _is_value(match[1])
            and not is_password_word(told)  # examples of commands are for people
        ):
            yield match.span(1)


def _values(document: list[tuple[int, bytes]]) -> Iterator[tuple[int, int]]:
    lines = [(at, line) for at, line in document if line.strip()]
    if any(_GENERATOR.fullmatch(line) for _, line in lines):
        yield from _of_generators(lines)
    if any(_KIND.fullmatch(line.strip()) for _, line in lines):
        yield from _of_manifest(lines)


def _of_generators(lines: list[tuple[int, bytes]]) -> Iterator[tuple[int, int]]:
    """The literals of Kustomize's generators of Secrets."""
    top = -1
    for at, line in lines:
        indent = _indent(line)
        if (found := _GENERATOR.fullmatch(line)) is not None:
            top = len(found[1])
        elif top >= 0 and (indent < top or (indent == top and not line.startswith(b"-", indent))):
            top = -1
        elif (
            top >= 0 and (literal := _LITERAL.fullmatch(line)) is not None and _is_value(literal[1])
        ):
            yield at + literal.start(1), at + literal.end(1)


def _of_manifest(lines: list[tuple[int, bytes]]) -> Iterator[tuple[int, int]]:
    holder = entries = braces = -1  # indents of `data:` and of what is in it; open braces
    for at, line in lines:
        indent = _indent(line)
        if braces > 0:
            yield from _in_braces(at, line)
            braces += line.count(b"{") - line.count(b"}")
            continue
        if holder >= 0 and indent > holder:
            if entries >= 0 and indent > entries:  # a value goes on, whatever it looks like
                if not _is_template(line):
                    yield at + indent, at + len(line)
                continue
            entry = _ENTRY.fullmatch(line, indent)
            if entry is None:
                continue
            entries = indent
            if not _BLOCK.fullmatch(entry[1]) and _is_value(entry[1]):
                yield at + entry.start(1), at + len(line)
            continue
        found = _HOLDER.fullmatch(line)
        holder, entries = (len(found[1]) if found else -1), -1
        if found and found[2]:
            yield from _in_braces(at + found.start(2), found[2])
            braces, holder = found[2].count(b"{") - found[2].count(b"}"), -1


def _in_braces(at: int, text: bytes) -> Iterator[tuple[int, int]]:
    for match in _IN_BRACES.finditer(text):
        if _is_value(match[1]):
            yield at + match.start(1), at + match.end(1)


def _indent(line: bytes) -> int:
    return len(line) - len(line.lstrip(b" "))


def _is_template(text: bytes) -> bool:
    """Whether nothing but templates, and what is usual beside them, is in a text."""
    left, count = _TEMPLATE.subn(b" ", text)
    beside = _BESIDE.findall(left)
    return count > 0 and not any(
        re.search(rb"[0-9]", one) and re.search(rb"[A-Za-z]", one) for one in beside
    )


def _is_value(value: bytes) -> bool:
    text = value.strip()
    mark = text[:1]
    if mark in (b'"', b"'"):
        plain = text[1:].partition(mark)[0].strip()
    elif text.startswith(b"#"):
        return False
    else:
        plain = text.partition(b" #")[0].strip()
    if not plain or plain.startswith(_TEMPLATES) or _is_template(plain):
        return False
    try:
        decoded = base64.b64decode(plain, validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    if _TEMPLATE.search(plain):
        return True
    return not any(is_stand_in(text.decode("utf-8", "replace")) for text in (plain, decoded))
