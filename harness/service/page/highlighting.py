"""Colours code: text to lines of HTML, with a few classes that the style sheet knows."""

from __future__ import annotations

import time
from functools import lru_cache

from markupsafe import Markup, escape
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name, get_lexer_for_filename
from pygments.lexers.special import TextLexer
from pygments.token import Token, _TokenType
from pygments.util import ClassNotFound

from harness.text import visible

_MAX_CHARS = 200_000
# Lexers are regular expressions, and some take long for long lines.
_MAX_LINE_CHARS = 2_000
# That of Java takes time with the square of a text's words, 11 minutes for 200,000 characters.
_MAX_SECONDS = 1.0
_CLASSES = {
    Token.Comment: "c",
    Token.Keyword: "k",
    Token.Literal.String: "s",
    Token.Literal.Number: "n",
    Token.Name.Function: "f",
    Token.Name.Class: "f",
    Token.Name.Decorator: "b",
    Token.Name.Builtin: "b",
    Token.Name.Tag: "k",
    Token.Name.Attribute: "b",
    Token.Operator.Word: "k",
    Token.Generic.Heading: "k",
    Token.Generic.Subheading: "k",
}


def highlighted(text: str, language: str, path: str = "") -> list[Markup]:
    """The lines of a text, escaped, as many as it has; plain where it is too long, or takes more
    computing time than a page is worth.

    :param language: as the index calls it; where nothing is known by that name, ``path`` decides.
    """
    text = visible(text)
    lines = text.split("\n")
    if len(text) > _MAX_CHARS or any(len(line) > _MAX_LINE_CHARS for line in lines):
        return [escape(line) for line in lines]
    made: list[list[Markup]] = [[]]
    latest = time.thread_time() + _MAX_SECONDS
    for kind, value in _lexer(language, path.rpartition("/")[2]).get_tokens(text):
        if time.thread_time() > latest:
            return [escape(line) for line in lines]
        name = _class(kind)
        for number, piece in enumerate(value.split("\n")):
            if number:
                made.append([])
            if piece:
                made[-1].append(
                    Markup('<span class="{}">{}</span>').format(name, piece)
                    if name
                    else escape(piece)
                )
    shown = [Markup().join(pieces) for pieces in made]
    # A lexer that lost or added a line would put all others at a wrong number.
    return shown if len(shown) == len(lines) else [escape(line) for line in lines]


def _class(kind: _TokenType) -> str:
    while kind is not Token:
        if kind in _CLASSES:
            return _CLASSES[kind]
        if kind.parent is None:
            break
        kind = kind.parent
    return ""


@lru_cache(maxsize=256)
def _lexer(language: str, name: str) -> Lexer:
    options = {"stripnl": False, "ensurenl": False, "stripall": False}
    try:
        return get_lexer_by_name(language, **options)
    except ClassNotFound:
        pass
    try:
        return get_lexer_for_filename(name, **options) if name else TextLexer(**options)
    except ClassNotFound:
        return TextLexer(**options)
