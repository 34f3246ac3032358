"""Pairs of a sentence in another natural language and its English original, from message catalogs.

They are what teaches the model words of other languages: gettext's ``.po``, Java's and ini-like
``name=text`` files, and JSON objects, each beside an English twin.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from training.mining import Pair

LANGUAGES = ("de", "zh", "fr", "es", "ja", "ru", "pt", "ko", "it", "pl", "nl", "tr", "cs")
"""Read where there are any; the others would each be too few."""

_CODE = r"(?:de|zh|fr|es|ja|ru|pt|ko|it|pl|nl|tr|cs)(?:[-_](?:[A-Za-z]{2,4}))?"
_PO = re.compile(rf"(?:^|/)({_CODE})(?:/(?:LC_MESSAGES/)?[^/]+)?\.po$")
_TABLE = re.compile(rf"^(.*?)[-_.]({_CODE})\.(properties|ini|json)$")
_FOLDER = re.compile(rf"^(.*/)({_CODE})((?:/[^/]+)?\.(?:json|properties|generated\.json))$")
_PLACEHOLDER = re.compile(r"%\(?\w*\)?[sd]?|\{[^}]*\}|&\w;|<[^>]+>|\$\w+|''")
_MAX_PAIRS = 6_000


def read_catalogs(files: Mapping[str, bytes]) -> list[Pair]:
    """All translated messages of a release, a bounded number for each language.

    :param files: content by path.
    """
    pairs: dict[str, list[Pair]] = {}
    for path in sorted(files):
        for code, foreign, english in _messages(path, files):
            known = pairs.setdefault(code, [])
            if len(known) < _MAX_PAIRS and _is_worth_it(foreign, english):
                known.append(Pair("translation", code, _plain(foreign), "", "", _plain(english)))
    return [pair for known in pairs.values() for pair in known]


def _messages(path: str, files: Mapping[str, bytes]) -> Iterator[tuple[str, str, str]]:
    """Language, foreign text, English text."""
    if path.endswith(".po"):
        found = _PO.search(path)
        if found:
            code = found.group(1)[:2]
            for english, foreign in _po(_text(files[path])):
                yield code, foreign, english
        return
    table = _TABLE.match(path) or _FOLDER.match(path)
    if table is None:
        return
    code, foreign_texts = table.group(2)[:2], _table(path, files[path])
    english_path = _english_twin(table, files)
    english_texts = _table(english_path, files[english_path]) if english_path else {}
    for key, foreign in foreign_texts.items():
        english = english_texts.get(key) or (_of_key(key) if "diagnosticMessages" in path else "")
        if english:
            yield code, foreign, english


def _english_twin(table: re.Match[str], files: Mapping[str, bytes]) -> str:
    start, _, end = table.groups()
    if "/" in end or end.startswith("."):
        names = [f"{start}en{end}", f"{start}en-US{end}", f"{start}en_US{end}"]
    else:
        names = [f"{start}.{end}", *(f"{start}{sign}en{rest}.{end}"
                 for sign in "-_." for rest in ("", "-US", "_US"))]  # fmt: skip
    return next((name for name in names if name in files), "")


def _of_key(key: str) -> str:
    """The English text in the key of a message of TypeScript: ``Cannot_find_name_0_2304``."""
    return re.sub(r"_\d+$", "", key).replace("_", " ")


def _table(path: str, data: bytes) -> dict[str, str]:
    text = _text(data)
    if path.endswith(".json"):
        try:
            return dict(_leaves(json.loads(text), ""))
        except (json.JSONDecodeError, RecursionError):
            return {}
    entries: dict[str, str] = {}
    section = ""
    for line in text.replace("\\\n", "").split("\n"):
        line = line.strip()
        if line.startswith("["):
            section = line
        elif "=" in line and not line.startswith(("#", ";", "!")):
            key, _, value = line.partition("=")
            entries[f"{section}{key.strip()}"] = _unescaped(value.strip())
    return entries


def _unescaped(value: str) -> str:
    """``\\u00e4`` of a properties file."""
    return re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found.group(1), 16)), value)


def _leaves(value: Any, key: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, below in value.items():
            yield from _leaves(below, f"{key}.{name}" if key else str(name))
    elif isinstance(value, str):
        yield key, value


_PO_ENTRY = re.compile(
    r'^msgid ((?:"(?:[^"\\\n]|\\.)*"\s*)+)^msgstr ((?:"(?:[^"\\\n]|\\.)*"\s*)+)', re.MULTILINE
)


def _po(text: str) -> Iterator[tuple[str, str]]:
    for found in _PO_ENTRY.finditer(text):
        yield _joined(found.group(1)), _joined(found.group(2))


def _joined(quoted: str) -> str:
    parts = [line.strip() for line in quoted.split("\n") if line.strip()]
    try:
        return "".join(str(ast.literal_eval(part)) for part in parts)
    except (SyntaxError, ValueError):
        return ""


def _is_worth_it(foreign: str, english: str) -> bool:
    return 3 < len(english) < 300 and 1 < len(foreign) < 400 and foreign != english


def _plain(text: str) -> str:
    return " ".join(_PLACEHOLDER.sub(" ", text).replace("_", " ").split())


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
