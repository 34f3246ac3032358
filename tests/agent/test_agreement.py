"""Whether an answer is drawn again."""

from __future__ import annotations

import pytest

from harness.agent.agreement import is_borne_out

QUESTION = "Which separator does German use for thousands?"
PERIOD = "German uses a period."


@pytest.mark.parametrize(
    ("answer", "others", "holds"),
    [
        pytest.param(PERIOD, ["The period is used in German.", "a period"], True, id="reworded"),
        pytest.param(PERIOD, ["A period.", "German uses a comma."], False, id="another-word"),
        pytest.param("`.` it is", ["`.` it is", "`,` it is"], False, id="another-value"),
        pytest.param("It uses 1,000.", ["It uses 1000.", "1000"], True, id="grouped"),
        pytest.param(PERIOD, [PERIOD, ""], False, id="nothing"),
        pytest.param(PERIOD, [PERIOD, "German uses it."], False, id="says-nothing"),
        pytest.param("It decodes bytes as text.", ["It decodes bytes as text before parsing.",
                     "Checks the type and decodes it there."], True, id="one-in-part"),
        pytest.param("It decodes bytes as text.", ["Checks the type, decodes it there.",
                     "Asks for a string or decodes it."], False, id="all-in-part"),
    ],
)  # fmt: skip
def test_an_answer_and_two_more(answer: str, others: list[str], holds: bool) -> None:
    assert is_borne_out(QUESTION, answer, others) is holds


def test_yes_and_no_are_not_the_same() -> None:
    question = "Is the build part of the hash?"
    no = "No, only four fields."
    assert is_borne_out(question, no, ["It is not, only four fields.", no])
    assert not is_borne_out(question, no, ["Yes, only four fields.", no])
