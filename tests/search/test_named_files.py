"""Files that a query names come first, whatever their kind, with the line that it names."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.engines import Engines
from harness.index.options import IndexOptions
from harness.index.run import index_repository
from harness.search.retrieval import search
from harness.store.edge import EdgeStore
from tests.fakes.embedder import HashEmbedder

TOTAL = "def total_{0}(some):\n    return some + {0}\n\n\n"
CODE = "".join(TOTAL.format(number) for number in range(200))
FILES = {
    "Makefile": "build:\n\tgo build ./...\n",
    "Dockerfile": "FROM alpine\nRUN apk add git\n",
    "deploy/Dockerfile.dev": "FROM alpine\n",
    "LICENSE": "Do what you want with the cart.\n",
    "README.md": "# Cart\n\nSee Dockerfile, src/cart.py, package.json, the Makefile.\n",
    "CMakeLists.txt": "project(cart)\n",
    "requirements-dev.txt": "pytest\n",
    ".gitlab-ci.yml": "stages: [build]\n",
    ".github/workflows/ci.yml": "on: push\n",
    "package.json": '{"name": "cart"}\n',
    "web/package.json": '{"name": "web"}\n',
    "src/cart.py": "def total(items):\n    return sum(items)\n",
    "src/long.py": CODE,
    "tests/test_cart.py": "def test_total():\n    assert total([1]) == 1\n",
    "tests/long.py": CODE,
    "examples/cart.py": "print(total([1]))\n",
    "benchmarks/cart.py": "print(total([2]))\n",
    "docs/My cart notes.md": "# Cart\n\nNotes on the total.\n",
    "types/cart.d.ts": "declare const cart: number;\n",
    "web/Cart.test.tsx": 'test("cart", () => {});\n',
    "web/Cart.tsx": "export const Cart = () => null;\n",
    "app/[id]/page.tsx": "export default () => null;\n",
    "app/other/page.tsx": "export default () => null;\n",
    "src/größe.py": "def messen():\n    return 1\n",
    "com/shop/Basket.java": "package com.shop;\nclass Basket {\n  int total() { return 1; }\n}\n",
    "org/other/Basket.java": "package org.other;\nclass Basket {\n  int total() { return 2; }\n}\n",
}
OTHER = {"src/cart.py": "def total(items):\n    return 0\n", "main.go": "package main\n"}


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    base = tmp_path_factory.mktemp("named")
    with Engines(HashEmbedder(), EdgeStore(base / "index"), base) as opened:
        for name, files in (("shop", FILES), ("other", OTHER)):
            for path, text in files.items():
                file = base / name / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
            index_repository(name, base / name, opened, IndexOptions())
        yield opened


@pytest.mark.parametrize("path", sorted(FILES))
@pytest.mark.parametrize("form", ["{}", "{}:1", "FAIL {}", "see {}.", "what happens in `{}`?"])
def test_a_whole_path(engines: Engines, path: str, form: str) -> None:
    assert search(form.format(path), engines, repo="shop")[0].path == path


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("what does the Makefile build", "Makefile"),
        ("makefile", "Makefile"),
        ("which image is in the Dockerfile", "Dockerfile"),
        ("LICENSE", "LICENSE"),
        ("README", "README.md"),
        ("cmake lists", "CMakeLists.txt"),
        ("cmakelists.txt", "CMakeLists.txt"),
        ("Cart.test.tsx", "web/Cart.test.tsx"),
        ("test_cart.py", "tests/test_cart.py"),
        ("My cart notes.md", "docs/My cart notes.md"),
        ("cart.py", "src/cart.py"),
        ("shop/web/package.json", "web/package.json"),
        ("a\\web\\package.json", "web/package.json"),
        ("import x from '../web/Cart'", "web/Cart.tsx"),
        ("GRO\u0308SSE.py", "src/größe.py"),
        ("tests/test_cart.py::test_total", "tests/test_cart.py"),
        ("at com.shop.Basket.total(Basket.java:3)", "com/shop/Basket.java"),
        ("at org.other.Basket.total(Basket.java:3)", "org/other/Basket.java"),
        ("https://example.com/blob/main/examples/cart.py#L1", "examples/cart.py"),
        ("/usr/src/app/web/package.json:1", "web/package.json"),
    ],
)
def test_other_forms(engines: Engines, query: str, path: str) -> None:
    assert search(query, engines, repo="shop")[0].path == path


@pytest.mark.parametrize("path", ["src/long.py", "tests/long.py"])
@pytest.mark.parametrize("line", [1, 2, 398, 798])
def test_the_chunk_that_holds_the_line(engines: Engines, path: str, line: int) -> None:
    for query in (
        f"{path}:{line}",
        f'File "/app/{path}", line {line}, in total',
        f"{path}({line},5): x",
    ):
        hit = search(query, engines, limit=1)[0]
        assert (hit.path, hit.start_line <= line <= hit.end_line) == (path, True)


def test_a_line_that_the_file_does_not_have(engines: Engines) -> None:
    assert search("src/long.py:5000", engines, limit=1)[0].end_line > 780


def test_all_files_of_a_stack_trace_come_before_others(engines: Engines) -> None:
    trace = (
        "Traceback (most recent call last):\n"
        '  File "/usr/lib/python3.12/runpy.py", line 88, in _run_code\n'
        '  File "/app/examples/cart.py", line 1, in <module>\n'
        '  File "/app/src/long.py", line 402, in total_100\n'
        "TypeError: unsupported operand\n"
    )
    first = [hit.path for hit in search(trace, engines, repo="shop", limit=2)]
    assert sorted(first) == ["examples/cart.py", "src/long.py"]


def test_an_absolute_path_names_its_repository(engines: Engines) -> None:
    for name in ("shop", "other"):
        root = next(r.path for r in engines.store.repositories() if r.name == name)
        hit = search(f"{root}/src/cart.py:1", engines)[0]
        assert (hit.repo, hit.path) == (name, "src/cart.py")


def test_filters_hold_for_named_files(engines: Engines) -> None:
    assert {hit.path for hit in search("src/cart.py", engines, path_glob="web")} <= {
        path for path in FILES if path.startswith("web/")
    }
    assert {hit.language for hit in search("src/cart.py", engines, language="md")} == {"markdown"}
