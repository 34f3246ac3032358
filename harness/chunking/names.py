"""The names that nodes bear. Most grammars mark a name with the field ``name``."""

from __future__ import annotations

import re
from typing import Final

from tree_sitter import Node

from harness.chunking.languages.spec import COMMON_IDENTIFIERS, Grammar

_MAX_NAME_CHARS: Final = 80
_MAX_DECLARATORS: Final = 12
_MAX_HEAD_BYTES: Final = 400
_OPERATOR_OR_WORD: Final = re.compile(r"operator.*|~?[\w$-]+[!?']?|[*+][\w-]+[*+]")
_SEPARATORS: Final = ("::", ".", ":", "\\")
_QUALIFIED: Final = frozenset({"qualified_identifier", "destructor_name", "operator_name"})
_MACRO: Final = re.compile(r"TEST|[A-Z][A-Z0-9]*_[A-Z0-9_]+")
_TEMPLATES: Final = frozenset({"template_function", "template_method", "template_type"})
_AROUND_TYPES: Final = frozenset({"generic_type", "reference_type", "pointer_type"})


class NameReader:
    """Reads names off the nodes of one file.

    :param data: the file; slicing it is far cheaper than ``Node.text`` of a tree that was
        parsed through a read callback.
    """

    def __init__(self, data: bytes, grammar: Grammar) -> None:
        self._data = data
        self._grammar = grammar
        self._holders = frozenset(grammar.name_holders)
        self._identifiers = COMMON_IDENTIFIERS | self._holders | frozenset(grammar.identifiers)

    def path(self, node: Node) -> tuple[str, ...]:
        """The name of a definition, one part for each scope it is qualified with."""
        receiver = node.child_by_field_name("receiver")
        name = node.child_by_field_name("name")
        if name is None:
            declarator = node.child_by_field_name("declarator")
            if declarator is not None:
                if self._is_macro_call(node, declarator):
                    return self._macro_arguments(declarator)
                return self.declared(declarator)
            key = node.child_by_field_name("key")
            if key is not None:
                return (self.text(key).strip("\"'"),)
            name = node.child_by_field_name("left") or self._first_identifier(node)
        if name is None:
            nameless = self._grammar.nameless.get(node.type)
            return (nameless,) if nameless else ()
        while name.type in self._holders:
            held = name.child_by_field_name("name") or self._first_identifier(name)
            if held is None:
                return ()
            name = held
        text = self.text(name).strip("\"'`")
        if receiver is not None and receiver.type == "parameter_list":
            owner = self._receiver(receiver)
            if owner:
                return (owner, text)
        text = text.lstrip("#")
        for separator in _SEPARATORS:
            if separator in text and not text.startswith(separator):
                return tuple(part for part in text.split(separator) if part) or (text,)
        return (text,) if text else ()

    def bare(self, node: Node) -> tuple[str, ...]:
        """The names of constants, variables, macros and prototypes; one node may have several."""
        grammar = self._grammar
        if grammar.alias_field:
            alias = node.child_by_field_name(grammar.alias_field)
            return (self.text(alias),) if alias is not None else ()
        if node.type in grammar.declarations:
            names = self._declarators(node)
        else:
            named = node.children_by_field_name("name") or node.children_by_field_name("pattern")
            names = [self.text(name).lstrip("$") for name in named if name.is_named]
            if not names:
                names = list(self.path(node)[-1:])
        return tuple(name for name in names if name and _OPERATOR_OR_WORD.fullmatch(name))

    def declared(self, node: Node) -> tuple[str, ...]:
        """The name inside C declarators: pointers, arrays, functions, ``Type::member``."""
        current: Node | None = node
        for _ in range(_MAX_DECLARATORS):
            if current is None:
                return ()
            if current.type in _QUALIFIED:
                return self._qualified(current)
            if current.type in _TEMPLATES:
                current = current.child_by_field_name("name")
                continue
            inner = current.child_by_field_name("declarator")
            if inner is None:
                if current.type in self._identifiers or current.named_child_count == 0:
                    text = self.text(current)
                    return (text,) if text else ()
                inner = current.named_children[-1]
            current = inner
        return ()

    def type_name(self, node: Node | None) -> str:
        """A type's name without generics, references and lifetimes."""
        if node is None:
            return ""
        if node.type in _AROUND_TYPES:
            inner = node.child_by_field_name("type")
            if inner is None and node.named_child_count:
                inner = node.named_children[0]
            return self.type_name(inner)
        return self.text(node).rpartition("::")[2]

    def text(self, node: Node | None) -> str:
        """A node's text on one line, cut at a length that no real name has."""
        if node is None:
            return ""
        start = node.start_byte
        end = min(node.end_byte, start + _MAX_NAME_CHARS * 4)
        text = self._data[start:end].decode("utf-8", "replace")
        return " ".join(text.split())[:_MAX_NAME_CHARS]

    def beginning(self, node: Node) -> str:
        """The first of a node's text, lines and all."""
        end = min(node.end_byte, node.start_byte + _MAX_HEAD_BYTES)
        return self._data[node.start_byte : end].decode("utf-8", "replace")

    def _receiver(self, node: Node) -> str:
        """The type of a Go receiver: ``(s *Server[T])`` is ``Server``."""
        for parameter in node.named_children:
            kind = parameter.child_by_field_name("type")
            if kind is not None:
                return self.type_name(kind).lstrip("*( ").rstrip(") ")
        return ""

    def _qualified(self, node: Node) -> tuple[str, ...]:
        text = " ".join(self.beginning(node).split())
        if "operator" in text:
            parts = text.partition("(")[0].split("::")
            return tuple(part.strip()[:_MAX_NAME_CHARS] for part in parts if part.strip())
        words = [part.split() for part in _without_arguments(text).partition("(")[0].split("::")]
        words = [part for part in words if part]
        if words and len(words[-1]) > 1:
            return ()  # more than a name: the parser has lost its way
        return tuple(part[-1][:_MAX_NAME_CHARS] for part in words)

    def _declarators(self, node: Node) -> list[str]:
        """Names of a C, C++, Java or C# declaration. C++ data members are left out: there are
        too many of them to be useful."""
        inner = next((item for item in node.children if item.type == "variable_declaration"), node)
        names: list[str] = []
        for declarator in inner.children_by_field_name("declarator") or inner.named_children:
            if declarator.type == "variable_declarator":
                names.append(self.text(declarator.child_by_field_name("name")))
            elif self._is_macro_call(node, declarator):
                continue
            elif "declarator" in declarator.type or (
                node.type == "declaration" and declarator.type == "identifier"
            ):
                names.extend(self.declared(declarator)[-1:])
        return names

    def _is_macro_call(self, node: Node, declarator: Node) -> bool:
        """Whether what looks like a C++ constructor is a macro: ``DISALLOW_COPY(Type);``."""
        if declarator.type != "function_declarator" or node.child_by_field_name("type") is not None:
            return False
        name = declarator.child_by_field_name("declarator")
        return name is not None and _MACRO.fullmatch(self.text(name)) is not None

    def _macro_arguments(self, declarator: Node) -> tuple[str, ...]:
        """What a macro defines: ``TEST(Suite, Name) {`` and ``SYSCALL_DEFINE1(name, int, x) {``
        begin with words that are names; others define nothing that could be told."""
        parameters = declarator.child_by_field_name("parameters")
        if parameters is None:
            return ()
        words: list[str] = []
        for parameter in parameters.named_children:
            kind = parameter.child_by_field_name("type")
            if parameter.named_child_count != 1 or kind is None or kind.type != "type_identifier":
                break
            words.append(self.text(kind))
        is_pair = len(words) == parameters.named_child_count <= 2
        return tuple(words if is_pair else words[:1])

    def _first_identifier(self, node: Node) -> Node | None:
        for child in node.children:
            if child.type in self._identifiers:
                return child
        return None


def _without_arguments(text: str) -> str:
    """A qualified name without the arguments of its templates, nested ones included."""
    parts, depth = [], 0
    for part in re.split(r"([<>])", text):
        if part in ("<", ">"):
            depth += 1 if part == "<" else -1
        elif depth <= 0:
            parts.append(part)
    return "".join(parts)
