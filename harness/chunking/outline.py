"""Turns a syntax tree into borders (where a chunk may start) and scopes (what is defined where).

This is the splitting half of split-then-merge: a node that fits is left whole, a larger one is
descended; the packer then merges neighbours. Only rows count, so nodes that share a line are
never separated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from tree_sitter import Node

from harness.chunking.definitions import Definition, DefinitionReader
from harness.chunking.languages.catalog import LANGUAGES
from harness.chunking.languages.spec import (
    BODY_ENDINGS,
    COMMON_ATTACHED,
    Kind,
    LanguageSpec,
    Role,
    Rule,
)
from harness.chunking.packing import Border
from harness.chunking.parsing import parse_embedded

# Prices of cutting; 1.0 is what an all but empty chunk costs. See packing.Border.
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
# Prices of not cutting between definitions and between members; small ones cost less.
_KEEP_DEFINITIONS = 0.3
_KEEP_MEMBERS = 0.15

# Where to look for further definitions: inside these, and inside nodes that define nothing.
_OPEN_KINDS: Final = frozenset({Kind.CLASS, Kind.MODULE, Kind.NAMESPACE, Kind.EXTENSION, Kind.KEY})
_OPEN_ROLES: Final[frozenset[Role]] = frozenset(
    {Kind.CLASS, Kind.MODULE, Kind.NAMESPACE, Kind.EXTENSION}
    | {Rule.CONTAINER, Rule.WRAPPER, Rule.ASSIGNMENT, Rule.CALL, Rule.HEADED}
)
_WITH_MEMBERS: Final = (Kind.CLASS, Kind.EXTENSION)


@dataclass(frozen=True, slots=True)
class Scope:
    """A definition with an inside: rows ``start..end`` (0-based, inclusive), attached comments
    included."""

    start: int
    end: int
    path: tuple[str, ...]
    kind: Kind


@dataclass(frozen=True, slots=True)
class Whole:
    """A multi-line node that was left whole at the current budget; it is descended when a chunk
    turns out to be too large."""

    start: int
    end: int
    node: Node
    level: int


@dataclass(frozen=True, slots=True)
class _Visit:
    """A node whose children are still to be read. ``inside`` is the kind of the innermost
    definition around them; ``cut`` allows borders between them; ``body`` tells whether they are
    the body of a definition."""

    node: Node
    level: int
    path: tuple[str, ...] = ()
    inside: Kind | None = None
    cut: bool = True
    body: bool = False


@dataclass(slots=True)
class _Item:
    """A child of the visited node on rows ``start..end``; ``top`` is the first row of what is
    attached to it."""

    node: Node
    start: int
    end: int
    top: int
    body: bool
    found: Sequence[Definition] = ()
    defines: bool = False


@dataclass(slots=True)
class _Above:
    """What lies above the next child: the last row taken; the size of the sibling before it and
    whether that defines something; the rows of a run of comments (-1 without one); and whether
    no named sibling came yet."""

    end: int
    size: float = 0.0
    defines: bool = False
    attached_start: int = -1
    attached_end: int = -1
    first: bool = True


class Outline:
    """Collects borders, scopes and names from a tree, without recursion."""

    def __init__(
        self, language: LanguageSpec, data: bytes, lines: Sequence[str], prefix: Sequence[float]
    ) -> None:
        self.borders: dict[int, Border] = {}
        self.scopes: list[Scope] = []
        self.names: list[tuple[int, str]] = []
        self.wholes: list[Whole] = []
        self._language = language
        self._data = data
        self._lines = lines
        self._prefix = prefix
        self._roles = language.grammar.roles
        self._attributes = frozenset(language.grammar.attributes)
        self._open_ended = frozenset(language.grammar.open_ended)
        self._continued = frozenset(language.grammar.continued)
        self._around_modules = frozenset(language.grammar.around_modules)
        self._module_level: set[int] = set()  # what is opened because a module is in it
        self._attached = COMMON_ATTACHED.union(language.grammar.attached)
        self._reader = DefinitionReader(data, language.grammar)
        self._defined: set[int] = set()

    def read(self, root: Node, budget: float, level: int = 0) -> None:
        """Walk the tree below ``root``; nodes larger than ``budget`` are descended for borders."""
        self._walk(_Visit(root, level), budget)

    def refine(self, whole: Whole, budget: float) -> list[Whole]:
        """Descend a node with a smaller budget; returns the nodes that were left whole below it."""
        before = len(self.wholes)
        scopes, names = len(self.scopes), len(self.names)
        self._walk(_Visit(whole.node, whole.level + 1, inside=Kind.FUNCTION), budget)
        del self.scopes[scopes:], self.names[names:]
        found = self.wholes[before:]
        del self.wholes[before:]
        return found

    def _walk(self, visit: _Visit, budget: float) -> None:
        stack = [visit]
        while stack:
            stack.extend(self._children(stack.pop(), budget))

    def _children(self, visit: _Visit, budget: float) -> list[_Visit]:
        pending: list[_Visit] = []
        above = _Above(visit.node.start_point.row)
        last, open_ended = -1, False  # the scope that later siblings may carry on
        for child in visit.node.children:
            area = child.range
            start, end = area.start_point.row, area.end_point.row
            if end > start and area.end_point.column == 0:
                end -= 1
            kind = child.type
            item = _Item(child, start, end, start, kind.endswith(BODY_ENDINGS))
            known = len(self.scopes)
            if start > above.end and (kind in self._attached or "comment" in kind):
                below = self._attach(visit, item, above, budget)
            else:
                below = self._child(visit, item, above, budget)
            if len(self.scopes) > known:
                last, open_ended = known, kind in self._open_ended
            elif last >= 0 and (open_ended or kind in self._continued):
                scope = self.scopes[last]
                self.scopes[last] = replace(scope, end=max(scope.end, end))
            if below is not None:
                pending.append(below)
        return pending

    def _attach(self, visit: _Visit, item: _Item, above: _Above, budget: float) -> _Visit | None:
        """Read a comment or decorator, which belongs to the sibling below it."""
        start, end = item.start, item.end
        touching = above.attached_end == start - 1 and above.attached_start >= 0
        if visit.cut:
            price = self._price(visit, start, above.first)
            if above.defines:
                price = min(price, _AFTER_DEFINITION)
            self._border(visit, start, _INSIDE_COMMENT if touching else price)
        if not touching:
            above.attached_start = start
        above.attached_end = above.end = end
        above.first = False
        if not visit.cut or end == start:
            return None
        self.wholes.append(Whole(start, end, item.node, visit.level))
        if self._prefix[end + 1] - self._prefix[start] <= budget:
            return None
        return _Visit(item.node, visit.level + 1, visit.path, Kind.FUNCTION)

    def _child(self, visit: _Visit, item: _Item, above: _Above, budget: float) -> _Visit | None:
        """Record what a child defines and where to cut above it; returns the child if it is to be
        descended."""
        prefix, child, start, end = self._prefix, item.node, item.start, item.end
        fresh = start > above.end
        if above.attached_start >= 0 and fresh and start - above.attached_end <= 2:
            item.top = above.attached_start
        above.attached_start = -1
        role = self._roles.get(child.type)
        path, inside = visit.path, visit.inside
        if role is not None and child.id not in self._defined:
            item.found = self._reader.definitions_of(child)
            scoped = [known for known in item.found if known.kind is not Kind.NAME]
            item.defines = any(known.kind is not Kind.KEY for known in scoped)
            self._record(visit, item, single=len(scoped) == 1)
            if len(scoped) == 1:
                path, inside = visit.path + scoped[0].path, scoped[0].kind
            elif role is Kind.FUNCTION and not scoped:
                inside = role  # nameless; what it declares is its own all the same
        if visit.cut and fresh:
            self._place(visit, item, above, budget)
        # A body counts with its header, which would otherwise be left on its own.
        begin = visit.node.start_point.row if item.body else item.top
        several = visit.cut and end > start
        big = several and prefix[end + 1] - prefix[begin] > budget
        if several and not big:
            self.wholes.append(Whole(start, end, child, visit.level))
        above.end = max(above.end, end)
        above.size = prefix[end + 1] - prefix[item.top]
        above.defines = item.defines
        above.first = above.first and not child.is_named
        if child.type == "raw_text":
            return self._embedded(visit, child, big)
        if end > start and inside is not Kind.FUNCTION and child.type in self._around_modules:
            self._module_level.update(node.id for node in self._reader.around_module(child))
        opened = child.id in self._module_level and inside is not Kind.FUNCTION
        if not big and not opened and not _is_open(role, item, inside):
            return None
        same = item.body and visit.inside is not Kind.FUNCTION
        level = visit.level if same else visit.level + 1
        return _Visit(child, level, path, inside, big, item.body)

    def _record(self, visit: _Visit, item: _Item, *, single: bool) -> None:
        """Keep the scopes and names of what a child defines; a ``single`` scope takes the rows
        of the whole child and of what is attached to it."""
        members = visit.inside in _WITH_MEMBERS
        for found in item.found:
            self._defined.add(found.node.id)
            row, kind, names = found.node.start_point.row, found.kind, found.names
            if kind is Kind.NAME:
                if visit.inside is Kind.FUNCTION:
                    continue
                if members and found.node.type in self._attributes:
                    names = tuple(name for name in names if name.isupper())
            else:
                if kind is Kind.FUNCTION and (members or len(found.path) > 1):
                    kind = Kind.METHOD
                first, last = (item.top, item.end) if single else (row, found.node.end_point.row)
                self.scopes.append(Scope(first, last, visit.path + found.path, kind))
                if kind is Kind.KEY and visit.path and visit.inside is not Kind.NAMESPACE:
                    continue
            self.names.extend((row, name) for name in names)

    def _place(self, visit: _Visit, item: _Item, above: _Above, budget: float) -> None:
        """Put the borders above a child that starts on a row of its own."""
        prefix, top, start = self._prefix, item.top, item.start
        owner = visit.node.start_point.row
        after = prefix[item.end + 1]
        opening = visit.body and above.first
        if not item.node.is_named and start > owner:
            self._border(visit, start, _CLOSER)
        elif item.body and not above.first and visit.inside is not None:
            self._place_body(visit, item.node, start, budget)
        elif opening and not item.found and after - prefix[start] <= budget < after - prefix[owner]:
            pass  # better a cut inside the first statement than a header on its own
        elif item.defines or above.defines:
            smaller = min(after - prefix[start], above.size) / (0.3 * budget)
            worth = _KEEP_MEMBERS if visit.path else _KEEP_DEFINITIONS
            keep = worth * min(1.0, smaller * smaller)
            self._border(visit, top, _BODY_START if opening else 0.0, keep)
            if top < start:
                self._border(visit, start, self._glue(item, above, budget))
        elif top < start:
            self._border(visit, start, self._glue(item, above, budget))
        elif item.found and item.found[0].kind is Kind.KEY:
            self._border(visit, start, _DATA_KEY + _PER_LEVEL * min(visit.level, 6))
        else:
            self._border(visit, start, self._price(visit, start, above.first))

    def _place_body(self, visit: _Visit, body: Node, start: int, budget: float) -> None:
        """Put the border between a header and a body that starts on a row of its own."""
        if self._lines[start].lstrip().startswith("{"):
            self._border(visit, start, _CLOSER)
            return
        first = body.named_children[0] if body.named_child_count else body
        end = first.end_point.row + 1
        prefix, owner = self._prefix, visit.node.start_point.row
        if prefix[end] - prefix[start] <= budget < prefix[end] - prefix[owner]:
            return  # better a cut inside the docstring than a header on its own
        self._border(visit, start, _BODY_START)

    def _glue(self, item: _Item, above: _Above, budget: float) -> float:
        """The price of cutting between a child and what is attached to it."""
        price = _GLUED if above.attached_end == item.start - 1 else _LOOSELY_GLUED
        attached = self._prefix[item.start] - self._prefix[item.top]
        return max(_MIN_GLUED, price - attached / min(budget, 1.0))

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

    def _embedded(self, visit: _Visit, child: Node, cut: bool) -> _Visit | None:
        """Read raw text in another language (a script in a page)."""
        name = self._language.embedded.get(visit.node.type)
        if name is None:
            return _Visit(child, visit.level + 1, visit.path) if cut else None
        root = parse_embedded(name, self._data, child)
        if root is not None:
            inner = Outline(LANGUAGES[name], self._data, self._lines, self._prefix)
            inner.borders = self.borders
            inner.scopes, inner.names, inner.wholes = self.scopes, self.names, self.wholes
            inner.read(root, 1.0 if cut else float("inf"), visit.level + 1)
        return None


def _is_open(role: Role | None, item: _Item, inside: Kind | None) -> bool:
    """Whether a child that fits is descended all the same, because it may hold definitions."""
    if item.found:
        if role is Rule.HEADED and item.found[0].kind is Kind.NAME:
            return inside is not Kind.FUNCTION
        return inside is not Kind.KEY and any(known.kind in _OPEN_KINDS for known in item.found)
    if inside is Kind.FUNCTION:
        return False
    return item.body or role in _OPEN_ROLES
