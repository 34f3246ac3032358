"""Tests that a change must not touch."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.agent import RunOptions, Status, run_task
from harness.agent.kept_tests import (
    asks_for_tests,
    changed_inner_test,
    files_with_changed_tests,
    is_check,
)
from harness.agent.summary import summary
from tests.agent.conftest import Play
from tests.agent.steps import FIX

JAVA = """class Cart {
    int total() { return 0; }

    @Test
    void adds() {
        assertEquals(1, total());
    }
}
"""


@pytest.mark.parametrize(
    ("path", "removed", "counts"),
    [
        pytest.param("tests/test_a.py", "x = 1", True, id="a-file-of-tests"),
        pytest.param("shop/tests.py", "x = 1", True, id="by-its-name"),
        pytest.param("check.py", "assert add(1, 2) == 3", True, id="what-the-command-runs"),
        pytest.param("other/check.py", "x = 1", False, id="another-of-that-name"),
        pytest.param("src/lib.rs", "    #[tokio::test]", True, id="a-mark"),
        pytest.param("src/lib.rs", "        assert_eq!(a, b);", True, id="an-assertion"),
        pytest.param("src/lib.py", "    assert size > 0", False, id="of-the-code-itself"),
        pytest.param("tests/test_a.py", "", False, id="a-blank-line"),
    ],
)
def test_lines_of_tests_that_a_patch_takes_away(path: str, removed: str, counts: bool) -> None:
    patch = f"diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n-{removed}\n+1"
    assert files_with_changed_tests(patch, "python3 check.py") == ([path] if counts else [])
    assert not files_with_changed_tests(patch.replace("\n-", "\n+").replace("+++", ""), "check.py")


def test_a_test_beside_the_code_is_known_by_its_mark() -> None:
    assert changed_inner_test("Cart.java", JAVA, JAVA.replace("@Test", "")) == "Cart.adds"
    assert changed_inner_test("Cart.java", JAVA, JAVA.replace("return 0", "return 1")) == ""


def test_what_a_command_judges_by() -> None:
    assert is_check("check.c", "cc -o out lib.c check.c && ./out")
    assert not is_check("lib.c", "cc -o out lib.c check.c && ./out")
    assert is_check("a/Check.java", "javac -d out a/*.java && java -cp out Check")
    assert not is_check("src/check.c", "make check")
    assert asks_for_tests("Add a unit test for add") and not asks_for_tests("The latest must win")


def test_the_model_is_told_once_that_it_changed_the_tests(calculator: Path, play: Play) -> None:
    easier = ("edit_file", {"path": "check.py", "search": "== 5", "replace": "== -1"})
    harder = ("edit_file", {"path": "check.py", "search": "== -1", "replace": "== 5"})
    alone = RunOptions(strategy="loop")
    verify = "python3 check.py"
    model = play(easier, "Done.", harder, FIX, "Done.")
    result = run_task("Fix add", calculator, model, verify=verify, options=alone)
    assert (result.status, "check.py" in result.patch) == (Status.OK, False)
    assert any("lines of tests in check.py" in one.content for one in model.requests[2])
    kept = run_task("Fix add", calculator, play(easier, "Done.", "5 was wrong."), verify=verify,
                    options=alone)  # fmt: skip
    assert summary(kept)[0].endswith("passes, with lines of tests changed in check.py.")
