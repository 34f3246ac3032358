"""Words of code: how identifiers are cut, that vectors are valid and stable, and how fast."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.models.lexical import document_vector, query_vector, term_id, word_parts, words

TEXT = st.text(max_size=300)


@pytest.mark.parametrize(
    ("word", "parts"),
    [
        ("HTTPServer", ("httpserver", "http", "server")),
        ("getUserByID", ("getuserbyid", "get", "user", "by", "id")),
        ("XMLHttpRequest2", ("xmlhttprequest2", "xml", "http", "request2")),
        ("snake_case_name", ("snake_case_name", "snake", "case", "name")),
        ("__init__", ("init",)),
        ("SHA256Hash", ("sha256hash", "sha256", "hash")),
        ("MAX_RETRIES", ("max_retries", "max", "retries")),
        ("plain", ("plain",)),
        ("Größe_max", ("größe_max", "größe", "max")),
        ("_", ()),
        ("404", ("404",)),
    ],
)
def test_identifiers_are_cut(word: str, parts: tuple[str, ...]) -> None:
    assert word_parts(word) == parts


def test_words_keep_order_and_repeats() -> None:
    assert words("self.client = HttpClient(client)") == [
        "self", "client", "httpclient", "http", "client", "client",
    ]  # fmt: skip


def test_query_and_document_share_terms() -> None:
    document = document_vector("class BlueprintSetupState: ...", "src/blueprints.py", "")
    for query in ("blueprint setup", "BlueprintSetupState", "src blueprints"):
        asked = {term_id(term) for term in words(query)}
        assert asked <= set(query_vector(query).indices)
        assert asked <= set(document.indices)


def test_a_repeated_term_weighs_more_but_saturates() -> None:
    def weight(times: int) -> float:
        vector = document_vector("flush " + "other " * 50 + "flush " * (times - 1), "", "")
        return vector.values[vector.indices.index(term_id("flush"))]

    assert weight(1) < weight(2) < weight(8) < 2.2
    assert weight(2) - weight(1) > weight(8) - weight(7)


def test_a_term_weighs_less_in_a_longer_chunk() -> None:
    def weight(rest: int) -> float:
        vector = document_vector("flush " + "other " * rest, "", "")
        return vector.values[vector.indices.index(term_id("flush"))]

    assert weight(10) > weight(100) > weight(1000)


@given(text=TEXT, path=TEXT, symbol=TEXT)
def test_vectors_are_valid(text: str, path: str, symbol: str) -> None:
    for vector in (document_vector(text, path, symbol), query_vector(text)):
        assert len(vector.indices) == len(vector.values)
        assert list(vector.indices) == sorted(set(vector.indices))
        assert all(0 <= index < 2**32 for index in vector.indices)
        assert all(value > 0 for value in vector.values)


@given(text=TEXT)
def test_a_document_has_every_term_of_its_text(text: str) -> None:
    expected = {term_id(term) for term in words(text)}
    assert expected == set(document_vector(text, "", "").indices)
    query = query_vector(text)
    assert expected == {
        index for index, value in zip(query.indices, query.values, strict=True) if value >= 1
    }


def test_ids_are_the_same_in_every_process() -> None:
    code = (
        "from harness.models.lexical import query_vector\n"
        "print(query_vector('HTTPServer größe').indices)"
    )
    ids = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed},
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert ids == {str(query_vector("HTTPServer größe").indices)}


def test_speed() -> None:
    text = Path(sys.modules["harness.models.lexical"].__file__ or "").read_text(encoding="utf-8")
    chunks = [text[start : start + 900] for start in range(0, len(text) - 900, 10)]
    began = time.process_time()
    for chunk in chunks:
        document_vector(chunk, "harness/models/lexical.py", "document_vector")
    # Far below the usual speed: it only catches a change of order, also on a busy machine.
    assert len(chunks) / (time.process_time() - began) > 1_500
