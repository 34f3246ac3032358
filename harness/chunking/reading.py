"""The syntax tree of a file, read in the way that leaves the least of it unexplained."""

from __future__ import annotations

from tree_sitter import Node

from harness.chunking.languages.spec import LanguageSpec
from harness.chunking.parsing import parse
from harness.chunking.preprocessor import without_conditions, without_macros

# Bytes in error nodes, as a share of the file, that are worth a second reading.
_WORTH_A_RETRY = 0.05


def syntax_tree(language: LanguageSpec, data: bytes) -> Node | None:
    """The root of a file's tree; None without a grammar or when it takes too long.

    Offsets and rows are those of ``data`` even where a part of it was left out.

    :param data: the file.
    """
    if not language.preprocessed:
        return parse(language.name, data)
    plain = without_macros(data)
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
