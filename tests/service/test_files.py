"""Lines and outline of indexed files over HTTP."""

from __future__ import annotations

import pytest

from tests.service.lab import Lab

WEB = "repo=web&path=src/session.py"
GO = "repo=team/api&path=api.go"


def test_a_file_has_its_lines(lab: Lab) -> None:
    found = lab.get(f"/api/v1/file?{GO}", "reader").json()
    assert found["text"] == "package api\n\nfunc SignRequest() {\n\tsign()\n}"
    assert (found["start_line"], found["end_line"], found["lines_total"]) == (1, 5, 5)
    assert found["language"] == "go"


@pytest.mark.parametrize(
    ("lines", "text", "end"),
    [
        pytest.param("start=3&end=3", "func SignRequest() {", 3, id="one"),
        pytest.param("start=5&end=900", "}", 5, id="to the end"),
        pytest.param("start=80", "", 5, id="behind the end"),
    ],
)
def test_a_part_of_it(lab: Lab, lines: str, text: str, end: int) -> None:
    found = lab.get(f"/api/v1/file?{GO}&{lines}", "reader").json()
    assert (found["text"], found["end_line"]) == (text, end)


def test_its_outline(lab: Lab) -> None:
    found = lab.get(f"/api/v1/outline?{WEB}", "reader").json()
    assert found["definitions"] == [
        {
            "name": "sign_session",
            "symbol": "sign_session",
            "line": 1,
            "text": "def sign_session(value):",
        }
    ]


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        pytest.param("repo=web&path=gone.py", 404, "no file 'gone.py'", id="no such file"),
        pytest.param("repo=web&path=../../etc/passwd", 404, "no file", id="out of it"),
        pytest.param("repo=web&path=/etc/passwd", 404, "no file", id="absolute"),
        pytest.param("repo=nope&path=a", 404, "not indexed", id="no such repository"),
        pytest.param("repo=web", 422, "path", id="no path"),
        pytest.param(f"{WEB}&start=2&end=1", 400, "swap", id="backwards"),
        pytest.param(f"{WEB}&start=0", 422, "start", id="line 0"),
    ],
)
def test_what_cannot_be_shown(lab: Lab, query: str, status: int, said: str) -> None:
    answer = lab.get(f"/api/v1/file?{query}", "reader")
    assert answer.status_code == status
    assert said in answer.json()["error"]


def test_a_repository_that_is_not_visible_is_not_indexed(lab: Lab) -> None:
    for kind in ("file", "outline"):
        hidden = lab.get(f"/api/v1/{kind}?{GO}", "web-reader")
        unknown = lab.get(f"/api/v1/{kind}?repo=nope&path=api.go", "web-reader")
        assert hidden.status_code == unknown.status_code == 404
        assert hidden.text.replace("team/api", "nope") == unknown.text
