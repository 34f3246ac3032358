"""Which versions a place has that differ in one token."""

from __future__ import annotations

import pytest

from harness.agent.localise.small_changes import small_changes


def versions(path: str, text: str, hints: str = "") -> list[str]:
    """The changed line of each version."""
    body = range(1, text.rstrip("\n").count("\n") + 2)
    return [change.now for change in small_changes(path, text, body, hints)]


@pytest.mark.parametrize(
    ("path", "text", "wanted"),
    [
        pytest.param(
            "a.py",
            "def f(low, high, value):\n    return low if value > high else value\n",
            ["return low if value >= high else value", "return high if value > high else value"],
            id="python",
        ),
        pytest.param(
            "a.py",
            "def bump(self):\n    return cls(self._major, self._minor + 1, self._patch)\n",
            ["return cls(self._major, self._minor + 1)"],
            id="an-argument-too-many",
        ),
        pytest.param(
            "a.go",
            "func Max(a, b int) int {\n\tif a < b {\n\t\treturn a\n\t}\n\treturn b\n}\n",
            ["if a > b {", "return b"],
            id="go",
        ),
        pytest.param(
            "a.rs",
            "fn even(all: &[i32]) -> usize {\n    all.iter().filter(|v| *v % 2 == 1).count()\n}\n",
            ["all.iter().filter(|v| *v % 2 != 1).count()"],
            id="rust",
        ),
        pytest.param(
            "a.ts",
            "function range(a: number, b: number) {\n  for (let i = a; i <= b; i++) use(i);\n}\n",
            ["for (let i = a; i < b; i++) use(i);"],
            id="typescript",
        ),
        pytest.param(
            "a.c",
            "int absolute(int n) {\n    return n < 0 ? n : -n;\n}\n",
            ["return n > 0 ? n : -n;", "return n < 1 ? n : -n;"],
            id="c",
        ),
    ],
)
def test_the_usual_faults_have_their_opposite(path: str, text: str, wanted: list[str]) -> None:
    found = versions(path, text)
    assert [line for line in wanted if line not in found] == []
    assert len(found) == len(set(found))


def test_what_is_said_or_declared_stays() -> None:
    text = (
        "@cache(1)\n"
        "def f(a: int = 1) -> bool:\n"
        '    """True if a < 1."""\n'
        "    # a + 1\n"
        '    log("a < b and True")\n'
        "    return a\n"
    )
    assert versions("a.py", text) == []


def test_every_version_parses_and_the_hints_come_first() -> None:
    text = "def f(count):\n    x = 1\n    total = count + 1\n    return total\n"
    found = small_changes("a.py", text, range(1, 5), "the total is too large")
    assert found[0].now == "total = count - 1"
    assert found[0].line == 3
    for change in found:
        compile(change.text, "a.py", "exec")


def test_no_more_than_asked_for() -> None:
    text = "def f(a, b, c):\n" + "    a = b + c\n" * 50
    assert len(small_changes("a.py", text, range(1, 52), "", limit=7)) == 7
