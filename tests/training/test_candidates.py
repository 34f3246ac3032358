"""Questions are asked of a real index of the release."""

from __future__ import annotations

from tests.fakes.embedder import HashEmbedder
from training.candidates import ask_all
from training.questions import Question

FILES = {
    "src/session.py": "def sign_session(value):\n    return sign(value)\n",
    "src/routing.py": "def register_route(rule):\n    return Route(rule)\n",
    "../outside.py": "print()\n",
}


def test_what_is_found_is_kept_with_what_answers_it() -> None:
    questions = [
        Question("description", "signs a session", "src/session.py", 1, 2),
        Question("foreign", "parse xml entities", ""),
    ]
    own, foreign = ask_all(FILES, questions, HashEmbedder())
    assert own.rows.shape[0] == len(own.files) == 2
    assert own.answers.sum() == 1
    assert not foreign.answers.any()
    assert own.terms == 2
