"""Functions that stand around a whole JavaScript module: what is in them is at its top level.

``(function () { … })()`` and what is assigned from it, a factory in the arguments of such a call
or of ``define``, the function of ``module.exports = function …`` and of ``export default``. One on
a single line was packed for browsers, and nobody asks for its names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from tree_sitter import Node

_FUNCTIONS: Final = frozenset(
    {"function_expression", "function", "generator_function", "arrow_function"}
)
# Around a function that is called at once: (function …), !function …, await (async …).
_AROUND: Final = frozenset({"parenthesized_expression", "unary_expression", "await_expression"})
# Functions that call the one in their arguments once, as a module (AMD) or when a page is there.
_CALLERS: Final = frozenset({"define", "require", "requirejs", "$", "jQuery"})
_CALLING: Final = frozenset({"call", "apply"})
_EXPORTS: Final = frozenset({"module.exports", "exports"})
_STARTS: Final = _FUNCTIONS | _AROUND | {"call_expression"}
_MOST_AROUND: Final = 8

ReadText = Callable[[Node | None], str]
"""Returns a node's text on one line, cut where no name would end."""


def around_module(statement: Node, text: ReadText) -> Sequence[Node]:
    """Return the nodes from a statement or declarator down to the functions around a module, both
    included; nothing when it has none.

    :param statement: not inside of a function.
    """
    value = _value(statement)
    if value is None or value.type not in _STARTS:
        return ()
    found = [*_called(value, text)]
    if not found and _is_exported(statement, text):
        found = [*_function(value)]
    return [statement, *found] if found else ()


def is_called_at_once(value: Node | None, text: ReadText) -> bool:
    """Whether a value is what a function written there, on several lines, returns:
    ``(function () { … })()``."""
    if value is None or value.start_point.row == value.end_point.row:
        return False
    return any(_called(value, text, callers=False))


def _value(statement: Node) -> Node | None:
    if statement.type == "expression_statement":
        return statement.named_children[0] if statement.named_child_count else None
    return statement.child_by_field_name("right") or statement.child_by_field_name("value")


def _is_exported(statement: Node, text: ReadText) -> bool:
    if statement.type == "export_statement":
        return True
    left = statement.child_by_field_name("left")
    return left is not None and text(left) in _EXPORTS


def _called(node: Node, text: ReadText, *, callers: bool = True) -> Iterator[Node]:
    """The nodes from a call down to the functions that it calls."""
    around = [*_unwrapped(node)]
    call = around[-1]
    if call.type != "call_expression":
        return
    target, arguments = (call.child_by_field_name(name) for name in ("function", "arguments"))
    if target is None:
        return
    holder = target
    if target.type == "member_expression":
        method = target.child_by_field_name("property")
        whose = target.child_by_field_name("object")
        if whose is not None and method is not None and text(method) in _CALLING:
            holder = whose
    called = [*_function(holder)]
    if called and holder is not target:
        called.insert(0, target)
    if not called and not (callers and _calls_modules(target, text)):
        return
    given = [] if arguments is None else arguments.named_children
    factories = [inner for argument in given for inner in _function(argument)]
    if called or factories:
        yield from around
        yield from called
        if factories and arguments is not None:
            yield arguments
            yield from factories


def _calls_modules(target: Node, text: ReadText) -> bool:
    if target.type == "identifier":
        return text(target) in _CALLERS
    method = target.child_by_field_name("property")
    return method is not None and text(method) == "define"  # sap.ui.define


def _function(node: Node) -> Iterator[Node]:
    """The nodes down to a function in parentheses or signs; nothing when there is none."""
    around = [*_unwrapped(node)]
    if around[-1].type in _FUNCTIONS:
        yield from around


def _unwrapped(node: Node) -> Iterator[Node]:
    for _ in range(_MOST_AROUND):
        yield node
        if node.type not in _AROUND or not node.named_child_count:
            return
        node = node.named_children[-1]
