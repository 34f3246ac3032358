"""Questions on the page: the stream that the script reads, and the page without it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.service.lab import Lab
from tests.service.pages import open_page, post, read
from tests.service.test_ask import ANSWER, answering, events, reading_then_answering

STREAM = {"Accept": "text/event-stream"}
LINK = "/file?repo=web&path=src/session.py&lines=1-2#L1"
FORM: dict[str, Any] = {"question": "how is a session signed?", "repo": "web"}


def test_the_stream_has_passages_words_and_an_answer_with_links(
    index: Path, tmp_path: Path
) -> None:
    with answering(index, tmp_path, *reading_then_answering()) as lab:
        found = events(post(lab, "/ask", "asker", headers=STREAM, **FORM))
    kinds = [kind for kind, _ in found]
    assert (kinds[0], kinds[-1]) == ("passages", "answer")
    assert {"token", "step"} <= set(kinds)
    assert LINK in read(found[0][1]["html"]).links()
    answer = read(found[-1][1]["html"])
    assert answer.links() == [LINK, LINK], "in the sentence, and below it"
    assert "checked" in answer.text


def test_without_a_script_the_page_has_all_of_it(index: Path, tmp_path: Path) -> None:
    with answering(index, tmp_path, *reading_then_answering()) as lab:
        answer = post(lab, "/ask", "asker", **FORM)
    page = read(answer.text)
    assert ANSWER.replace("`", "") in page.text  # names are set as code
    assert page.links().count(LINK) == 3
    assert FORM["question"] in page.text


def test_without_a_model_the_passages_are_the_answer(lab: Lab) -> None:
    page = read(post(lab, "/ask", "asker", **FORM).text)
    assert LINK in page.links()
    assert "No chat model is configured" in page.text
    found = events(post(lab, "/ask", "asker", headers=STREAM, **FORM))
    assert [kind for kind, _ in found] == ["passages", "answer"]
    assert not read(found[1][1]["html"]).links(), "they are not shown twice"


def test_what_cannot_be_asked(lab: Lab) -> None:
    assert post(lab, "/ask", "asker", question="").status_code == 422
    assert post(lab, "/ask", "asker", question="x", repo="nope").status_code == 404
    stream = post(lab, "/ask", "asker", headers=STREAM, question="")
    assert stream.status_code == 422
    assert "Write a question." in stream.text


def test_a_model_that_writes_html_writes_text(index: Path, tmp_path: Path) -> None:
    evil = "<img src=x onerror=alert(1)> [x](javascript:alert(1)) src/session.py:1-2"
    turns = [*reading_then_answering()[:1], evil]
    with answering(index, tmp_path, *turns) as lab:
        found = events(post(lab, "/ask", "asker", headers=STREAM, **FORM))
    answer = read(found[-1][1]["html"])
    assert not answer.all("img")
    assert set(answer.links()) <= {LINK}


def test_a_link_fills_the_form_and_asks_nothing(index: Path, tmp_path: Path) -> None:
    with answering(index, tmp_path) as lab:
        page = open_page(lab, "/ask?q=how+so%3F&repo=web", "asker")
    assert "how so?" in page.text
    assert page.all("option", selected="") or [o for o in page.all("option") if "selected" in o]
