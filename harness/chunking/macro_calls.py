"""Makes calls of C and C++ macros readable that stand where no call can stand.

``FOR_EACH_ITEM(item, list) {`` inside a function and ``ALWAYS_INLINE(int size()) {`` outside of
one are no C. The parser then loses the rest of the function, of its class, or of the file. The
first is written as ``if(1) {``, of the second what is in the parentheses stays; rows and offsets
stay those of the file.
"""

from __future__ import annotations

import re
from typing import Final

_NAME: Final = rb"(?:[A-Z][A-Z0-9_]{2,}|\w{0,40}for_?each\w{0,40})"
# Whether a file is worth being read for braces at all.
_CALL_BEFORE_BRACE: Final = re.compile(rb"^[^\n\"/#]{0,80}\b" + _NAME + rb"[ \t]*\(", re.MULTILINE)
_TOKEN: Final = re.compile(
    rb"//[^\n]*|/\*.*?\*/"
    rb"|^[ \t]*\#(?:[^\n]*\\\r?\n)*[^\n]*"
    rb"|\bR\"(?P<mark>[^()\\\s\"]{0,16})\(.*?\)(?P=mark)\""
    rb"|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n]){1,8}'"
    rb"|(?P<end>[{};])"
    rb"|(?<![\w.>:])(?P<macro>" + _NAME + rb"[ \t]*\()",
    re.DOTALL | re.MULTILINE,
)
_COMMENT: Final = re.compile(rb"//[^\n]*|/\*.*?\*/", re.DOTALL)
_SCOPE_WORD: Final = re.compile(rb"\b(?:namespace|extern|class|struct|union|enum)\b")
# How the header of a function ends, whatever words are in it.
_FUNCTION_END: Final = re.compile(rb"\)\s*(?:const|noexcept|override|try|->[^{;]{0,200}|\s)*\Z")
_STATEMENT_START: Final = re.compile(rb"\s*(?:else\s*)?\Z")
_DECLARATION: Final = re.compile(
    rb"\s*[A-Za-z_][\w:<>,*& \t]{0,200}[\s*&>]~?[A-Za-z_]\w*\s*\(", re.DOTALL
)
_AFTER_DECLARATION: Final = re.compile(rb"\s*(?:(?:const|noexcept|override|final)\b\s*)*[{;]")
_PARENTHESIS: Final = re.compile(rb"\"(?:\\.|[^\"\\\n])*\"|[()]")
_BLANK: Final = 0x20
_MAX_CALL_BYTES: Final = 3000


def without_macro_calls(data: bytes) -> bytes:
    """Rewrite macro calls that are followed by a block, and those around a declaration.

    :param data: a C or C++ file.
    """
    if _CALL_BEFORE_BRACE.search(data) is None:
        return data
    written = bytearray(data)
    in_code: list[bool] = []  # for each open brace: does it hold statements?
    boundary = 0  # the end of the last statement, block or header
    for token in _TOKEN.finditer(data):
        if token["end"] is not None:
            if token["end"] == b"{":
                in_code.append(_holds_statements(data[boundary : token.start()], in_code))
            elif token["end"] == b"}" and in_code:
                in_code.pop()
            boundary = token.end()
        elif token["macro"] is not None:
            start, opened = token.start(), token.end() - 1
            closed = _closing(data, opened)
            if closed < 0:
                continue
            inside = bool(in_code) and in_code[-1]
            if inside and data[closed + 1 : closed + 40].lstrip().startswith(b"{"):
                before = _COMMENT.sub(b"", data[boundary:start])
                if _STATEMENT_START.match(before):
                    _overwrite(written, start, b"if(1", closed)
            elif not inside and _is_called_by_words(data, opened, closed):
                _overwrite(written, opened + 1, b"", closed)
            elif not inside and _is_declared(data, opened, closed):
                written[start : opened + 1] = b" " * (opened + 1 - start)
                written[closed] = _BLANK
        elif token[0].lstrip().startswith(b"#"):
            boundary = token.end()
    return bytes(written)


def _holds_statements(header: bytes, around: list[bool]) -> bool:
    """Whether a block is a function's or a statement's, by what stands before its brace."""
    if around and around[-1]:
        # Inside a function: a local class is one, too, but a table of structs is more common.
        return _SCOPE_WORD.match(header.lstrip()) is None or b"=" in header or b"(" in header
    header = _COMMENT.sub(b"", header)
    return _SCOPE_WORD.search(header) is None or _FUNCTION_END.search(header) is not None


def _is_declared(data: bytes, opened: int, closed: int) -> bool:
    """Whether a pair of parentheses holds a function's declaration, and its body comes after."""
    declared = _DECLARATION.match(data, opened + 1, closed)
    return declared is not None and _AFTER_DECLARATION.match(data, closed + 1) is not None


def _is_called_by_words(data: bytes, opened: int, closed: int) -> bool:
    """Whether a macro's block is a test whose name is a string: ``TEST_CASE("it stops") {``. With
    nothing in its parentheses it is a function, and what its body declares is nobody else's."""
    after = data[closed + 1 : closed + 40].lstrip()
    return data[opened + 1 : closed].lstrip().startswith(b'"') and after.startswith(b"{")


def _closing(data: bytes, opened: int) -> int:
    """Where the parenthesis that is opened at an offset is closed; -1 when that is far away."""
    depth = 0
    for found in _PARENTHESIS.finditer(data, opened, opened + _MAX_CALL_BYTES):
        depth += {b"(": 1, b")": -1}.get(found[0], 0)
        if depth == 0:
            return found.start()
    return -1


def _overwrite(written: bytearray, start: int, text: bytes, last: int) -> None:
    """Put ``text`` and blanks in place of what is before ``last``, save for line breaks."""
    for at in range(start, last):
        if written[at] not in b"\r\n":
            written[at] = text[at - start] if at - start < len(text) else _BLANK
