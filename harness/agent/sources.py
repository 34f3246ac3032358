"""What is defined where in a file, and whether a file parses: in every language with a grammar."""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.chunking.detection import detect_language
from harness.chunking.languages.spec import Kind, Structure
from harness.chunking.measure import CAREFUL_TOKEN_BUDGET, line_sizes
from harness.chunking.outline import Outline
from harness.chunking.reading import syntax_tree

MAX_SOURCE_CHARS = 300_000
_CALLABLE = frozenset({Kind.FUNCTION, Kind.METHOD})
_TEST = re.compile(
    r"(?:^|/)(?:tests?|specs?|__tests__|testing|testdata|fixtures)/|"
    r"(?:^|/)tests?\.\w+$|"
    r"(?:^|/)(?:test_[^/]*|conftest\.py|[^/]*(?:_test|_spec|\.test|\.spec|Tests?|TestCase)\.\w+)$"
)
# Grammars that report errors in correct files too often (macros, templates) to be trusted.
_UNSURE = frozenset({"c", "cpp", "objc", "perl", "ruby", "php", "html", "css", "scss", "vue",
                     "svelte", "markdown", "sql", "dockerfile", "make"})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Definition:
    """A definition with an inside: lines ``start..end``, 1-based and inclusive, its comments and
    decorators included. ``name`` is its path, such as ``Class.method``."""

    path: str
    name: str
    start: int
    end: int
    is_callable: bool

    @property
    def last_name(self) -> str:
        """The name without those around it."""
        return self.name.rpartition(".")[2]


def is_test(path: str) -> bool:
    """Tell by its path whether a file holds tests."""
    return _TEST.search(path) is not None


def definitions_in(path: str, text: str) -> list[Definition]:
    """Return what a file defines, in order; nothing for a file without a grammar."""
    if len(text) > MAX_SOURCE_CHARS or not text.strip():
        return []
    language = detect_language(path, text)
    if language.structure is not Structure.TREE:
        return []
    data = text.encode("utf-8", "surrogatepass")
    root = syntax_tree(language, data)
    if root is None:
        return []
    lines = text.split("\n")
    outline = Outline(language, data, lines, line_sizes(data, 900, CAREFUL_TOKEN_BUDGET))
    outline.read(root, 1.0)
    return [
        Definition(path, ".".join(scope.path), scope.start + 1, scope.end + 1,
                   scope.kind in _CALLABLE)
        for scope in sorted(outline.scopes, key=lambda scope: (scope.start, -scope.end))
        if scope.path and scope.kind is not Kind.KEY
    ]  # fmt: skip


def syntax_problem(path: str, text: str) -> str:
    """Return where a file does not parse, empty when it does or when nobody can tell."""
    if len(text) > MAX_SOURCE_CHARS or not text.strip():
        return ""
    if path.endswith((".py", ".pyi")):
        return _python_problem(text)
    language = detect_language(path, text)
    if language.structure is not Structure.TREE or language.name in _UNSURE:
        return ""
    root = syntax_tree(language, text.encode("utf-8", "surrogatepass"))
    if root is None or not root.has_error:
        return ""
    pending = [root]
    while pending:
        node = pending.pop(0)
        if node.type == "ERROR" or node.is_missing:
            row = node.start_point.row
            line = text.split("\n")[row].strip()[:120]
            what = f"`{node.type}` is missing" if node.is_missing else "the syntax is wrong"
            return f"{what} near line {row + 1}: {line}"
        pending.extend(child for child in node.children if child.has_error or child.is_missing)
    return ""


def _python_problem(text: str) -> str:
    import ast

    try:
        ast.parse(text.removeprefix("\ufeff"))
    except SyntaxError as error:
        lines = text.split("\n")
        row = min(error.lineno or 1, len(lines))
        return f"{error.msg} (line {row}: {lines[row - 1].strip()[:120]})"
    except (ValueError, RecursionError, MemoryError) as error:
        return str(error)
    return ""
