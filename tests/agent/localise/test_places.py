"""Which definitions a task points to."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from harness.agent.localise.folding import fold_docstring
from harness.agent.localise.places import Clues, rank_places
from harness.agent.localise.renaming import wanted_rename
from harness.agent.localise.suspects import suspects_in
from harness.types import Hit
from harness.workspace.paths import ConfinedTree
from tests.agent.conftest import make_repository

FILES: dict[str, str | bytes] = {
    "shop/price.py": "class Price:\n    def gross(self):\n        return self.net\n\n"
    "    def net_of(self, tax):\n        return tax\n\n\n"
    "def parse(text):\n    return float(text)\n",
    "shop/cart.py": "from shop.price import parse\n\n\ndef total(lines):\n"
    "    return sum(parse(line) for line in lines)\n\n\ndef empty():\n    return []\n",
    "tests/test_cart.py": "from shop.cart import total\n\n\ndef test_total():\n"
    "    assert total(['1,5']) == 1.5\n",
}


def best(root: Path, task: str, **clues: object) -> str:
    found = rank_places(ConfinedTree(root), Clues(task, **clues))  # type: ignore[arg-type]
    return found[0].definition.name if found else ""


def test_names_traces_tests_and_the_index(tmp_path: Path) -> None:
    root = make_repository(tmp_path / "r", FILES)
    assert best(root, "Price.gross() forgets the tax") == "Price.gross"
    trace = 'File "/x/shop/cart.py", line 5, in total\nFile "/x/shop/price.py", line 10, in parse\n'
    assert best(root, "It crashes", output=trace, essence=trace) == "parse"
    failed = "tests/test_cart.py:5: in test_total\nE   ValueError"
    assert best(root, "It is wrong", output=failed, essence=failed) == "total"
    hits = [Hit("r", "shop/cart.py", 8, 9, "empty", "python", 0.9, "def empty")]
    assert best(root, "Something else", search=lambda query, limit: hits) == "empty"


@pytest.mark.parametrize(
    "output",
    [
        pytest.param("a" * 300_000, id="one-path"),
        pytest.param("a." * 100_000, id="dots"),
        pytest.param("shop/price.py:1\n" * 30_000, id="many-frames"),
        pytest.param("shop/price.py:" + "9" * 5_000, id="no-line"),
    ],
)
def test_what_a_hostile_test_prints_is_read_in_time(tmp_path: Path, output: str) -> None:
    root = make_repository(tmp_path / "r", FILES)
    began = time.process_time()
    assert best(root, "Price.gross() forgets the tax", output=output).startswith("Price")
    assert time.process_time() - began < 10, "a hundred times as long as it takes"


def test_python_that_nobody_can_parse_is_shown_as_it_is() -> None:
    """CPython's parser gives up with an error of memory, which ended the task."""
    text = "def f():\n    '''a\n\n\n\nb'''\n    return " + "-" * 90_000 + "1\n"
    assert fold_docstring(text).text == text


def test_tests_are_no_places(tmp_path: Path) -> None:
    root = make_repository(tmp_path / "r", FILES)
    found = rank_places(ConfinedTree(root), Clues("test_total in tests/test_cart.py is wrong"))
    assert all(not place.definition.path.startswith("tests/") for place in found)


def test_renames() -> None:
    assert wanted_rename("Rename the function a_b to c_d everywhere") == ("a_b", "c_d")
    assert wanted_rename("Rename `Cart.total()` to `Cart.sum_up`.") == ("total", "sum_up")
    assert wanted_rename("Rename a_b to c_d and rename e_f to g_h") is None
    assert wanted_rename("The file is renamed when it is saved") is None


def test_the_line_that_makes_a_wrong_value() -> None:
    text = 'def size(n):\n    if n > 9:\n        return "many"\n    return f"{n} Bytes"\n'
    failed = "E   AssertionError: assert '1 Bytes' == '1 Byte'"
    assert suspects_in(text, failed) == ['return f"{n} Bytes"']
    assert suspects_in(text, "E   assert 1 == 2") == []
    assert suspects_in(text + text + text, failed) == []  # many: says nothing
