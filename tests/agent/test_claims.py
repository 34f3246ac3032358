"""Whether an answer claims a change."""

from __future__ import annotations

import pytest

from harness.agent.claims import claims_a_change


@pytest.mark.parametrize(
    "answer",
    [
        "I have fixed the bug in calc.py:5.",
        "I've now updated `calc.py` so that it adds.",
        "I’ve also renamed it.",
        "Fixed the off-by-one error.",
        "Done. The tests pass.",
        "The function `add` has been corrected.",
        "The changes were applied to calc.py.",
        "The bug is now fixed.",
        "It subtracts, that is wrong.\n\nI changed it to a + b.",
        "If it was wrong before, no matter. I have added a test.",
        "**Updated** calc.py.",
    ],
)
def test_a_claim(answer: str) -> None:
    assert claims_a_change(answer)


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "`add` subtracts: calc.py:5.",
        "I did not change anything.",
        "I have not fixed it, because the file is missing.",
        "No file has been changed.",
        "You could write:\n```python\n# I have fixed this\n```",
        "If I changed it, the tests would fail.",
        "The value is added to the list in calc.py:5.",
        "The comment says `has been removed`.",
        "I read calc.py. Nothing was changed.",
        "The changelog tells which release added the option.",
    ],
)
def test_no_claim(answer: str) -> None:
    assert not claims_a_change(answer)
