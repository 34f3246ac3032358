"""Which language a file is in: by its name, its extension, its content, its ``#!`` line."""

from __future__ import annotations

from fnmatch import fnmatchcase

from harness.chunking.languages.catalog import (
    BY_CONTENT,
    BY_EXTENSION,
    BY_FILE_NAME,
    BY_INTERPRETER,
    BY_PATTERN,
    LANGUAGES,
)
from harness.chunking.languages.spec import LanguageSpec

_UNKNOWN = LANGUAGES["text"]
_HEAD_CHARS = 20_000


def detect_language(path: str, text: str = "") -> LanguageSpec:
    """The language of a file; plain text when unknown.

    :param path: only its last part is used.
    :param text: the content; its first line decides for scripts without an extension, and its
        beginning between languages that share an extension (C, C++ and Objective-C headers).
    """
    name = path.rpartition("/")[2].lower()
    spec = BY_FILE_NAME.get(name)
    if spec is not None:
        return spec
    _, dot, extension = name.rpartition(".")
    spec = BY_EXTENSION.get(extension) if dot else None
    if spec is not None:
        return _by_content(extension, text) or spec
    for pattern, spec in BY_PATTERN.items():
        if fnmatchcase(name, pattern):
            return spec
    if text.startswith(("#!", "\ufeff#!")):
        return _by_shebang(text[:200].partition("\n")[0])
    return _UNKNOWN


def _by_content(extension: str, text: str) -> LanguageSpec | None:
    for spec in BY_CONTENT:
        mark = spec.content_marks.get(extension)
        if mark is not None and mark.search(text[:_HEAD_CHARS]):
            return spec
    return None


def _by_shebang(line: str) -> LanguageSpec:
    words = line.lstrip("\ufeff")[2:].split()
    for word in words:
        command = word.rpartition("/")[2]
        if command == "env" or command.startswith("-") or "=" in command:
            continue
        for interpreter, spec in BY_INTERPRETER.items():
            if command.startswith(interpreter):
                return spec
        break
    return _UNKNOWN
