"""Spellings that are one: stable, case-free, and ASCII as fast as it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.folding import compose, fold


@given(text=st.text())
def test_folding_again_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert compose(compose(text)) == compose(text)


@given(text=st.text(st.characters(max_codepoint=127)))
def test_ascii_is_only_lowered(text: str) -> None:
    assert fold(text) == text.lower()
    assert compose(text) == text


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ("Straße", "STRASSE", True),
        ("e\u0301", "É", True),
        ("Ａｐｐ", "app", True),
        ("İ", "i", True),
        ("résumé", "resume", False),
        ("ı", "i", False),
        ("か", "が", False),
    ],
)
def test_what_counts(one: str, other: str, equal: bool) -> None:
    assert (fold(one) == fold(other)) is equal
