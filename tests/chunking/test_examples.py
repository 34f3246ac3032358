"""Definitions of the languages in ``examples``: their names, and what is inside what."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.chunking.chunker import chunk_text
from harness.chunking.detection import detect_language
from harness.chunking.languages.spec import Structure
from harness.chunking.marks import marked
from harness.chunking.measure import line_sizes
from harness.chunking.outline import Outline, Scope
from harness.chunking.reading import syntax_tree

_FOLDER = Path(__file__).parent / "examples"
_EXPECTED: dict[str, dict[str, list[str]]] = json.loads(
    (_FOLDER / "expected.json").read_text(encoding="utf-8")
)
_PARAMS = [pytest.param(name, id=name) for name in _EXPECTED]


@pytest.mark.parametrize("name", _PARAMS)
def test_names(name: str) -> None:
    text = (_FOLDER / name).read_text(encoding="utf-8")
    chunks = chunk_text(name, text, fits=lambda _text: True)
    assert [known for chunk in chunks for known in chunk.definitions] == _EXPECTED[name]["names"]


@pytest.mark.parametrize("name", _PARAMS)
def test_scopes(name: str) -> None:
    assert _scopes(name) == _EXPECTED[name]["scopes"]


@pytest.mark.parametrize("name", _PARAMS)
def test_language(name: str) -> None:
    text = (_FOLDER / name).read_text(encoding="utf-8")
    assert detect_language(f"some/folder/{name}", text).name == _EXPECTED[name]["language"]


def test_every_example_is_expected_to_be_something() -> None:
    assert {path.name for path in _FOLDER.iterdir()} == {*_EXPECTED, "expected.json"}


def test_a_definition_in_a_large_file_gives_its_chunk_the_path() -> None:
    body = "".join(f"  setting_{row} = var.value_{row}\n" for row in range(40))
    text = f'variable "size" {{}}\n\nresource "aws_s3_bucket" "logs" {{\n{body}}}\n'
    symbols = {chunk.symbol for chunk in chunk_text("main.tf", text)}
    assert "aws_s3_bucket.logs" in symbols


def test_a_body_beside_its_function_belongs_to_it() -> None:
    body = "".join(f"  print('{row}');\n" for row in range(10))
    (chunk,) = chunk_text("a.dart", f"void main() {{\n{body}}}\n")
    assert (chunk.symbol, chunk.kind) == ("main", "function")


def test_a_label_goes_on_to_the_next() -> None:
    body = "".join(f"  mov eax, {row}\n" for row in range(60))
    chunks = chunk_text("a.asm", f"first:\n{body}second:\n{body}")
    assert [chunk.symbol for chunk in chunks if "second:" in chunk.text] == ["second"]
    assert {chunk.symbol for chunk in chunks} == {"first", "second"}


def _scopes(name: str) -> list[str]:
    text = (_FOLDER / name).read_text(encoding="utf-8")
    language, lines, data = detect_language(name, text), text.split("\n"), text.encode()
    scopes: list[Scope] = marked(lines, language.marks)[0]
    root = syntax_tree(language, data) if language.structure is Structure.TREE else None
    if root is not None:
        outline = Outline(language, data, lines, line_sizes(data, 900, 200))
        outline.read(root, 1.0)
        scopes += outline.scopes
    return [
        f"{scope.start + 1}-{scope.end + 1} {scope.kind.value} {'.'.join(scope.path)}"
        for scope in sorted(scopes, key=lambda scope: (scope.start, scope.path))
    ]
