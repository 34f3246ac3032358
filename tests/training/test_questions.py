"""Questions are asked of code that no longer holds their answer in so many words."""

from __future__ import annotations

from harness.types import Chunk
from training.questions import Question, ask

SESSION = '''"""Keeps what is known of a visitor between two requests."""

def sign_session_value(value, key):
    """Add a signature that tells whether somebody has changed the value."""
    # the separator must not occur in either of the parts
    joined = value + "." + key
    digest = hash_of(joined)
    return digest
'''
TESTS = """def test_refuses_values_that_were_changed():
    assert not read(change(sign_session_value("a", "b")))
"""
FILES = {"app/session.py": SESSION, "tests/test_session.py": TESTS, "README.md": "# Sessions\n"}


def asked() -> tuple[dict[str, str], dict[str, Question]]:
    texts, questions = ask(FILES, seed=1)
    return texts, {one.kind: one for one in questions}


def test_each_kind_of_question_has_its_answer() -> None:
    _, questions = asked()
    assert set(questions) == {"description", "comment", "file", "behaviour", "name", "topic"}
    assert questions["name"].query == "sign_session_value"
    assert (questions["description"].start, questions["description"].end) == (3, 8)
    assert (questions["comment"].start, questions["comment"].end) == (6, 8)
    assert questions["behaviour"].query == "refuses values that were changed"
    assert {one.path for one in questions.values()} == {"app/session.py"}


def test_the_answer_is_not_in_so_many_words_in_what_is_indexed() -> None:
    texts, _ = asked()
    assert set(texts) == set(FILES)
    for words in ("signature that tells", "separator must not", "known of a visitor"):
        assert words not in texts["app/session.py"]
    assert "refuses" not in texts["tests/test_session.py"]
    assert texts["app/session.py"].split("\n")[5] == SESSION.split("\n")[5]  # lines stay in place


def test_an_answer_is_what_overlaps_it() -> None:
    question = Question("description", "x", "a.py", 10, 20)
    passage = Chunk("", 20, 30, "python", "", "function")
    assert question.is_answered_by("a.py", passage)
    assert not question.is_answered_by("b.py", passage)
    assert not question.is_answered_by("a.py", Chunk("", 21, 30, "python", "", "function"))
    assert Question("file", "x", "a.py").is_answered_by("a.py", passage)


def test_a_question_with_two_answers_is_not_asked() -> None:
    twice = {"a.py": SESSION, "b.py": SESSION}
    assert ask(twice, seed=1)[1] == []
