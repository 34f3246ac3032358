"""From a syntax tree to borders (where a chunk may start) and scopes (what is defined where).

Split-then-merge: a node that fits is left whole, a larger one is descended; the packer then
merges neighbours. Only rows matter, so nodes that share a line are never separated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tree_sitter import Node

from harness.chunking.grammar_tables import ATTACHED, BODY_SUFFIXES, EMBEDDED, KINDS
from harness.chunking.naming import Definition, Namer
from harness.chunking.packing import Border
from harness.chunking.parsing import parse_embedded

# Prices of cutting, in units of one tiny chunk (1.0); see packing.Border.
_STATEMENT = 0.3
_PER_LEVEL = 0.05
_AFTER_BLANK = 0.15
_DATA_KEY = 0.1
_BODY_START = 0.9
_INSIDE_COMMENT = 1.2
# Between a comment and its definition: cheaper the longer the comment, from this ...
_GLUED = 0.9
_LOOSELY_GLUED = 0.6  # ... or from this with a blank line between
_MIN_GLUED = 0.2
_AFTER_DEFINITION = 0.1
_CLOSER = 2.0
_KEEP_DEFINITIONS = 0.3
_KEEP_MEMBERS = 0.15

_HOLDERS = frozenset("PCNIOEWA")
_SCOPED = frozenset("FCTNIOD")


@dataclass(frozen=True, slots=True)
class Scope:
    """A definition with an inside: rows ``start..end`` (0-based, inclusive), attached comments
    included. ``kind`` is a letter of :mod:`harness.chunking.grammar_tables`, ``M`` a method."""

    start: int
    end: int
    path: tuple[str, ...]
    kind: str


@dataclass(frozen=True, slots=True)
class Whole:
    """A multi-line node left whole at the current budget; descended again when a chunk turns
    out to be too large."""

    start: int
    end: int
    node: Node
    level: int


@dataclass(frozen=True, slots=True)
class _Visit:
    node: Node
    level: int
    path: tuple[str, ...]
    inside: str  # "" at the top level, else the kind of the innermost definition
    cut: bool
    body: bool


class Outline:
    """Collects borders, scopes and names from a tree, without recursion."""

    def __init__(
        self, language: str, data: bytes, lines: Sequence[str], prefix: Sequence[float]
    ) -> None:
        self.language = language
        self.borders: dict[int, Border] = {}
        self.scopes: list[Scope] = []
        self.names: list[tuple[int, str]] = []
        self.wholes: list[Whole] = []
        self._data = data
        self._lines = lines
        self._prefix = prefix
        self._table = KINDS.get(language, {})
        self._namer = Namer(data, self._table)
        self._named: set[int] = set()

    def read(self, root: Node, budget: float, level: int = 0) -> None:
        """Walk the tree below ``root``; nodes above ``budget`` are descended for borders."""
        stack = [_Visit(root, level, (), "", True, False)]
        while stack:
            stack.extend(self._children(stack.pop(), budget))

    def refine(self, whole: Whole, budget: float) -> list[Whole]:
        """Descend a node again with a smaller budget; returns the nodes left whole below it."""
        before = len(self.wholes)
        scopes, names = len(self.scopes), len(self.names)
        stack = [_Visit(whole.node, whole.level + 1, (), "F", True, False)]
        while stack:
            stack.extend(self._children(stack.pop(), budget))
        del self.scopes[scopes:], self.names[names:]
        found = self.wholes[before:]
        del self.wholes[before:]
        return found

    def _children(self, visit: _Visit, budget: float) -> list[_Visit]:
        pending: list[_Visit] = []
        prefix, table = self._prefix, self._table
        owner = visit.node.start_point.row
        previous_end = owner
        previous_size = 0.0
        previous_defines = False
        attached_from = -1  # first row of a run of comments that touches the next sibling
        attached_end = -1
        first = True
        for child in visit.node.children:
            area = child.range
            start = area.start_point.row
            end = area.end_point.row
            if end > start and area.end_point.column == 0:
                end -= 1
            kind = child.type
            fresh = start > previous_end
            if fresh and (kind in ATTACHED or "comment" in kind):
                touching = attached_end == start - 1 and attached_from >= 0
                if visit.cut:
                    price = self._price(visit, start, first)
                    if previous_defines:
                        price = min(price, _AFTER_DEFINITION)
                    self._border(visit, start, _INSIDE_COMMENT if touching else price)
                if not touching:
                    attached_from = start
                attached_end = end
                previous_end = end
                if visit.cut and end > start:
                    self.wholes.append(Whole(start, end, child, visit.level))
                    if prefix[end + 1] - prefix[start] > budget:
                        pending.append(_Visit(child, visit.level + 1, visit.path, "F", True, False))
                first = False
                continue
            top = start
            if attached_from >= 0 and fresh and start - attached_end <= 2:
                top = attached_from
            glue = _GLUED if attached_end == start - 1 else _LOOSELY_GLUED
            glue = max(_MIN_GLUED, glue - (prefix[start] - prefix[top]) / min(budget, 1.0))
            attached_from = -1
            found: list[Definition] = []
            # What a grammar could not make sense of may hold definitions that it could.
            letter = table.get(kind, "P" if kind == "ERROR" else "")
            if letter and child.id not in self._named:
                found = self._namer.definitions_of(child)
            path, inside = visit.path, visit.inside
            defines = False
            if found:
                scoped = [item for item in found if item.kind in _SCOPED]
                defines = any(item.kind != "D" for item in scoped)
                self._record(found, scoped, visit, top, start, end)
                if len(scoped) == 1:
                    path = visit.path + scoped[0].parts
                    inside = scoped[0].kind
            size = prefix[end + 1] - prefix[start]
            body = kind.endswith(BODY_SUFFIXES)
            if visit.cut and fresh:
                if not child.is_named and start > owner:
                    self._border(visit, start, _CLOSER)
                elif body and not first and visit.inside:
                    self._body_border(visit, child, start, budget)
                elif (
                    visit.body
                    and first
                    and not found
                    and size <= budget < prefix[end + 1] - prefix[owner]
                ):
                    pass  # rather cut inside the first statement than leave the header alone
                elif defines or previous_defines:
                    smaller = min(size, previous_size) / (0.3 * budget)
                    worth = _KEEP_MEMBERS if visit.path else _KEEP_DEFINITIONS
                    keep = worth * min(1.0, smaller * smaller)
                    price = _BODY_START if visit.body and first else 0.0
                    self._border(visit, top, price, keep)
                    if top < start:
                        self._border(visit, start, glue)
                elif top < start:
                    self._border(visit, start, glue)
                elif found and found[0].kind == "D":
                    self._border(visit, start, _DATA_KEY + _PER_LEVEL * min(visit.level, 6))
                else:
                    self._border(visit, start, self._price(visit, start, first))
            if child.is_named:
                first = False
            # A body counts with its header: otherwise the header would be left alone.
            begin = owner if body else top
            big = visit.cut and end > start and prefix[end + 1] - prefix[begin] > budget
            if visit.cut and end > start and not big:
                self.wholes.append(Whole(start, end, child, visit.level))
            if kind == "raw_text":
                pending.extend(self._embedded(visit, child, big))
            elif big or self._holds_definitions(letter, found, body, inside):
                deeper = visit.level if body and visit.inside != "F" else visit.level + 1
                pending.append(_Visit(child, deeper, path, inside, big, body))
            if end >= previous_end:
                previous_end = end
            previous_size = prefix[end + 1] - prefix[top]
            previous_defines = defines
        return pending

    def _holds_definitions(
        self, letter: str, found: list[Definition], body: bool, inside: str
    ) -> bool:
        if found:
            return any(item.kind in "CNIOD" for item in found) and inside != "D"
        if inside == "F":
            return False
        return body or (letter != "" and letter in _HOLDERS)

    def _record(
        self,
        found: list[Definition],
        scoped: list[Definition],
        visit: _Visit,
        top: int,
        start: int,
        end: int,
    ) -> None:
        for item in found:
            self._named.add(item.node.id)
            row = item.node.start_point.row
            if item.kind in _SCOPED:
                kind = item.kind
                if kind == "F" and (visit.inside in ("C", "I") or len(item.parts) > 1):
                    kind = "M"
                if len(scoped) == 1:
                    self.scopes.append(Scope(top, end, visit.path + item.parts, kind))
                else:
                    last = item.node.end_point.row
                    self.scopes.append(Scope(row, last, visit.path + item.parts, kind))
            if item.kind == "D" and len(visit.path) > 0:
                continue
            names = item.names
            if item.kind == "K" and visit.inside == "F":
                continue
            names = item.names
            if item.kind == "K" and visit.inside in ("C", "I") and item.node.type in _MEMBERS:
                # Constants and enumerators yes, ordinary attributes no.
                names = tuple(name for name in names if name.isupper())
            self.names.extend((row, name) for name in names)

    def _embedded(self, visit: _Visit, child: Node, cut: bool) -> list[_Visit]:
        language = EMBEDDED.get((self.language, visit.node.type))
        if language is None:
            return [_Visit(child, visit.level + 1, visit.path, "", True, False)] if cut else []
        root = parse_embedded(language, self._data, child)
        if root is None:
            return []
        inner = Outline(language, self._data, self._lines, self._prefix)
        inner.borders = self.borders
        inner.scopes, inner.names, inner.wholes = self.scopes, self.names, self.wholes
        inner.read(root, 1.0 if cut else float("inf"), visit.level + 1)
        return []

    def _body_border(self, visit: _Visit, body: Node, start: int, budget: float) -> None:
        """The border between a header and a body that starts on a line of its own."""
        if self._lines[start].lstrip().startswith("{"):
            self._border(visit, start, _CLOSER)
            return
        first = body.named_children[0] if body.named_child_count else body
        end = first.end_point.row + 1
        prefix, owner = self._prefix, visit.node.start_point.row
        if prefix[end] - prefix[start] <= budget < prefix[end] - prefix[owner]:
            return  # rather cut inside the docstring than leave the header alone
        self._border(visit, start, _BODY_START)

    def _price(self, visit: _Visit, row: int, first: bool) -> float:
        if visit.body and first:
            return _BODY_START
        price = _STATEMENT + _PER_LEVEL * min(visit.level, 8)
        if not self._lines[row - 1].strip():
            price -= _AFTER_BLANK
        return price

    def _border(self, visit: _Visit, row: int, price: float, keep: float = 0.0) -> None:
        known = self.borders.get(row)
        if known is None or known.level >= visit.level:
            self.borders[row] = Border(row, visit.level, price, keep)


# Attributes of a class, as opposed to declared methods.
_MEMBERS = frozenset(
    {
        "assignment",
        "variable_declarator",
        "variable_assignment",
        "declaration",
        "field_definition",
        "public_field_definition",
        "property_declaration",
        "field_declaration",
        "val_definition",
        "var_definition",
    }
)
