"""How passages are cut to what was asked, and which of them a question gets."""

from __future__ import annotations

import base64
import random
from collections.abc import Sequence
from pathlib import Path

from harness.agent.constants import constants_used
from harness.agent.evidence import evidence_for
from harness.agent.passages import HIT_LINES, passage_of, passage_of_hit
from harness.types import Hit
from harness.workspace.paths import ConfinedTree

BODY = [f"    step_{number}()" for number in range(1, 40)]
LONG = [
    "def prepare(order):",
    '    """Get an order ready."""',
    *BODY,
    "    ship(order, by='truck')",
]


def hit(path: str, start: int, lines: Sequence[str], symbol: str = "") -> Hit:
    end = start + len(lines) - 1
    return Hit("shop", path, start, end, symbol, "python", 1.0, "\n".join(lines))


def test_the_lines_with_the_words_are_shown_wherever_they_are() -> None:
    text = passage_of_hit(hit("a.py", 5, LONG, "prepare"), "How are orders shipped, by truck?")
    rows = text.split("\n")
    assert rows[:3] == ["a.py:5-46 (prepare)", "    5| def prepare(order):", f"    6| {LONG[1]}"]
    assert rows[-1] == "   46|     ship(order, by='truck')"
    assert "       …" in rows
    assert sum("|" in row for row in rows) == HIT_LINES


def test_a_name_in_the_question_counts_as_a_whole() -> None:
    lines = [*LONG[:30], "    if at > max_at:", *LONG[30:]]
    assert "if at > max_at" in passage_of_hit(hit("a.py", 5, lines), "What is max_at for?")


def test_a_passage_keeps_to_its_room() -> None:
    entire = passage_of("a.py", "", 1, LONG, "truck", max_chars=5_000)
    assert entire.count("\n") == len(LONG)
    cut = passage_of("a.py", "", 1, LONG, "truck", max_chars=300)
    assert len(cut) < 360
    assert "truck" in cut
    assert passage_of("a.py", "", 1, LONG, "truck", max_chars=20) == ""


def test_a_key_is_hidden_before_its_lines_are_chosen() -> None:
    body = base64.b64encode(random.Random(1).randbytes(600)).decode()
    key = [body[at : at + 64] for at in range(0, len(body), 64)]
    marks = [f"{'-' * 5}{word} RSA PRIVATE KEY{'-' * 5}" for word in ("BEGIN", "END")]
    lines = ["KEY = (", marks[0], *key, marks[1], ")", "truck"]
    shown = passage_of_hit(hit("a.py", 1, lines), "truck")
    assert not any(line in shown for line in key)
    assert "truck" in shown


def test_the_definition_that_the_question_names_comes_first_and_whole(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("\n".join(["import os", "", *LONG, ""]))

    def search(query: str, limit: int) -> Sequence[Hit]:
        return [hit("b.py", 1, ["import truck"]), hit("a.py", 3, LONG[:20], "prepare")]

    shown = evidence_for("What does prepare do last?", ConfinedTree(tmp_path), search, 4_000)
    assert shown.startswith("a.py:3-44 (prepare)\n    3| def prepare(order):")
    assert "   44|     ship(order, by='truck')\n\nb.py:1-1" in shown
    assert shown.count("def prepare") == 1
    other = evidence_for("What goes by truck?", ConfinedTree(tmp_path), search, 4_000)
    assert other.startswith("b.py:1-1")


def test_a_definition_is_followed_by_the_constants_that_it_uses(tmp_path: Path) -> None:
    table = ['_RATES = {  # of {"', '    "}": 1,', "    'ship': 7,", "}", "OTHER = 1", ""]
    body = ["def fare(way):", "    return _RATES[way] * len(LIMIT(way)) * MISSING"]
    (tmp_path / "a.py").write_text("\n".join([*table, *body, ""]))

    def search(query: str, limit: int) -> Sequence[Hit]:
        return [hit("b.py", 1, ["import fare"]), hit("a.py", 7, body, "fare")]

    shown = evidence_for("What is the fare by ship?", ConfinedTree(tmp_path), search, 4_000)
    place, constant, *_ = shown.split("\n\n")
    assert place.startswith("a.py:7-8 (fare)")
    assert constant.startswith("a.py:1-4 (_RATES)\n    1| _RATES = {")
    assert "OTHER" not in shown


def test_constants_are_found_in_every_language() -> None:
    def of(line: str, use: str = "x = MAX_SIZE + 1") -> list[tuple[int, int]]:
        text = f"{use}\n{line}\n"
        return [(one.start, one.end) for one, _ in constants_used([use], "a", {"a": text})]

    for line in (
        "MAX_SIZE: dict[str, int] = {}",
        "export const MAX_SIZE: Map<string, number> = new Map();",
        "    private static final int MAX_SIZE = 3;",
        "pub const MAX_SIZE: usize = 3;",
        "#define MAX_SIZE 3",
        "static const char *MAX_SIZE[] = {0};",
        "MAX_SIZE := 3",
    ):
        assert of(line) == [(2, 2)], line
    assert of("MAX_SIZE = (\n  1,\n  ')',\n)") == [(2, 5)]
    for line in ("if MAX_SIZE == 3:", "if x >= MAX_SIZE:", "f(MAX_SIZE=3)", "MAX_SIZES = 3"):
        assert of(line) == [], line


def test_a_large_class_is_shown_by_the_lines_that_matter(tmp_path: Path) -> None:
    methods = [f"    def step_{number}(self):\n        return {number}\n" for number in range(99)]
    last = "    def pack(self):\n        raise TooHeavyError('over the weight')\n"
    (tmp_path / "a.py").write_text("\n".join(["class Parcel:", *methods, last]))

    def search(query: str, limit: int) -> Sequence[Hit]:
        return [hit("a.py", 1, ["class Parcel:"], "Parcel")]

    question = "What does Parcel raise above its weight?"
    shown = evidence_for(question, ConfinedTree(tmp_path), search, 1_000)
    assert len(shown) < 1_100
    assert "raise TooHeavyError('over the weight')" in shown
