"""The command line as a client of the service: the same output as on the machine of the index,
errors in one line, and the token where it belongs."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from harness.cli.main import run
from harness.errors import InvalidSettingError
from harness.service_client import client
from harness.service_client.client import ServiceClient
from harness.stack.api import PrefectApi
from tests.fakes.prefect_api import FakePrefect
from tests.service.lab import listening, make_index

Served = tuple[str, dict[str, str], FakePrefect]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    base = tmp_path_factory.mktemp("service-client")
    make_index(base)
    with (
        FakePrefect() as prefect,
        listening(
            base, base / "data", prefect=lambda: PrefectApi(prefect.url, read_attempts=1)
        ) as (url, tokens),
    ):
        yield url, tokens, prefect


@pytest.fixture(autouse=True)
def own_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty index here: whatever is found is the service's."""
    monkeypatch.setenv("HARNESS_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("OLLAMA_HOST", raising=False)


def use(monkeypatch: pytest.MonkeyPatch, served: Served, token: str) -> None:
    monkeypatch.setenv("HARNESS_URL", served[0])
    monkeypatch.setenv("HARNESS_TOKEN", served[1].get(token, token))


def json_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    code = run([*arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_what_a_reader_may_ask(
    served: Served, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use(monkeypatch, served, "reader")
    code, found = json_of(capsys, "search", "sign session", "--repo", "web", "--limit", "3")
    assert code == 0
    assert set(found) == {"query", "results", "match", "matches_well", "reworded"}
    assert 0 < found["match"] <= 1
    assert set(found["results"][0]) == {
        *("repo", "path", "start_line", "end_line", "symbol", "language", "score", "text"),
    }
    assert found["results"][0]["path"] == "src/session.py"
    code, places = json_of(capsys, "symbol", "SignRequest")
    assert places["definitions"][0]["path"] == "api.go"
    code, found = json_of(capsys, "map", "--repo", "web", "--focus", "sign")
    assert (code, found["files"][0]["definitions"][0]["symbol"]) == (0, "sign_session")
    code, status = json_of(capsys, "status")
    assert [one["name"] for one in status["repos"]] == ["team/api", "web"]
    assert run(["status"]) == 0
    assert "\n    a folder of the service" in capsys.readouterr().out
    assert run(["search", "sign session"]) == 0
    assert "src/session.py:1-2" in capsys.readouterr().out


def test_a_question_has_passages_and_the_envelope(
    served: Served, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use(monkeypatch, served, "asker")
    code, answer = json_of(capsys, "ask", "how is a session signed?", "--repo", "web")
    assert code == 0
    assert answer["status"] == "ok"
    assert answer["citations"][0]["path"] == "src/session.py"
    assert answer["usage"] == {
        "prompt_tokens": 0, "completion_tokens": 0, "model_calls": 0, "replayed_turns": 0,
    }  # fmt: skip
    assert run(["ask", "how is a session signed?"]) == 0
    assert capsys.readouterr().out.count("src/session.py:1-2") == 1


def test_a_task_is_waited_for(
    served: Served, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use(monkeypatch, served, "worker")
    prefect = served[2]
    monkeypatch.setattr(client, "_POLL_SECONDS", 0.01)
    prefect.artifacts = [
        {"id": "1", "key": "agent-patch", "type": "markdown", "data": "````diff\n+x\n````"},
        {"id": "2", "key": "agent-report", "type": "markdown", "data": "# Report"},
    ]
    prefect.play(("RUNNING", "Running", ""), ("FAILED", "Failed", "verification_failed: no"))
    code, result = json_of(capsys, "task", "do it", "--repo", "web")
    assert code == result["exit_code"] == 6
    assert result["status"] == "verification_failed"
    assert result["error"] == "verification_failed: no"
    assert result["patch"] == "+x\n"
    assert result["answer"] == "# Report"
    prefect.play(("COMPLETED", "Completed", "ok, 3 bytes of patch"))
    assert run(["task", "do it", "--repo", "web"]) == 0
    printed = capsys.readouterr()
    assert "+x\n" in printed.out
    assert "Completed" in printed.err


@pytest.mark.parametrize(
    ("token", "arguments", "code", "said"),
    [
        pytest.param("reader", ["search", "x", "--repo", "no"], 2, "not indexed", id="repo"),
        pytest.param("reader", ["search", "x", "--lang", "klingon"], 2, "languages", id="language"),
        pytest.param("reader", ["search", "x", "--limit", "0"], 2, "limit", id="limit"),
        pytest.param("reader", ["ask", "x"], 7, "the scope ask", id="scope"),
        pytest.param("reader", ["ask", "x", "--demo"], 2, "--demo is for this", id="demo"),
        pytest.param("worker", ["task", "x"], 2, "--repo NAME", id="folder"),
        pytest.param("worker", ["task", "x", "--apply", "--repo", "web"], 2, "--apply", id="apply"),
        pytest.param("harness_no", ["search", "x"], 2, "HARNESS_TOKEN", id="unknown-token"),
        pytest.param("bad token\u20ac", ["search", "x"], 2, "is not a token", id="no-token"),
    ],
)
def test_an_error_is_one_line(
    served: Served,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    token: str,
    arguments: list[str],
    code: int,
    said: str,
) -> None:
    use(monkeypatch, served, token)
    assert run(arguments) == code
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert said in lines[0]


def test_the_token_is_in_no_output(
    served: Served, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use(monkeypatch, served, "reader")
    logging.getLogger("httpx").setLevel(logging.DEBUG)
    logging.getLogger("httpcore").setLevel(logging.DEBUG)
    try:
        run(["--debug", "search", "sign"])
        run(["--debug", "ask", "sign"])
    finally:
        logging.getLogger("httpx").setLevel(logging.NOTSET)
        logging.getLogger("httpcore").setLevel(logging.NOTSET)
    out = "".join(capsys.readouterr())
    assert "src/session.py" in out
    assert served[1]["reader"] not in out


def test_doctor_says_that_a_service_is_set(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    from harness.checks.configured import configured_checks

    use(monkeypatch, served, "web-reader")
    (check,) = [check for check in configured_checks() if check.name == "service"]
    ok, detail, _ = check.run()
    assert ok
    assert f"answered by {served[0]}, where 1 repositories are visible" in detail
    monkeypatch.delenv("HARNESS_URL")
    assert not [check for check in configured_checks() if check.name == "service"]


@pytest.mark.parametrize(
    ("url", "token", "said"),
    [
        pytest.param("code.example.org", "x", "https://code.example.org", id="no-scheme"),
        pytest.param("http://[::1", "x", "https://code.example.org", id="no-url"),
        pytest.param("https://me:secret@example.org", "x", "password", id="password"),
        pytest.param("http://code.example.org", "x", "in the clear", id="clear"),
    ],
)
def test_what_is_no_address_for_a_token(url: str, token: str, said: str) -> None:
    with pytest.raises(InvalidSettingError, match=said) as caught:
        ServiceClient(url, token)
    assert "secret" not in str(caught.value)


class _Other(BaseHTTPRequestHandler):
    """Some other server: it redirects, or answers with a page."""

    def do_GET(self) -> None:
        self.send_response(302 if "symbols" in self.path else 200)
        self.send_header("Location", "http://127.0.0.1:9/")
        self.send_header("Content-Length", "6")
        self.end_headers()
        self.wfile.write(b"<html>")

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.mark.parametrize("command", [["search", "x"], ["symbol", "x"], ["status"]])
def test_another_server_is_told_apart(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Other)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        monkeypatch.setenv("HARNESS_URL", f"http://127.0.0.1:{server.server_port}")
        assert run(command) == 2
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert "check HARNESS_URL" in capsys.readouterr().err


def test_nobody_there_is_exit_code_three(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HARNESS_URL", "http://127.0.0.1:9")
    assert run(["status"]) == 3
    assert "does not answer" in capsys.readouterr().err
