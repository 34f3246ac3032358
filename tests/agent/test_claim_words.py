"""Whether cited lines have to do with a claim."""

from __future__ import annotations

import pytest

from harness.agent.claim_words import bears_out, claim_around


@pytest.mark.parametrize(
    ("claim", "lines", "names", "holds"),
    [
        ("It is signed in ", ["def sign(value):"], [], True),
        ("The retries are in ", ["    for attempt in range(3):"], ["retry_request"], True),
        ("`Cart.total` adds the prices", ["def total(self):"], [], True),
        ("Users log in with a password", ["    return a - b"], ["add", "calc"], False),
        ("See ", ["    return a - b"], [], True),
        ("The sum is in ", ["", "   "], ["sum"], False),
    ],
)
def test_a_telling_word_is_shared(
    claim: str, lines: list[str], names: list[str], holds: bool
) -> None:
    assert bears_out(claim, lines, names) is holds


def test_the_claim_is_the_sentence_or_the_line_above() -> None:
    answer = "First. The cart adds prices (a.py:1) twice. Last."
    start = answer.index("a.py")
    assert claim_around(answer, start, start + 6) == " The cart adds prices ( ) twice"
    alone = "The cart adds prices:\na.py:1"
    start = alone.index("a.py")
    assert "The cart adds prices:" in claim_around(alone, start, len(alone))
