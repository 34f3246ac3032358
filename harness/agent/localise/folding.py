"""Docstrings left out of what a model has to write again, and put back afterwards.

A docstring can be longer than the code below it. Writing it out costs seconds and invites changes.
"""

from __future__ import annotations

import ast
import textwrap
from dataclasses import dataclass

MIN_LINES = 4


@dataclass(frozen=True, slots=True)
class Folded:
    """A function's text without its docstring, and the lines that were left out (empty: none)."""

    text: str
    docstring: tuple[str, ...] = ()


def fold_docstring(text: str) -> Folded:
    """Leave a long docstring out of one Python function; other text is returned as it is."""
    found = _docstring_lines(text)
    if found is None or found[1] - found[0] + 1 < MIN_LINES:
        return Folded(text)
    lines = text.split("\n")
    first, last = found
    return Folded("\n".join([*lines[:first], *lines[last + 1 :]]), tuple(lines[first : last + 1]))


def unfold_docstring(text: str, folded: Folded) -> str:
    """Put the docstring back; one that the model invented in its place goes.

    :param text: the function as the model wrote it, with the indentation of the original.
    """
    if not folded.docstring:
        return text
    lines = text.split("\n")
    found = _docstring_lines(text)
    if found is not None:
        return "\n".join([*lines[: found[0]], *folded.docstring, *lines[found[1] + 1 :]])
    start = _body_start(text)
    if start is None:
        return text
    return "\n".join([*lines[:start], *folded.docstring, *lines[start:]])


def _function(text: str) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    try:
        tree = ast.parse(textwrap.dedent(text))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    if len(tree.body) != 1:
        return None
    node = tree.body[0]
    return node if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else None


def _docstring_lines(text: str) -> tuple[int, int] | None:
    """First and last line of a function's docstring, from 0; None without one."""
    node = _function(text)
    if node is None or len(node.body) < 2 or ast.get_docstring(node, clean=False) is None:
        return None
    first = node.body[0]
    if first.lineno == node.lineno or first.end_lineno is None:
        return None
    if node.body[1].lineno <= first.end_lineno:
        return None
    return first.lineno - 1, first.end_lineno - 1


def _body_start(text: str) -> int | None:
    node = _function(text)
    if node is None or node.body[0].lineno == node.lineno:
        return None
    return node.body[0].lineno - 1
