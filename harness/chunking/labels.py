"""Symbol, kind and definitions of a chunk, from the scopes that it overlaps."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from harness.chunking.languages.spec import Content, Kind, LanguageSpec, Structure
from harness.chunking.outline import Scope

# A definition gives a chunk its name when it makes up this share of it ...
_SHARE = 0.6
# ... or this share if the chunk also holds the header of the class around it.
_SHARE_BESIDE_HEADER = 0.8

_LABELS = {
    Kind.FUNCTION: "function",
    Kind.METHOD: "method",
    Kind.CLASS: "class",
    Kind.TYPE: "class",
    Kind.EXTENSION: "class",
    Kind.MODULE: "module",
    Kind.NAMESPACE: "module",
    Kind.KEY: "data",
    Kind.SECTION: "section",
}


class Labeler:
    """Labels the chunks of one file, which must be asked for in ascending order of rows."""

    def __init__(
        self,
        language: LanguageSpec,
        scopes: Sequence[Scope],
        names: Sequence[tuple[int, str]],
        prefix: Sequence[float],
        has_tree: bool,
    ) -> None:
        self._scopes = sorted(scopes, key=lambda scope: (scope.start, -scope.end))
        self._names = sorted(names, key=lambda item: item[0])
        self._name_rows = [row for row, _ in self._names]
        self._prefix = prefix
        self._next = 0
        self._open: list[Scope] = []
        self._separator = " > " if language.structure is Structure.HEADINGS else "."
        if language.content is Content.DATA:
            self._default = "data"
        elif language.content is Content.PROSE:
            self._default = "section"
        else:
            self._default = "module" if has_tree else "text"

    def label(self, start: int, end: int) -> tuple[str, str, tuple[str, ...]]:
        """Symbol, kind and definitions of the rows ``start..end`` (0-based, inclusive)."""
        self._open = [scope for scope in self._open if scope.end >= start]
        while self._next < len(self._scopes) and self._scopes[self._next].start <= end:
            scope = self._scopes[self._next]
            self._next += 1
            if scope.end >= start:
                self._open.append(scope)
        best = self._innermost(start, end)
        symbol = self._separator.join(best.path) if best else ""
        kind = _LABELS[best.kind] if best else self._default
        if self._default == "data" and best:
            kind = "data"
        return symbol, kind, tuple(dict.fromkeys(self._names_in(start, end)))

    def _innermost(self, start: int, end: int) -> Scope | None:
        prefix = self._prefix
        total = prefix[end + 1] - prefix[start]
        best: Scope | None = None
        for scope in self._open:
            if scope.start > end:
                continue
            first, last = max(start, scope.start), min(end, scope.end)
            share = (prefix[last + 1] - prefix[first]) / total if total else 1.0
            needed = _SHARE
            if best is not None:
                if scope.start > best.end:
                    continue
                if best.start >= start:
                    needed = _SHARE_BESIDE_HEADER
            if share >= needed - 1e-9 and (best is None or len(scope.path) >= len(best.path)):
                best = scope
        return best

    def _names_in(self, start: int, end: int) -> Iterator[str]:
        for index in range(bisect_left(self._name_rows, start), len(self._names)):
            row, name = self._names[index]
            if row > end:
                return
            yield name
