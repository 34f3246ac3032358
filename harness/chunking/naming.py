"""The name a syntax node defines.

Most grammars mark it with the field ``name``; what does not is handled per node type.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tree_sitter import Node

_IDENTIFIERS = frozenset(
    {
        "identifier",
        "simple_identifier",
        "type_identifier",
        "field_identifier",
        "property_identifier",
        "constant",
        "name",
        "word",
        "IDENTIFIER",
        "variable_name",
        "bare_key",
        "dotted_key",
        "quoted_key",
        "keyframes_name",
        "image_alias",
        "object_reference",
        "variable_declaration",
        "targets",
        "string_lit",
        "STRINGLITERALSINGLE",
    }
)
_FUNCTION_VALUES = frozenset(
    {
        "function_expression",
        "function",
        "generator_function",
        "arrow_function",
        "function_definition",
    }
)
_ELIXIR_SCOPES = {
    "defmodule": "C",
    "defprotocol": "C",
    "defimpl": "C",
    "def": "F",
    "defp": "F",
    "defmacro": "F",
    "defmacrop": "F",
    "defguard": "F",
    "defdelegate": "F",
    "test": "F",
    "describe": "P",
}
_MAX_NAME = 80
_OPERATOR_OR_WORD = re.compile(r"operator.*|~?[\w$]+")
_NEEDS_BODY = frozenset({"struct_specifier", "union_specifier", "class_specifier"})


@dataclass(frozen=True, slots=True)
class Definition:
    """What a node defines. ``parts`` extend the symbol path of what is inside (empty when the
    definition has no inside); ``names`` are the names themselves. ``kind`` is a letter of
    :mod:`harness.chunking.grammar_tables`."""

    kind: str
    parts: tuple[str, ...]
    names: tuple[str, ...]
    node: Node


class Namer:
    """Names what nodes of one file define.

    :param data: the file; slicing it is far cheaper than ``Node.text`` of a tree that was
        parsed through a read callback.
    """

    def __init__(self, data: bytes, table: dict[str, str]) -> None:
        self._data = data
        self._table = table

    def definitions_of(self, node: Node, depth: int = 0) -> list[Definition]:
        """What ``node`` defines, looking through wrappers (decorators, ``export``, templates)."""
        kind = self._table.get(node.type)
        if kind is None or kind == "P":
            return []
        if kind == "W":
            if depth > 4:
                return []
            found = []
            for child in node.named_children:
                found.extend(self.definitions_of(child, depth + 1))
            if node.type == "type_definition":
                found.extend(self._typedef(node, found))
            return found
        return self._define(node, kind)

    def _define(self, node: Node, kind: str) -> list[Definition]:
        if kind == "A":
            return self._assigned(node)
        if kind == "V":
            return self._variable(node)
        if kind == "E":
            return self._elixir(node)
        if kind == "K":
            names = self._constants(node)
            return [Definition("K", (), names, node)] if names else []
        if kind == "I":
            target = node.child_by_field_name("type") or node.child_by_field_name("name")
            name = self._plain(target)
            return [Definition("I", (name,), (), node)] if name else []
        if kind == "C" and node.type in _NEEDS_BODY and node.child_by_field_name("body") is None:
            return []
        parts = self._name_parts(node)
        if not parts:
            return []
        return [Definition(kind, parts, (parts[-1],) if kind != "O" else (), node)]

    def _name_parts(self, node: Node) -> tuple[str, ...]:
        receiver = node.child_by_field_name("receiver")
        name = node.child_by_field_name("name")
        if name is None:
            declarator = node.child_by_field_name("declarator")
            if declarator is not None:
                return self._declared(declarator)
            key = node.child_by_field_name("key")
            if key is not None:
                return (self._text(key).strip("\"'"),)
            name = node.child_by_field_name("left") or _first_identifier(node)
        if name is None:
            if node.type.startswith(("init", "deinit", "subscript")):
                return (node.type.partition("_")[0],)
            return ("constructor",) if "constructor" in node.type else ()
        if name.type == "object_reference":
            name = name.child_by_field_name("name") or name
        text = self._text(name).strip("\"'`")
        if receiver is not None and receiver.type == "parameter_list":
            owner = self._receiver(receiver)
            if owner:
                return (owner, text)
        text = text.lstrip("#")
        for separator in ("::", ".", ":", "\\"):
            if separator in text and not text.startswith(separator):
                return tuple(part for part in text.split(separator) if part) or (text,)
        return (text,) if text else ()

    def _receiver(self, node: Node) -> str:
        """The type of a Go receiver: ``(s *Server[T])`` is ``Server``."""
        for parameter in node.named_children:
            kind = parameter.child_by_field_name("type")
            if kind is not None:
                return self._plain(kind).lstrip("*( ").rstrip(") ")
        return ""

    def _declared(self, node: Node) -> tuple[str, ...]:
        """The name inside C declarators: pointers, arrays, functions, ``Type::member``."""
        current: Node | None = node
        for _ in range(12):
            if current is None:
                return ()
            if current.type in ("qualified_identifier", "destructor_name", "operator_name"):
                text = self._text(current).partition("(")[0]
                text = (
                    "".join(text.split("<")[:1]) + text.rpartition(">")[2]
                    if "<" in text and ("operator" not in text)
                    else text
                )
                return tuple(part.strip() for part in text.split("::") if part.strip())
            inner = current.child_by_field_name("declarator")
            if inner is None:
                if current.type in _IDENTIFIERS or current.named_child_count == 0:
                    text = self._text(current)
                    return (text,) if text else ()
                inner = current.named_children[-1]
            current = inner
        return ()

    def _constants(self, node: Node) -> tuple[str, ...]:
        if node.type == "from_instruction":
            alias = node.child_by_field_name("as")
            return (self._text(alias),) if alias is not None else ()
        if node.type in ("declaration", "field_declaration", "constant_declaration"):
            names = self._declarators(node)
        else:
            named = node.children_by_field_name("name") or node.children_by_field_name("pattern")
            names = [self._text(name).lstrip("$") for name in named if name.is_named]
            if not names:
                names = list(self._name_parts(node)[-1:])
        return tuple(name for name in names if name and _OPERATOR_OR_WORD.fullmatch(name))

    def _declarators(self, node: Node) -> list[str]:
        """Names of a C, C++, Java or C# declaration. C++ data members are left out: too many
        to be useful."""
        inner = next((item for item in node.children if item.type == "variable_declaration"), node)
        names: list[str] = []
        for declarator in inner.children_by_field_name("declarator") or inner.named_children:
            if declarator.type == "variable_declarator":
                name = declarator.child_by_field_name("name")
                names.append(self._text(name))
            elif "declarator" in declarator.type or (
                node.type == "declaration" and declarator.type == "identifier"
            ):
                names.extend(self._declared(declarator)[-1:])
        return names

    def _variable(self, node: Node) -> list[Definition]:
        """``name = value`` (Python, Ruby, JavaScript): a function when the value is one."""
        target = (
            node.child_by_field_name("name")
            or node.child_by_field_name("left")
            or node.child_by_field_name("property")
        )
        if target is None:
            return []
        value = node.child_by_field_name("value") or node.child_by_field_name("right")
        if target.type in ("identifier", "property_identifier", "private_property_identifier"):
            name = self._text(target).lstrip("#")
            kind = _value_kind(value)
            if kind != "K":
                return [Definition(kind, (name,), (name,), node)]
            return [Definition("K", (), (name,), node)]
        if target.type == "constant":
            return [Definition("K", (), (self._text(target),), node)]
        if target.type in ("pattern_list", "tuple_pattern"):
            names = tuple(
                self._text(item) for item in target.named_children if item.type == "identifier"
            )
            return [Definition("K", (), names, node)] if names else []
        return []

    def _assigned(self, node: Node) -> list[Definition]:
        """``app.handle = function``, ``exports.name = …``, ``Type.prototype.name = …``,
        ``key: function``; Lua's ``M.f = function``."""
        left = (
            node.child_by_field_name("left") or node.child_by_field_name("key") or _lua_target(node)
        )
        if left is None:
            return []
        right = node.child_by_field_name("right") or node.child_by_field_name("value")
        if right is None and node.named_child_count:
            values = node.named_children[-1].named_children
            right = values[0] if values else None
        kind = _value_kind(right)
        text = self._text(left).strip("\"'")
        exported = text.startswith(("exports.", "module.exports."))
        if kind == "K" and not (exported or ".prototype." in text):
            return []
        parts = tuple(
            part
            for part in text.split(".")
            if part not in ("exports", "module", "prototype", "this", "window", "self")
        )
        if not parts or not all(
            part.replace("_", "a").replace("$", "a").isalnum() for part in parts
        ):
            return []
        return [Definition(kind, parts if kind != "K" else (), (parts[-1],), node)]

    def _elixir(self, node: Node) -> list[Definition]:
        target = node.child_by_field_name("target")
        kind = _ELIXIR_SCOPES.get(self._text(target)) if target is not None else None
        arguments = next(
            (child for child in node.named_children if child.type == "arguments"), None
        )
        if kind is None or kind == "P" or arguments is None or not arguments.named_child_count:
            return []
        first = arguments.named_children[0]
        while first.type in ("binary_operator", "call"):
            inner = first.child_by_field_name("left") or first.child_by_field_name("target")
            if inner is None:
                break
            first = inner
        name = self._text(first).strip('"')
        if not name:
            return []
        parts = tuple(name.split(".")) if kind == "C" else (name,)
        return [Definition(kind, parts, (parts[-1],), node)]

    def _typedef(self, node: Node, found: list[Definition]) -> list[Definition]:
        names = []
        for declarator in node.children_by_field_name("declarator"):
            parts = self._declared(declarator)
            if parts and not any(parts[-1] in other.names for other in found):
                names.append(parts[-1])
        return [Definition("K", (), tuple(names), node)] if names else []

    def _plain(self, node: Node | None) -> str:
        """A type's name without generics, references and lifetimes."""
        if node is None:
            return ""
        inner = node.child_by_field_name("type")
        if node.type in ("generic_type", "reference_type", "pointer_type"):
            if inner is None and node.named_child_count:
                inner = node.named_children[0]
            return self._plain(inner)
        return self._text(node).rpartition("::")[2]

    def _text(self, node: Node | None) -> str:
        if node is None:
            return ""
        start = node.start_byte
        end = min(node.end_byte, start + _MAX_NAME * 4)
        text = self._data[start:end].decode("utf-8", "replace")
        return " ".join(text.split())[:_MAX_NAME]


def _value_kind(value: Node | None) -> str:
    while value is not None and value.type == "assignment_expression":
        value = value.child_by_field_name("right")
    if value is None:
        return "K"
    if value.type in _FUNCTION_VALUES:
        return "F"
    return "C" if value.type in ("class", "class_expression") else "K"


def _lua_target(node: Node) -> Node | None:
    if node.type != "assignment_statement" or not node.named_child_count:
        return None
    return node.named_children[0]


def _first_identifier(node: Node) -> Node | None:
    for child in node.children:
        if child.type in _IDENTIFIERS:
            return child
    return None
