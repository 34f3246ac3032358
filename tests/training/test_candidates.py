"""Questions are asked of a real index of the release."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from tests.fakes.embedder import HashEmbedder
from training.candidates import ask_all, read, write
from training.questions import Question

FILES = {
    "src/session.py": "def sign_session(value):\n    return sign(value)\n",
    "src/routing.py": "def register_route(rule):\n    return Route(rule)\n",
    "../outside.py": "print()\n",
}


def test_what_is_found_is_kept_with_what_answers_it(tmp_path: Path) -> None:
    questions = [
        Question("description", "signs a session", "src/session.py", 1, 2),
        Question("foreign", "parse xml entities", ""),
    ]
    own, foreign = ask_all(FILES, questions, HashEmbedder())
    assert own.rows.shape[0] == len(own.files) == 2
    assert own.answers.sum() == 1
    assert not foreign.answers.any()
    assert own.terms == 2

    write([replace(own, rows=own.rows.astype(np.float16)), foreign], tmp_path / "a.npz")
    again, other = read(tmp_path / "a.npz")
    assert again.rows.dtype == np.float32
    np.testing.assert_allclose(again.rows, own.rows, atol=1e-3)
    np.testing.assert_array_equal(again.answers, own.answers)
    assert (again.kind, again.query, again.few) == (own.kind, own.query, own.few)
    assert other.query == foreign.query
    write([], tmp_path / "none.npz")
    assert read(tmp_path / "none.npz") == []
