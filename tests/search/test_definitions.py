"""Where in a chunk a definition is, and in which others."""

from __future__ import annotations

import pytest

from harness.search.definitions import definitions_of, has_word
from harness.types import Chunk

TWO_CLASSES = """\
class Session:
    # uses Pool
    def close(self):
        pass

class Pool:
    def close(self):
        pass

def stop():
    pass
"""


def symbols(text: str, symbol: str, *definitions: str) -> list[str]:
    chunk = Chunk(text, 11, 11 + text.count("\n"), "python", symbol, "class", definitions)
    return [f"{one.line} {one.symbol}" for one in definitions_of(chunk)]


def test_what_a_definition_is_in_is_read_off_the_indentation() -> None:
    assert symbols(TWO_CLASSES, "", "Session", "close", "Pool", "stop") == [
        "11 Session",
        "13 Session.close",
        "16 Pool",
        "17 Pool.close",
        "20 stop",
    ]


@pytest.mark.parametrize(
    ("text", "symbol", "definitions", "expected"),
    [
        pytest.param("def a():\n  x", "M.a", ("a",), ["11 M.a"], id="the-chunk-itself"),
        pytest.param("def a():\n", "M", ("a",), ["11 M.a"], id="part-of-the-enclosing"),
        pytest.param(
            "class M:\n  class A:\n    def M(self):\n",
            "M",
            ("M", "A"),
            ["11 M", "12 M.A"],
            id="other-words-before-the-name",
        ),
        pytest.param(
            "class M:\n  def a(self):\n",
            "X.M.a",
            ("M", "a"),
            ["11 X.M", "12 X.M.a"],
            id="called-after-what-fills-it",
        ),
        pytest.param("x = 1\n", "", ("gone",), [], id="its-line-is-in-another-chunk"),
        pytest.param(
            '__all__ = ["a"]\n\n@known("x.a")\ndef a():\n', "", ("a",), ["14 a"], id="exported"
        ),
        pytest.param('{"a": 1}\n', "", ("a",), ["11 a"], id="only-in-quotes"),
        pytest.param(
            "def a?\n  b?\nend\n\ndef b?\nend\n",
            "",
            ("a?", "b?"),
            ["11 a?", "15 b?"],
            id="used-before",
        ),
        pytest.param(
            "// Close closes it.\nfunc (s *Server) Close() {\n",
            "",
            ("Close",),
            ["12 Close"],
            id="go",
        ),
        pytest.param(
            'x = { y = a.main.id }\nresource "a" "main" {\n',
            "",
            ("a", "main"),
            ["12 a", "12 a.main"],
            id="block",
        ),
        pytest.param(
            'data "aws_ami" "base" {}\nmodule "vpc" {\n',
            "",
            ("aws_ami", "base", "vpc"),
            ["11 data.aws_ami", "11 data.aws_ami.base", "12 module.vpc"],
            id="blocks",
        ),
        pytest.param(
            'data "aws_ami" "base" {\n',
            "data.aws_ami.base",
            ("aws_ami", "base"),
            ["11 data.aws_ami", "11 data.aws_ami.base"],
            id="the-block-itself",
        ),
        pytest.param(
            "int a() {\n  b();\n  return c::b(1);\n}\nstatic int b() {\n",
            "",
            ("a", "b"),
            ["11 a", "15 b"],
            id="without-a-word-that-defines",
        ),
        pytest.param("def push!(x)\n", "Stack", ("push!",), ["11 Stack.push!"], id="signs"),
    ],
)
def test_names_after_those_around_them(
    text: str, symbol: str, definitions: tuple[str, ...], expected: list[str]
) -> None:
    assert symbols(text, symbol, *definitions) == expected


@pytest.mark.parametrize(
    ("line", "name", "expected"),
    [
        pytest.param("close()", "close", True, id="whole"),
        pytest.param("closer()", "close", False, id="continued"),
        pytest.param("_close()", "close", False, id="preceded"),
        pytest.param("x.push!(1)", "push!", True, id="signs"),
        pytest.param("größe = 1", "größe", True, id="other-letters"),
        pytest.param("größer = 1", "größe", False, id="other-letters-continued"),
    ],
)
def test_whole_words_only(line: str, name: str, expected: bool) -> None:
    assert has_word(line, name) is expected
