"""The outline of a task's first message: which files come first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from harness.agent.brief import look_around
from harness.agent.localise.places import Clues
from harness.errors import StoreBusyError
from harness.workspace.paths import ConfinedTree
from tests.agent.conftest import make_repository

FILES: dict[str, str | bytes] = {
    "a.py": "def first():\n    return 1\n",
    "shop/cart.py": "def total(lines):\n    return sum(lines)\n",
    "shop/price.py": "def parse(text):\n    return float(text)\n",
    "tests/test_cart.py": "def test_total():\n    pass\n",
}
MAP = (
    ("tests/test_cart.py", ["test_total"]),
    ("shop/price.py", ["parse"]),
    ("gone.py", ["gone"]),
    ("shop/cart.py", []),
)


def mapped(task: str) -> Sequence[tuple[str, Sequence[str]]]:
    return MAP if task == "prices are wrong" else ()


def busy(_: str) -> Sequence[tuple[str, Sequence[str]]]:
    raise StoreBusyError("another process has the index")


def outline(root: Path, clues: Clues) -> list[str]:
    return look_around(ConfinedTree(root), clues).outline.split("\n")


def test_the_map_of_the_index_leads_and_the_rest_follows(tmp_path: Path) -> None:
    root = make_repository(tmp_path / "r", FILES)
    assert outline(root, Clues("prices are wrong", mapped=mapped)) == [
        *("shop/price.py: parse", "shop/cart.py", "a.py", "tests/test_cart.py"),
    ]


def test_what_fails_leads_before_the_map(tmp_path: Path) -> None:
    root = make_repository(tmp_path / "r", FILES)
    trace = 'File "/x/a.py", line 2, in first\nValueError'
    clues = Clues("prices are wrong", trace, trace, mapped=mapped)
    assert outline(root, clues)[:2] == ["a.py", "shop/price.py: parse"]


@pytest.mark.parametrize("clues", [Clues("x"), Clues("x", mapped=mapped), Clues("x", mapped=busy)])
def test_without_a_map_every_source_is_shown_with_its_names(tmp_path: Path, clues: Clues) -> None:
    root = make_repository(tmp_path / "r", FILES)
    assert outline(root, clues) == [
        *("a.py: first", "shop/cart.py: total", "shop/price.py: parse", "tests/test_cart.py"),
    ]
