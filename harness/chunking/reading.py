"""Parses a file so that as little of it as possible ends up in error nodes."""

from __future__ import annotations

import re

from tree_sitter import Node

from harness.chunking.languages.spec import LanguageSpec
from harness.chunking.macro_calls import without_macro_calls
from harness.chunking.parsing import parse
from harness.chunking.preprocessor import without_conditions, without_macros

# The share of a file's bytes in error nodes above which it is parsed a second time.
_WORTH_A_RETRY = 0.05


def syntax_tree(language: LanguageSpec, data: bytes) -> Node | None:
    """The root of a file's tree; None without a grammar or when parsing takes too long.

    Offsets and rows are those of ``data`` even where parts of it were blanked out.

    :param data: the file.
    """
    if language.blanked:
        data = re.sub(language.blanked.encode(), lambda word: b" " * len(word[0]), data)
    if not language.preprocessed:
        return parse(language.name, data)
    plain = without_macros(without_macro_calls(data))
    root = parse(language.name, plain)
    if root is None or unexplained(root) <= _WORTH_A_RETRY * len(data):
        return root
    other = parse(language.name, without_conditions(plain))
    if other is None or unexplained(other) >= unexplained(root):
        return root
    return other


def unexplained(root: Node) -> int:
    """Bytes inside error nodes.

    :param root: of a tree.
    """
    total, pending = 0, [root]
    while pending:
        node = pending.pop()
        if node.type == "ERROR":
            total += node.end_byte - node.start_byte
        elif node.has_error:
            pending.extend(node.children)
    return total
