"""The list of terms in other languages: what is in it, and how words are found in it."""

from __future__ import annotations

import re

import pytest

from harness.search.foreign_terms import FILE, LANGUAGES, plain, vocabularies


def test_every_line_has_a_meaning_in_words_of_code_and_every_language() -> None:
    rows = [line.split("|") for line in FILE.read_text(encoding="utf-8").splitlines()]
    rows = [row for row in rows if not row[0].startswith("#")]
    assert {len(row) for row in rows} == {1 + len(LANGUAGES)}
    meanings = [row[0] for row in rows]
    assert meanings.count("") == 1
    assert len(set(meanings)) == len(meanings)
    assert all(re.fullmatch(r"[a-z]+([ ,]+[a-z]+)*|", meaning) for meaning in meanings)
    assert all(cell for row in rows for cell in row[1:])


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_has_a_few_hundred_terms(language: str) -> None:
    vocabulary = vocabularies()[language]
    assert 300 < len(vocabulary.meanings) < 800
    assert vocabulary.silent.isdisjoint(vocabulary.meanings)


@pytest.mark.parametrize(
    ("language", "word", "meanings"),
    [
        pytest.param("de", "Passwörter", ["password"], id="an ending and an umlaut"),
        pytest.param("de", "Fortschrittsbalken", ["progress bar"], id="the longest entry"),
        pytest.param("de", "Datenbankverbindung", ["database", "connection"], id="a compound"),
        pytest.param("de", "Sitzungscookie", ["session", "cookie"], id="half of it English"),
        pytest.param("de", "Gutscheine", ["coupon"], id="an everyday word"),
        pytest.param("de", "Steuerung", ["control"], id="the longer of two that begin alike"),
        pytest.param("fr", "fichiers", ["file"], id="French"),
        pytest.param("es", "contraseñas", ["password"], id="Spanish"),
        pytest.param("pt", "senhas", ["password"], id="Portuguese"),
        pytest.param("ru", "ошибки", ["error"], id="Russian"),
        pytest.param("de", "Portugiesisch", [], id="only a beginning"),
        pytest.param("es", "capacity", [], id="an English word that begins so"),
        pytest.param("ru", "файлами", ["file"], id="a longer ending in another alphabet"),
    ],
)
def test_a_word_is_found_by_its_beginning(language: str, word: str, meanings: list[str]) -> None:
    found = vocabularies()[language].of_word(plain(word), {"cookie"}.__contains__)
    assert [one[0] for one in found] == meanings


def test_letters_without_blanks_are_cut_at_the_longest_entries() -> None:
    chinese = vocabularies()["zh"]
    assert chinese.cut("如何处理重定向甲乙") == ["如何", "处理", "重定向", "甲乙"]
    assert chinese.cut("甲乙") == ["甲乙"]
    assert chinese.cut("") == []
