"""Which checks are shown beside a place: read off the outputs of real runners."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.agent.localise.checks import MAX_CHARS, MAX_LINES, failing_checks
from harness.workspace.paths import ConfinedTree
from tests.agent.conftest import make_repository

SCRIPT = "import sys\nfrom calc import add\n\nassert add(1, 2) == 3\nassert add(2, 2) == 4\n"
PYTEST = (
    "from calc import add\n\n\ndef test_a():\n    assert 1\n\n\n"
    "def test_b():\n    assert add(1, 2) == 3\n"
)
RUST = (
    "pub fn add(a: i32, b: i32) -> i32 {\n    a - b\n}\n\n#[cfg(test)]\nmod tests {\n"
    "    use super::add;\n\n    #[test]\n    fn adds() {\n        assert_eq!(add(1, 2), 3);\n"
    "        assert_eq!(add(2, 2), 4);\n    }\n}\n"
)
LONG = "".join(f"assert add({number}, 0) == {number}\n" for number in range(200))
KEY = "TOKEN = 'ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8'\nassert add(1, 2) == 3\n"


@pytest.mark.parametrize(
    ("path", "text", "output", "shown"),
    [
        pytest.param(
            "check.py",
            SCRIPT,
            '  File "/tmp/w/tree/check.py", line 4, in <module>\nAssertionError',
            "assert add(1, 2) == 3\nassert add(2, 2) == 4",
            id="all-of-a-short-script-without-its-imports",
        ),
        pytest.param(
            "tests/test_calc.py",
            PYTEST,
            "tests/test_calc.py:9: AssertionError",
            "def test_b():\n    assert add(1, 2) == 3",
            id="the-function-of-a-test",
        ),
        pytest.param(
            "src/lib.rs",
            RUST,
            "thread 'tests::adds' panicked at src/lib.rs:11:9:\n",
            "    #[test]\n    fn adds() {\n        assert_eq!(add(1, 2), 3);\n"
            "        assert_eq!(add(2, 2), 4);\n    }",
            id="a-test-beside-the-code",
        ),
        pytest.param("src/lib.rs", RUST, "panicked at src/lib.rs:2:5:", "", id="code-is-no-check"),
        pytest.param("check.py", SCRIPT, "check.py:400: gone", "", id="a-line-that-is-not-there"),
        pytest.param("check.py", KEY, "check.py:2: AssertionError", "", id="a-credential"),
    ],
)
def test_what_failed_is_shown_whole(
    tmp_path: Path, path: str, text: str, output: str, shown: str
) -> None:
    tree = ConfinedTree(make_repository(tmp_path / "r", {path: text}, git=False))
    assert failing_checks(tree, output, "python3 check.py") == shown


def test_a_long_check_is_shown_around_the_line(tmp_path: Path) -> None:
    tree = ConfinedTree(make_repository(tmp_path / "r", {"check.py": LONG}, git=False))
    shown = failing_checks(tree, "check.py:100: AssertionError", "python3 check.py")
    assert "add(99, 0)" in shown
    assert shown.count("\n") < MAX_LINES
    assert len(shown) <= MAX_CHARS
