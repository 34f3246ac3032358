"""What a syntax node defines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tree_sitter import Node

from harness.chunking.languages.spec import Grammar, Kind, Rule
from harness.chunking.module_functions import around_module, is_called_at_once
from harness.chunking.names import NameReader

_MAX_WRAPPERS: Final = 4
_TARGETS: Final = frozenset({"identifier", "property_identifier", "private_property_identifier"})
_SEVERAL_TARGETS: Final = frozenset({"pattern_list", "tuple_pattern"})
# What a name is assigned through without being inside it (JavaScript).
_TRANSPARENT: Final = frozenset({"exports", "module", "prototype", "this", "window", "self"})


@dataclass(frozen=True, slots=True)
class Definition:
    """What a node defines. ``path`` extends the symbol path of what is inside (empty when the
    definition has no inside); ``names`` are the names themselves."""

    kind: Kind
    path: tuple[str, ...]
    names: tuple[str, ...]
    node: Node


class DefinitionReader:
    """Finds what the nodes of one file define.

    :param data: the file.
    """

    def __init__(self, data: bytes, grammar: Grammar) -> None:
        self._grammar = grammar
        self._roles = grammar.roles
        self._names = NameReader(data, grammar)

    def around_module(self, node: Node) -> Sequence[Node]:
        """See :func:`harness.chunking.module_functions.around_module`."""
        return around_module(node, self._names.text)

    def definitions_of(self, node: Node, depth: int = 0) -> list[Definition]:
        """What ``node`` defines, looking through wrappers (decorators, ``export``, templates)."""
        role = self._roles.get(node.type)
        if role is None or role is Rule.CONTAINER:
            return []
        if isinstance(role, Kind):
            return self._definition(node, role)
        if role is Rule.VARIABLE:
            return self._variable(node)
        if role is Rule.ASSIGNMENT:
            return self._assignment(node)
        if role is Rule.CALL:
            return self._call(node)
        if role is Rule.HEADED:
            return self._headed(node)
        if depth > _MAX_WRAPPERS:
            return []
        found = []
        for child in node.named_children:
            found.extend(self.definitions_of(child, depth + 1))
        if node.type in self._grammar.typedefs:
            found.extend(self._typedef(node, found))
        return found

    def _definition(self, node: Node, kind: Kind) -> list[Definition]:
        if kind is Kind.NAME:
            names = self._names.bare(node)
            return [Definition(kind, (), names, node)] if names else []
        if kind is Kind.EXTENSION:
            extended = node.child_by_field_name("type") or node.child_by_field_name("name")
            name = self._names.type_name(extended)
            return [Definition(kind, (name,), (), node)] if name else []
        if node.type in self._grammar.bodied and node.child_by_field_name("body") is None:
            return []
        path = self._names.path(node)
        if not path:
            return []
        return [Definition(kind, path, path[-1:] if kind is not Kind.NAMESPACE else (), node)]

    def _variable(self, node: Node) -> list[Definition]:
        """``name = value`` (Python, Ruby, JavaScript): a function when the value is one."""
        target = (
            node.child_by_field_name("name")
            or node.child_by_field_name("left")
            or node.child_by_field_name("property")
        )
        if target is None:
            return []
        if target.type in _TARGETS:
            value = node.child_by_field_name("value") or node.child_by_field_name("right")
            kind = self._kind_of_value(value)
            if kind is Kind.NAME and self._holds_module(node, value):
                kind = Kind.MODULE
            name = self._names.text(target).lstrip("#")
            return [Definition(kind, (name,) if kind is not Kind.NAME else (), (name,), node)]
        if target.type == "constant":
            return [Definition(Kind.NAME, (), (self._names.text(target),), node)]
        if target.type in _SEVERAL_TARGETS:
            names = tuple(
                self._names.text(item)
                for item in target.named_children
                if item.type == "identifier"
            )
            return [Definition(Kind.NAME, (), names, node)] if names else []
        return []

    def _assignment(self, node: Node) -> list[Definition]:
        """``app.handle = function``, ``exports.name = …``, ``Type.prototype.name = …``,
        ``key: function``; Lua's ``M.f = function``, whose sides have no field names."""
        sides = node.named_children
        target = node.child_by_field_name("left") or node.child_by_field_name("key")
        if target is None and sides:
            target = sides[0]
        if target is None:
            return []
        value = node.child_by_field_name("right") or node.child_by_field_name("value")
        if value is None and sides:
            value = next(iter(sides[-1].named_children), None)
        kind = self._kind_of_value(value)
        text = self._names.text(target).strip("\"'")
        exported = text.startswith(("exports.", "module.exports.")) or ".prototype." in text
        if kind is Kind.NAME and not exported:
            return []
        path = tuple(part for part in text.split(".") if part not in _TRANSPARENT)
        if not path and kind is Kind.FUNCTION and value is not None:
            path = self._names.path(value)  # module.exports = function name() { … }
        if not path or not all(map(_is_word, path)):
            return []
        return [Definition(kind, path if kind is not Kind.NAME else (), path[-1:], node)]

    def _call(self, node: Node) -> list[Definition]:
        """``def name(…) do`` where ``def`` is itself a call (Elixir)."""
        target = node.child_by_field_name("target")
        if target is None:
            return []
        kind = self._grammar.defining_calls.get(self._names.text(target))
        if kind is None:
            return []
        arguments = next(
            (child for child in node.named_children if child.type == "arguments"), None
        )
        if arguments is None or not arguments.named_child_count:
            return []
        first = arguments.named_children[0]
        while first.type in ("binary_operator", "call"):
            inner = first.child_by_field_name("left") or first.child_by_field_name("target")
            if inner is None:
                break
            first = inner
        name = self._names.text(first).strip('"')
        if not name:
            return []
        path = tuple(name.split(".")) if kind is Kind.CLASS else (name,)
        return [Definition(kind, path, path[-1:], node)]

    def _headed(self, node: Node) -> list[Definition]:
        """What the beginning of the node's text says that it defines."""
        text = self._names.beginning(node)
        for head in self._grammar.heads:
            if head.several:
                before = text.partition("{")[0]
                names = tuple(dict.fromkeys(re.findall(head.pattern, before)))
                if names:
                    return [Definition(head.kind, (), names, node)]
                continue
            match = re.match(head.pattern, text)
            if match is None:
                continue
            parts = [group for group in match.groups() if group]
            if head.separator:
                parts = [part for group in parts for part in group.split(head.separator) if part]
            path = tuple(parts)
            if not path:
                continue
            named = head.kind not in (Kind.NAMESPACE, Kind.EXTENSION)
            scope = path if head.kind is not Kind.NAME else ()
            return [Definition(head.kind, scope, path[-head.labels :] if named else (), node)]
        return []

    def _typedef(self, node: Node, found: list[Definition]) -> list[Definition]:
        names = []
        for declarator in node.children_by_field_name("declarator"):
            path = self._names.declared(declarator)
            if path and not any(path[-1] in other.names for other in found):
                names.append(path[-1])
        return [Definition(Kind.NAME, (), tuple(names), node)] if names else []

    def _holds_module(self, node: Node, value: Node | None) -> bool:
        """``var Cart = (function () { … })()``: what is in the function is in ``Cart``."""
        return node.type in self._grammar.around_modules and is_called_at_once(
            value, self._names.text
        )

    def _kind_of_value(self, value: Node | None) -> Kind:
        while value is not None and value.type == "assignment_expression":
            value = value.child_by_field_name("right")
        if value is None:
            return Kind.NAME
        if value.type in self._grammar.function_values:
            return Kind.FUNCTION
        return Kind.CLASS if value.type in self._grammar.class_values else Kind.NAME


def _is_word(part: str) -> bool:
    return part.replace("_", "a").replace("$", "a").isalnum()
