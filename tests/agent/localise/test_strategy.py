"""The localised search on real files and commands; only the model is scripted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from harness.agent import (
    AgentEvent,
    EventKind,
    Limits,
    RunOptions,
    ScriptedChatModel,
    Status,
    run_task,
)
from harness.agent.actions import write_action
from harness.agent.localise.places import Clues, rank_places
from harness.agent.localise.prompt import SYSTEM
from harness.agent.scripted import Line
from harness.models.conversation import ChatMessage
from harness.workspace.paths import ConfinedTree
from tests.agent.conftest import CALC, CHECK, make_repository
from tests.agent.steps import TOOLS, changed_lines

VERIFY = "python3 check.py"
FIXED = "It must add.\n```python\ndef add(a, b):\n    return a + b\n```"
SAME = "```python\ndef add(a, b):\n    return abs(a)\n```"
WRONG = "```python\ndef add(a, b):\n    return a * b\n```"
BROKEN = "```python\ndef add(a, b:\n    return a + b\n```"
WAS, NOW = "    return abs(a)", "    return a + b"
FIXED_PATCH_LINES = [f"-{WAS}", f"+{NOW}"]
EDIT = write_action(TOOLS["edit_file"], {"path": "calc.py", "search": WAS, "replace": NOW})
LOCALISE = RunOptions(strategy="localise")


@pytest.fixture
def calculator(tmp_path: Path) -> Path:
    """One with a fault that no small change mends."""
    files: dict[str, str | bytes] = {
        "calc.py": CALC.replace("    return a - b", WAS),
        "check.py": CHECK,
    }
    return make_repository(tmp_path / "calculator", files)


def test_the_first_version_that_passes_is_kept(calculator: Path) -> None:
    model = ScriptedChatModel([SAME, BROKEN, WRONG, FIXED])
    result = run_task("Fix the function add", calculator, model, verify=VERIFY, options=LOCALISE)
    assert (result.status, result.verified, result.steps) == (Status.OK, True, 4)
    assert "That is the code as it was" in model.requests[1][-1].content
    assert changed_lines(result) == FIXED_PATCH_LINES
    assert (result.strategy, result.strategy_reason) == ("localise", "asked for")
    tried = "\n".join(result.tried)
    assert "look at calc.py:4 add (the task names it" in tried
    assert "it changes nothing" in tried
    assert "it does not parse: '(' was never closed" in tried
    assert "still fails" in tried
    assert tried.endswith("passes")


def test_the_search_goes_on_from_a_version_that_fails_in_another_way(calculator: Path) -> None:
    model = ScriptedChatModel([WRONG, WRONG, WRONG, FIXED])
    result = run_task("Fix add", calculator, model, verify=VERIFY, options=LOCALISE)
    assert (result.status, result.steps) == (Status.OK, 4)
    first, again = model.requests[0][-1].content, model.requests[3][-1].content
    assert "assert add(2, 3) == 5, add(2, 3)\nassert mul(2, 3) == 6" in first
    assert "return abs(a)" not in again
    assert "return a * b\n```\n\nNear it" in again
    assert "AssertionError: 6" in again
    assert changed_lines(result) == FIXED_PATCH_LINES


def test_a_version_that_knows_the_checks_is_not_tried(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "clock.py": "def clock(seconds):\n    return str(seconds)\n",
        "check.py": "from clock import clock\n\nassert clock(75) == '1:15', clock(75)\n",
    }
    root = make_repository(tmp_path / "r", files)
    knows = "```python\ndef clock(seconds):\n    if seconds == 75:\n        return '1:15'\n```"
    works = "```python\ndef clock(seconds):\n    return f'{seconds // 60}:{seconds % 60:02}'\n```"
    model = ScriptedChatModel([knows, works])
    result = run_task("clock shows no minutes", root, model, verify=VERIFY, options=LOCALISE)
    assert (result.status, result.steps) == (Status.OK, 2)
    assert "not tried, it answers 75 as the check has it" in "\n".join(result.tried)


def test_a_version_that_the_encoding_cannot_hold_is_passed_over(tmp_path: Path) -> None:
    old = f"# coding: cp1252\n# Größe\n{CALC.replace('    return a - b', WAS)}".encode("cp1252")
    root = make_repository(tmp_path / "r", {"calc.py": old, "check.py": CHECK})
    model = ScriptedChatModel([FIXED.replace("a + b", "a + b  # →"), FIXED])
    result = run_task("Fix add", root, model, verify=VERIFY, options=LOCALISE)
    assert (result.status, result.steps) == (Status.OK, 2)
    assert "calc.py:6 add: not usable" in "\n".join(result.tried)


def test_a_turn_ends_with_the_version(calculator: Path) -> None:
    went_on: list[str] = []
    model = ScriptedChatModel([f"{FIXED}\n\nIt adds now.\nSo it does."])

    def listen(event: AgentEvent) -> None:
        if event.kind is EventKind.TOKEN:
            went_on.append(event.text)

    result = run_task(
        "Fix add", calculator, model, verify=VERIFY, options=LOCALISE, on_event=listen
    )
    assert (result.status, result.usage.completion_tokens) == (Status.OK, len(went_on))
    assert "".join(went_on) == f"{FIXED}\n"


def test_samples_share_a_prompt_and_differ_in_temperature(calculator: Path) -> None:
    model = ScriptedChatModel([BROKEN, WRONG, FIXED])
    run_task("Fix add", calculator, model, verify=VERIFY, options=LOCALISE)
    first, *others = model.requests
    assert all(other == first for other in others)
    assert "def add(a, b):\n    return abs(a)" in first[-1].content
    assert f"`{VERIFY}` fails:\n```\n" in first[-1].content
    assert "AssertionError: 2" in first[-1].content
    temperatures = [sampling.temperature for sampling in model.sampled if sampling is not None]
    assert temperatures[0] == 0.0 < temperatures[1] < temperatures[2]


def test_the_same_version_is_not_verified_twice(calculator: Path) -> None:
    events: list[AgentEvent] = []
    model = ScriptedChatModel([WRONG])
    limits = Limits(steps=3)
    result = run_task(
        "Fix add",
        calculator,
        model,
        verify=VERIFY,
        options=LOCALISE,
        limits=limits,
        on_event=events.append,
    )
    assert (result.status, result.patch) == (Status.STEP_LIMIT, "")
    verified = [event for event in events if event.kind is EventKind.VERIFY]
    assert len(verified) == 2  # at first, and the one version


def in_the_loop(sample: str, *turns: str) -> Line:
    """Say one thing to prompts of the search, and others in the loop."""
    left = list(turns)

    def say(messages: Sequence[ChatMessage]) -> str:
        return sample if messages[0].content == SYSTEM else left.pop(0)

    return say


def test_a_search_that_fails_goes_on_as_the_loop(calculator: Path) -> None:
    said = in_the_loop(SAME, EDIT, "Done.")
    small = ScriptedChatModel([said], tools=False, model="tiny:1.5b")
    result = run_task("Fix add", calculator, small, verify=VERIFY)
    assert (result.status, result.strategy) == (Status.OK, "localise+loop")
    assert result.strategy_reason == "the model has about 1.5 billion parameters"
    assert changed_lines(result) == FIXED_PATCH_LINES


def test_a_loop_that_fails_goes_on_as_a_search(calculator: Path) -> None:
    large = ScriptedChatModel(["I cannot.", "I cannot.", FIXED], tools=False, model="large:70b")
    result = run_task("Fix add", calculator, large, verify=VERIFY)
    assert (result.status, result.strategy) == (Status.OK, "loop+localise")
    assert changed_lines(result) == FIXED_PATCH_LINES


@pytest.mark.parametrize(
    ("strategy", "verify"), [("loop", VERIFY), ("localise", None), ("auto", None)]
)
def test_the_loop_alone(calculator: Path, strategy: str, verify: str | None) -> None:
    model = ScriptedChatModel([EDIT, "Done."], tools=False, model="tiny:1.5b")
    options = RunOptions(strategy=strategy)  # type: ignore[arg-type]
    result = run_task("Fix add", calculator, model, verify=verify, options=options)
    assert (result.status, result.strategy) == (Status.OK, "loop")


def test_a_rename_needs_no_model(calculator: Path) -> None:
    files: dict[str, str | bytes] = {
        "shop/__init__.py": "from shop.price import gross_price\n\n__all__ = ['gross_price']\n",
        "shop/price.py": "def gross_price(net):\n    return net * 1.2\n\n\ngross_prices = []\n",
        "check.py": "import shop\n\nassert shop.full_price(10) == 12\n"
        "assert not hasattr(shop, 'gross_price')\n",
    }
    root = make_repository(calculator.parent / "shop", files)
    model = ScriptedChatModel(["I do not know."])
    text = "Rename the function `gross_price` to `full_price` everywhere."
    result = run_task(text, root, model, verify=VERIFY, options=LOCALISE)
    assert (result.status, result.usage.model_calls) == (Status.OK, 0)
    assert "no model was needed" in result.tried[0]
    assert "-gross_prices" not in result.patch  # another name


def test_what_got_further_in_one_place_is_kept_for_the_next(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "fee.py": "FREE = 100\n\n\ndef fee(total):\n    return 0 if total > FREE else 5\n",
        "label.py": "from fee import fee\n\n\ndef label(total):\n    return str(fee(total))\n",
        "check.py": "from fee import fee\nfrom label import label\n\n"
        "assert fee(100) == 0\nassert label(100) == 'free'\n",
    }
    root = make_repository(tmp_path / "r", files)
    one = "```python\ndef fee(total):\n    # so it is\n    return 0 if total >= FREE else 5\n```"
    two = "```python\ndef label(total):\n    return str(fee(total) or 'free')\n```"
    model = ScriptedChatModel([one, WRONG, WRONG, WRONG, two])
    task = "fee() must be 0 for 100, and label() then says free"
    result = run_task(task, root, model, verify=VERIFY, options=LOCALISE)
    assert (result.status, result.verified) == (Status.OK, True)
    assert result.answer.startswith("Changed `fee` (fee.py:4) and `label` (label.py:4).")
    assert "line 5, in <module>" in model.requests[-1][-1].content


RUST = """pub fn twice(n: i32) -> i32 {
    n.abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles() {
        assert_eq!(twice(-2), -4);
    }
}
"""


def test_tests_beside_the_code_are_no_places_and_stay_as_they_are(tmp_path: Path) -> None:
    root = make_repository(tmp_path / "r", {"lib.rs": RUST})
    task = "doubles() fails: twice(-2) must be -4"
    places = rank_places(ConfinedTree(root), Clues(task))
    assert {place.definition.name for place in places} == {"twice"}
    without = RUST.replace("    #[test]\n", "")
    model = ScriptedChatModel([f"```rust\n{without}```"] * 9, tools=False, model="tiny:1.5b")
    # It passes when there is no test any more.
    check = "! grep -q '#.test' lib.rs"
    result = run_task(task, root, model, verify=check, options=LOCALISE, limits=Limits(steps=2))
    assert (result.verified, result.patch) == (False, "")


def test_a_version_with_fewer_failures_is_where_the_loop_begins(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "calc.py": "def first():\n    return 0\n\n\ndef second():\n    return str()\n",
        "check.py": "import calc\nbad = [f for f in (calc.first, calc.second) if f() != 1]\n"
        "print(len(bad), 'failed')\nraise SystemExit(len(bad))\n",
    }
    root = make_repository(tmp_path / "r", files)
    one = "```python\ndef first():\n    return 1\n```"
    edit = write_action(
        TOOLS["edit_file"], {"path": "calc.py", "search": "return str()", "replace": "return 1"}
    )
    said = in_the_loop(one, edit, "Done.")
    model = ScriptedChatModel([said], tools=False, model="tiny:1.5b")
    result = run_task("first() and second() must return 1", root, model, verify=VERIFY)
    assert (result.status, result.strategy) == (Status.OK, "localise+loop")
    assert any("kept the best version" in line for line in result.tried)


def test_the_user_s_files_and_tests_stay(calculator: Path) -> None:
    before = (calculator / "calc.py").read_text()
    model = ScriptedChatModel([WRONG])
    limits = Limits(steps=2)
    result = run_task("Fix add", calculator, model, verify=VERIFY, options=LOCALISE, limits=limits)
    assert (calculator / "calc.py").read_text() == before
    assert result.patch == ""


def test_asked_for_lines_the_model_answers_in_a_schema(calculator: Path) -> None:
    lines = '{"reason": "adds", "first_wrong_line": 5, "last_wrong_line": 5, "new_lines": ["%s"]}'
    model = ScriptedChatModel([SAME, lines % NOW])
    result = run_task("Fix add", calculator, model, verify=VERIFY, options=LOCALISE)
    assert (result.status, changed_lines(result)) == (Status.OK, FIXED_PATCH_LINES)
    free, constrained = model.sampled
    assert free is not None
    assert constrained is not None
    assert (free.schema, constrained.schema is None) == (None, False)
    assert model.requests[1][: len(model.requests[0])] == model.requests[0]  # read already


def test_a_small_change_that_alone_passes_is_kept_and_said_to_be_one(tmp_path: Path) -> None:
    root = make_repository(tmp_path / "r", {"calc.py": CALC, "check.py": CHECK})
    events: list[AgentEvent] = []
    model = ScriptedChatModel(["I do not know."])
    result = run_task(
        "Fix add", root, model, verify=VERIFY, options=LOCALISE, on_event=events.append
    )
    assert (result.status, result.verified, result.usage.model_calls) == (Status.OK, True, 3)
    assert changed_lines(result) == ["-    return a - b", "+    return a + b"]
    assert "trying small changes, and only this one made the verification pass" in result.answer
    # What failed is no line of the log.
    assert len([event for event in events if event.kind is EventKind.VERIFY]) == 2


def test_of_several_small_changes_the_model_picks(tmp_path: Path) -> None:
    calc = "def is_free(total):\n    if total > 100:\n        return True\n    return False\n"
    check = "from calc import is_free\nassert is_free(100)\nassert is_free(101)\n"
    root = make_repository(tmp_path / "r", {"calc.py": calc, "check.py": check})
    pick = '{"reason": "exactly 100, too", "number": %d}'
    told: list[str] = []

    def choose(messages: Sequence[ChatMessage]) -> str:
        listed = messages[-1].content
        told.append(listed)
        return pick % next(n for n in range(1, 5) if f"{n}. calc.py:2" in listed)

    unsure = ["I do not know."] * 3
    none = ScriptedChatModel([*unsure, '{"reason": "other cases", "number": 0}', *unsure])
    task = "is_free(100) is free"
    limits = Limits(steps=5)
    result = run_task(task, root, none, verify=VERIFY, limits=limits, options=LOCALISE)
    assert (result.status, result.patch) == (Status.STEP_LIMIT, "")
    assert "none of them does what the task asks for" in "\n".join(result.tried)
    model = ScriptedChatModel([*unsure, choose])
    result = run_task(task, root, model, verify=VERIFY, options=LOCALISE)
    assert result.status is Status.OK
    assert "`if total > 100:` becomes `if total >= 100:`" in told[0]
    assert "`return False` becomes `return True`" in told[0]
    assert changed_lines(result)[1] == "+    if total >= 100:"
    assert "others, too" in result.answer


def test_a_place_with_a_credential_is_not_tried(tmp_path: Path) -> None:
    key = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    calc = f"def add(a, b):\n    token = '{key}'\n    return a - b\n"
    check = "from calc import add\nassert add(2, 3) == 5\n"
    root = make_repository(tmp_path / "r", {"calc.py": calc, "check.py": check})
    model = ScriptedChatModel(["I do not know."])
    result = run_task("Fix add", root, model, verify=VERIFY, options=LOCALISE)
    assert result.patch == ""
    assert not any("small change" in line for line in result.tried)
