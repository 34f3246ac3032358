"""Questions with words that no candidate has, said again in words that some have."""

from __future__ import annotations

import pytest

from harness.search import rewording
from harness.search.query import parse
from harness.search.rewording import MOST_WORDS, reworded
from harness.types import Candidate, CandidateLists, Chunk

FOUND = {
    "auth/hashers.py": "def hash_password(password): return pbkdf2(password)",
    "web/sessions.py": "class SessionCookie: 'Signs the session cookie, follows redirects.'",
    "web/progress.py": "def draw_progress_bar(width): show('middleware stale')",
}
ENGLISH = frozenset({"purged", "stable", "session"})


def said(question: str, found: dict[str, str] = FOUND) -> str:
    candidates = tuple(
        Candidate(path, "r", path, Chunk(text, 1, 9, "python", "", "function", ()), 1.0)
        for path, text in found.items()
    )
    lists = CandidateLists(dense=candidates[:1], lexical=candidates[1:])
    return reworded(parse(question), lists, ENGLISH.__contains__)


@pytest.mark.parametrize(
    ("question", "again"),
    [
        pytest.param("Wie werden Passwörter gehasht?", "password hash", id="German"),
        pytest.param("wie werden passwoerter gehasht", "passwoerter hash", id="one is not known"),
        pytest.param("où sont les cookies de la session signés", "cookies session sign",
                     id="French"),
        pytest.param("dónde se guarda la contraseña", "save password", id="Spanish"),
        pytest.param("хеширование паролей", "hash password", id="Russian"),
        pytest.param("如何处理重定向", "redirect", id="Chinese"),
        pytest.param("重定向甲乙", "redirect 甲乙", id="Chinese, half of it not known"),
        pytest.param("パスワードをハッシュする", "password hash", id="Japanese"),
        pytest.param("the pasword `hashng`", "the password `hashng`", id="misspelt"),
        pytest.param("middelware", "middleware", id="misspelt, alone"),
        pytest.param("passward a hash", "password a hash", id="a word of two languages"),
    ],
)  # fmt: skip
def test_a_question_in_words_that_are_not_known(question: str, again: str) -> None:
    assert said(question) == again


@pytest.mark.parametrize(
    "question",
    [
        pytest.param("how are passwords hashed", id="known with other endings"),
        pytest.param("where are signed sessions purged", id="English, though not in the index"),
        pytest.param("a stable order", id="near a known word, and a word itself"),
        pytest.param("sending cookies", id="begins like another language's word"),
        pytest.param("hash_pasword", id="a name"),
        pytest.param("web/pasword.py", id="a path"),
        pytest.param("xyzzyqwert", id="near nothing"),
        pytest.param("pasword " + "x " * MOST_WORDS, id="a pasted text"),
        pytest.param("?!", id="no word"),
    ],
)
def test_a_question_that_stays_as_it_is(question: str) -> None:
    assert said(question) == ""


def test_a_word_that_the_index_has_is_not_translated() -> None:
    german = {"konto.py": "def passwort_pruefen(passwort): 'Prüft das Passwort und meldet an.'"}
    assert said("wie wird das Passwort geprüft", german) == "Passwort check"
    assert said("das Passwort", german) == ""


@pytest.mark.parametrize("question", ["purged", "utf8x2y"])
def test_the_words_of_candidates_are_not_read_for_what_is_a_word_or_none(
    question: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # To read them takes as long as the rest of a search.
    def read(text: str) -> frozenset[str]:
        raise AssertionError(text)

    monkeypatch.setattr(rewording, "_words", read)
    assert said(question) == ""
    with pytest.raises(AssertionError, match="SessionCookie"):
        said("middelware")
