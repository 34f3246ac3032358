"""Properties that hold for every file, whatever its language and content."""

from __future__ import annotations

import random
import string
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import click.core
import pytest
import rich.console
import rich.progress
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import harness
from harness.abridging.abridge import abridge
from harness.chunking.chunker import chunk_text
from harness.types import Chunk

WINDOW = 256
Fits = Callable[[str], bool]
# fmt: off
EXTENSIONS = [
    "py", "js", "ts", "tsx", "go", "rs", "java", "c", "cpp", "cs", "rb", "php", "kt", "swift",
    "scala", "sh", "sql", "html", "css", "scss", "yaml", "toml", "json", "dockerfile", "md", "txt",
    "rst", "csv", "vue", "svelte", "lua", "ex", "hs", "zig", "ipynb", "xml", "mk", "tf", "proto",
    "graphql", "ini", "pl", "nim", "f90", "thrift",
]
# fmt: on


@cache
def tokenizer() -> Any:
    tokenizers = pytest.importorskip("tokenizers", reason="the extra `minilm` is not installed")
    assert harness.__file__ is not None
    folder = Path(harness.__file__).parent / "models" / "minilm"
    loaded = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    loaded.no_truncation()
    loaded.no_padding()
    return loaded


def pieces(text: str) -> int:
    return len(tokenizer().encode(text).ids)


def fits(text: str) -> bool:
    return pieces(text) <= WINDOW


def check(text: str, path: str, max_chars: int = 900, *, fits: Fits | None = None) -> list[Chunk]:
    """Every non-blank line once, in order; texts are the file's lines without data; sizes hold."""
    chunks = chunk_text(path, text, max_chars=max_chars, fits=fits)
    lines = abridge(path, text).lines
    assert len(lines) == text.count("\n") + 1
    covered: set[int] = set()
    index, last = 0, 0
    while index < len(chunks):
        chunk = chunks[index]
        assert chunk.start_line > last
        assert chunk.end_line >= chunk.start_line
        whole = "\n".join(lines[chunk.start_line - 1 : chunk.end_line])
        texts = [chunk.text]
        while index + 1 < len(chunks) and chunks[index + 1].start_line == chunk.start_line:
            index += 1
            assert chunks[index].end_line == chunk.start_line == chunk.end_line
            texts.append(chunks[index].text)
        assert "".join(texts) == whole
        covered.update(range(chunk.start_line, chunk.end_line + 1))
        last = chunk.end_line
        index += 1
    for number, line in enumerate(lines, 1):
        assert number in covered or not line.strip()
    for chunk in chunks:
        assert chunk.text.strip() or len(chunks) > 1
        assert len("".join(chunk.text.split())) <= max_chars
    return chunks


_SNIPPETS = st.sampled_from(
    [
        "def f(a):\n    return a\n",
        "class A:\n",
        "    def m(self):\n        pass\n",
        "@decorator\n",
        "# comment\n",
        "/** doc */\n",
        "function f() {\n",
        "}\n",
        "})\n",
        "{ [ (\n",
        '"""\n',
        "'",
        "`",
        "<div>\n",
        "</script>\n",
        "# Title\n",
        "```\n",
        "key: value\n",
        "  - item\n",
        "[table]\n",
        "\r\n",
        "\r",
        "\x0c",
        "\u2028",
        "\ufeff",
        "\x00",
        "naïve 漢字 한국어 🎉\n",
        "\n\n",
        "\t",
        "x" * 200,
        "ab1+/" * 300,
        "word " * 60 + "\n",
    ]
)
_TEXTS = st.one_of(st.text(max_size=300), st.lists(_SNIPPETS, max_size=40).map("".join))


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=_TEXTS, extension=st.sampled_from(EXTENSIONS))
def test_any_text_in_any_language(text: str, extension: str) -> None:
    chunks = check(text, f"a.{extension}", fits=fits)
    assert all(fits(chunk.text) for chunk in chunks)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=_TEXTS, extension=st.sampled_from(EXTENSIONS), max_chars=st.integers(1, 200))
def test_small_budgets(text: str, extension: str, max_chars: int) -> None:
    check(text, f"a.{extension}", max_chars)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), extension=st.sampled_from(["py", "js", "json", "md", "txt", "go"]))
def test_a_window_of_any_size(data: st.DataObject, extension: str) -> None:
    text = data.draw(_TEXTS)
    limit = data.draw(st.integers(1, 60))
    chunks = check(text, f"a.{extension}", fits=lambda part: len(part) <= limit)
    assert all(len(chunk.text) <= limit for chunk in chunks if chunk.start_line == chunk.end_line)


_RANDOM = random.Random(7)
_PATHOLOGICAL = [
    pytest.param("漢字かな交じり文" * 8_000, id="cjk"),
    pytest.param("한국어문장" * 5_000, id="hangul"),
    pytest.param("".join(_RANDOM.choices(string.ascii_letters + "0123+/", k=100_000)), id="base64"),
    pytest.param("".join(_RANDOM.choices("0123456789abcdef", k=50_000)), id="hex"),
    pytest.param("".join(_RANDOM.choices("acgt", k=50_000)), id="lower-case-run"),
    pytest.param("x = " + "{[(" * 20_000, id="brackets"),
    pytest.param("🎉" * 20_000, id="emoji"),
    pytest.param("a" + " " * 100_000 + "b", id="spaces"),
    pytest.param("αβγδε" * 9_000, id="greek"),
    pytest.param("!\"#$%&'()*+,-./" * 5_000, id="punctuation"),
]


