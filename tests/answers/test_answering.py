"""Answers in one envelope: passages, passages with a model's words, the agent's words."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from harness.agent import Envelope, Limits, RunOptions, ScriptedChatModel, Status, calls
from harness.answers.answering import answer_with_agent, answer_with_demo
from harness.answers.assistant import Assistant
from harness.answers.indexed_files import write_files
from harness.answers.passages import NOTHING_FOUND, answer_with_passages, readable
from harness.engines import Engines
from harness.errors import UsageError
from harness.index.options import IndexOptions
from harness.index.run import index_repository
from harness.search.excerpts import shorten
from harness.store.edge import EdgeStore
from harness.types import Chunk, Hit
from tests.fakes.embedder import HashEmbedder
from tests.repositories import commit_all, make_repository

SESSION = '''def sign_cookie(value):
    """Sign the session cookie."""
    return value
'''
QUESTION = "how is the session cookie signed?"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "web", {"app/session.py": SESSION})


@pytest.fixture
def engines(repository: Path, tmp_path: Path) -> Iterator[Engines]:
    with Engines(HashEmbedder(), EdgeStore(tmp_path / "index"), tmp_path) as engines:
        index_repository("web", repository, engines, IndexOptions())
        yield engines


def test_without_a_model_the_passages_are_not_the_answer(engines: Engines) -> None:
    envelope = answer_with_passages(QUESTION, engines)
    assert (envelope.status, envelope.protocol, envelope.answer) == (Status.OK, "passages", "")
    (passage,) = envelope.passages
    assert envelope.citations == (passage.citation,)
    place = (passage.citation.repo, passage.citation.path, passage.citation.verified)
    assert place == ("web", "app/session.py", True)
    assert passage.text.split("\n")[:2] == [
        "app/session.py:1-3",
        "     1  def sign_cookie(value):",
    ]
    assert readable(envelope) == passage.text


def test_a_long_passage_is_shown_around_the_line_that_is_asked_for() -> None:
    values = [f"value {number}" for number in range(100, 200)]
    text = "\n".join(["needle thread" if value == "value 120" else value for value in values])
    hit = Hit("web", "app/a.py", 100, 199, "", "python", 1.0, text)
    for line in (100, 150, 199):
        start, lines = shorten(f"app/a.py:{line} needle", hit)
        assert f"value {line}" in lines
        assert lines[0] == f"value {start}"
    assert "needle thread" in shorten("other.py:150 needle thread", hit)[1]


def test_filters_hold_for_passages_and_for_the_agent(engines: Engines) -> None:
    for filters in ({"language": "PY"}, {"path_glob": "./app"}):
        assert answer_with_passages(QUESTION, engines, **filters).passages
    with pytest.raises(UsageError, match="languages in the index are: python"):
        answer_with_passages(QUESTION, engines, language="rust")


def test_a_passage_of_a_changed_file_says_so(engines: Engines, repository: Path) -> None:
    (repository / "app" / "session.py").write_text("# rewritten\n")
    (passage,) = answer_with_passages(QUESTION, engines).passages
    assert passage.citation.verified is False
    assert passage.text.startswith(
        "app/session.py:1-3  (the file has changed since it was indexed)\n"
    )


def test_without_the_source_everything_comes_from_the_index(
    engines: Engines, repository: Path, tmp_path: Path
) -> None:
    text = "\n".join(f"def step_{number}():\n    return {number}\n" for number in range(200))
    (repository / "build").mkdir()
    (repository / "build/steps.py").write_text(text)
    commit_all(repository)
    index_repository("web", repository, engines, IndexOptions())
    shutil.rmtree(repository)
    (passage, *_) = answer_with_passages(QUESTION, engines).passages
    assert passage.citation.verified is True
    assert passage.text.startswith("app/session.py:1-3  (from the index; its folder is gone)\n")

    demo = ScriptedChatModel(["See app/session.py:2 and app/session.py:99."], tools=False)
    cited = answer_with_demo(QUESTION, engines, demo, limit=1).citations
    assert [(c.start_line, c.verified) for c in cited] == [(1, True), (2, True), (99, False)]

    model = ScriptedChatModel(
        [
            calls(("read_file", {"path": "build/steps.py", "start": 598})),
            calls(("grep", {"pattern": "def step_17\\b"})),
            calls(("list_files", {})),
            "In build/steps.py:52, not in build/steps.py:700 or other.py:1.",
        ]
    )
    assistant = Assistant(model, Limits(), RunOptions(), tmp_path / "results")
    envelope = answer_with_agent(QUESTION, engines, assistant)
    said = [request[-1].content for request in model.requests[1:]]
    assert "return 199" in said[0]
    assert "build/steps.py:52" in said[1]
    assert "build/" in said[2]
    assert [(c.path, c.start_line, c.verified) for c in envelope.citations] == [
        ("build/steps.py", 52, True), ("build/steps.py", 700, False), ("other.py", 1, False),
    ]  # fmt: skip
    assert list((tmp_path / "checked-out").iterdir()) == []


@pytest.mark.parametrize(
    "path", ["../x", "/etc/x", "a/../../x", ".git/config", "a/.GIT/hooks/x", "a\0b", ""]
)
def test_no_path_of_an_index_leads_out_of_the_folder(tmp_path: Path, path: str) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    chunk = Chunk("planted\n", 1, 1, "text", "", "text")
    assert write_files([(path, chunk), ("a.py", chunk)], folder) == ["a.py"]
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["a.py", "own"]


def test_lines_that_no_chunk_has_are_empty(tmp_path: Path) -> None:
    chunks = [("a", Chunk("four\n", 4, 4, "", "", "")), ("a", Chunk("one\ntwo", 1, 2, "", "", ""))]
    assert write_files(chunks, tmp_path) == ["a"]
    assert (tmp_path / "a").read_text() == "one\ntwo\n\nfour\n"


def test_several_repositories_are_told_apart(engines: Engines, tmp_path: Path) -> None:
    other = make_repository(tmp_path / "shop", {"cart.py": "def add_to_cart(item):\n    pass\n"})
    index_repository("shop", other, engines, IndexOptions())
    texts = [passage.text for passage in answer_with_passages(QUESTION, engines).passages]
    assert texts[0].startswith("web/app/session.py:1-3\n")
    assert any(text.startswith("shop/cart.py:1-") for text in texts)


def test_a_demo_models_words_are_labelled_and_checked(engines: Engines) -> None:
    model = ScriptedChatModel(["See app/session.py:2 and app/session.py:99."], tools=False)
    envelope = answer_with_demo(QUESTION, engines, model)
    assert envelope.protocol == "passages+demo"
    assert envelope.answer == (
        "[demo model scripted: shows the plumbing, often wrong]\n"
        "See app/session.py:2 and app/session.py:99 [unverified]."
    )
    cited = [(c.repo, c.start_line, c.verified) for c in envelope.citations]
    assert cited == [("web", 1, True), ("web", 2, True), ("web", 99, False)]
    assert readable(envelope) == f"{envelope.passages[0].text}\n\n{envelope.answer}"
    assert "sign_cookie" in model.requests[0][1].content
    assert (envelope.usage.model_calls, envelope.steps) == (1, 1)


def test_the_agent_searches_the_same_index(engines: Engines, tmp_path: Path) -> None:
    model = ScriptedChatModel(
        [calls(("semantic_search", {"query": "cookie"})), "It is not: app/session.py:3."]
    )
    assistant = Assistant(model, Limits(), RunOptions(), tmp_path / "results")
    envelope = answer_with_agent(QUESTION, engines, assistant)
    assert "app/session.py:1-" in model.requests[-1][-1].content
    assert envelope.answer == readable(envelope) == "It is not: app/session.py:3."
    assert [(c.repo, c.path, c.verified) for c in envelope.citations] == [
        ("web", "app/session.py", True)
    ]
    assert json.loads((tmp_path / "results" / "result.json").read_text())["status"] == "ok"


def test_every_envelope_has_the_same_fields(engines: Engines, tmp_path: Path) -> None:
    model = ScriptedChatModel(["app/session.py:1"])
    assistant = Assistant(model, Limits(), RunOptions(), tmp_path / "results")
    documents = [
        json.loads(json.dumps(envelope.to_dict()))
        for envelope in (
            answer_with_passages(QUESTION, engines),
            answer_with_demo(QUESTION, engines, model),
            answer_with_agent(QUESTION, engines, assistant),
        )
    ]
    names = {field.name for field in fields(Envelope)} | {"exit_code"}
    assert all(set(document) == names for document in documents)
    citation = {"repo", "path", "start_line", "end_line", "verified"}
    assert all(set(document["citations"][0]) == citation for document in documents)
    usage = {"prompt_tokens", "completion_tokens", "model_calls", "replayed_turns"}
    assert all(set(document["usage"]) == usage for document in documents)


def test_a_person_reads_that_nothing_was_found() -> None:
    assert readable(Envelope(status=Status.OK, protocol="passages")) == NOTHING_FOUND
    assert readable(Envelope(status=Status.TIME_LIMIT, error="no end after 1 s")) == ""