@pytest.mark.parametrize("line", _PATHOLOGICAL)
@pytest.mark.parametrize("exact", [True, False], ids=["exact", "estimate"])
def test_one_huge_line_never_exceeds_the_window(line: str, exact: bool) -> None:
    text = f"first\n{line}\nlast"
    chunks = check(text, "a.txt", fits=fits if exact else None)
    assert max(pieces(chunk.text) for chunk in chunks) <= WINDOW


@pytest.mark.parametrize("text", ["", "\n", " \n\t\r\n"])
def test_nothing_to_chunk(text: str) -> None:
    assert chunk_text("a.py", text) == []


def test_line_numbers_count_newlines_only() -> None:
    text = "\ufeffx = 1\r\n\r\ny = '\u2028\x0c'\rz\r\ndef f(): pass"
    chunks = check(text, "a.py")
    assert chunks[-1].end_line == 4


@pytest.mark.parametrize("extension", ["py", "js", "go", "rs", "java", "c", "json", "css", "rb"])
@pytest.mark.parametrize("newline", ["", "\n"], ids=["one-line", "many-lines"])
def test_deep_nesting(extension: str, newline: str) -> None:
    text = f"({newline}" * 10_000 + f"){newline}" * 10_000
    started = time.process_time()
    check(text, f"a.{extension}")
    assert time.process_time() - started < 10


_BROKEN = [
    pytest.param("a.py", "def f(:\n    x = (\nclass A\n  def\n'''open\nlast\n", id="python"),
    pytest.param("a.js", "function ( {\n const = ;\n`open\n}}}}\nlast\n", id="javascript"),
    pytest.param("a.go", "package\nfunc (s *) {\n x :=\nlast\n", id="go"),
    pytest.param("a.json", '{"a": [1, 2\n"b":\n}}\nlast', id="json"),
    pytest.param("a.yaml", "a: [\n\t- b\n: c\nlast", id="yaml"),
    pytest.param("a.html", "<div><p></b>\n<script>\nif (<\nlast", id="html"),
]


@pytest.mark.parametrize(("path", "text"), _BROKEN)
def test_a_syntax_error_loses_no_line(path: str, text: str) -> None:
    text = text * 30
    check(text, path)


def test_a_line_more_changes_only_its_surroundings() -> None:
    changed = []
    for module in (rich.console, rich.progress, click.core):  # as locked: the same everywhere
        source = Path(module.__file__).read_text(encoding="utf-8")
        before = {chunk.text for chunk in chunk_text("a.py", source)}
        lines = source.split("\n")
        rows = [row for row, line in enumerate(lines) if line.startswith("        self.")]
        for row in rows[::8]:
            edited = [*lines[:row], "        added = len('a new line')", *lines[row:]]
            after = {chunk.text for chunk in chunk_text("a.py", "\n".join(edited))}
            changed.append(len(after - before))
    assert sum(count <= 2 for count in changed) >= 0.85 * len(changed)
    assert max(changed) <= 6


def test_comments_and_decorators_stay_with_their_definition() -> None:
    body = "".join(f"    total += weight_{step} * value\n" for step in range(8))
    unit = "# About {0}.\n@register\n@cached(size=3)\ndef function_{0}(value):\n" + body
    text = "\n\n".join(unit.format(name) for name in "abcdefgh")
    for chunk in chunk_text("a.py", text):
        assert chunk.text.startswith("# About ")


def test_a_timed_out_parse_falls_back_to_text(monkeypatch: pytest.MonkeyPatch) -> None:
    from harness.chunking import parsing

    monkeypatch.setattr(parsing, "_MIN_SECONDS", 0.0)
    monkeypatch.setattr(parsing, "_SECONDS_PER_MEGABYTE", 0.0)
    text = "def f():\n    return 1\n\n\n" * 2_000
    check(text, "a.py")


def test_a_megabyte_takes_about_a_second() -> None:
    source = Path(subprocess.__file__).read_text(encoding="utf-8")
    text = source * (1_000_000 // len(source) + 1)
    started = time.process_time()
    check(text, "a.py")
    assert time.process_time() - started < 4  # shared test machines


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        pytest.param(
            "chunker", {"langchain_text_splitters", "tokenizers", "onnxruntime"}, id="chunker"
        ),
        # A search needs the version for the index fingerprint, and nothing else of this package.
        pytest.param("version", {"harness.chunking.chunker", "tree_sitter", "numpy"}, id="version"),
    ],
)
def test_imports_are_light(module: str, unwanted: set[str]) -> None:
    code = (
        f"import sys, harness.chunking.{module};"
        f"loaded = {unwanted} & set(sys.modules);"
        "assert not loaded, loaded"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
