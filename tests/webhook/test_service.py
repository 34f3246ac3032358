"""Requests to the receiver over HTTP, and its answers."""

from __future__ import annotations

import json
import logging
import re
import socket
from pathlib import Path
from typing import Any

import pytest

from harness.errors import StoreError
from harness.webhook.options import RequestLimits
from harness.webhook.routes import Target
from tests.webhook.lab import SECRET, SHA, URL, Lab, eventually, generic_headers, github_push


def test_a_valid_push_starts_a_run(lab: Lab) -> None:
    code, answer = lab.github()
    (run,) = lab.prefect.runs.values()
    assert (code, answer) == (
        202,
        {"status": "accepted", "repository": "app", "commit": SHA, "run": run["id"]},
    )
    assert run["idempotency_key"] == f"app@{SHA}"
    assert run["parameters"] == {"source": "https://git.example.org/team/app", "name": "app"}
    assert lab.health() == {"ok": True, "pending": 0, "prefect": "up"}


def test_a_wrong_secret_and_no_secret_in_answers_or_logs(
    lab: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    code, answer = lab.github(secret="another-secret")
    assert code == 401
    lab.github()
    said = json.dumps(answer) + caplog.text + (lab.folder / "webhook/journal.jsonl").read_text()
    assert SECRET not in said
    assert "another-secret" not in said


def test_a_replay_is_ignored_also_under_another_id_and_after_a_restart(lab: Lab) -> None:
    assert lab.github(delivery="one")[1]["status"] == "accepted"
    assert lab.github(delivery="one") == (202, {"status": "replayed", "repository": "app"})
    assert lab.github(delivery="changed")[1]["status"] == "replayed", "the id is not signed"
    lab.stop()
    lab.start()
    assert lab.github(delivery="one")[1]["status"] == "replayed"
    assert len(lab.prefect.runs) == 1


@pytest.mark.parametrize("announced", [True, False], ids=["with-length", "chunked"])
def test_a_large_body_is_refused_before_it_is_read(lab: Lab, announced: bool) -> None:
    body: Any = b"x" * 10_000_000
    if not announced:
        body = (b"x" * 100_000 for _ in range(100))
    try:
        code, _ = lab.request("POST", "/hooks/github", body, X_Hub_Signature_256="sha256=00")
    except (BrokenPipeError, ConnectionResetError):
        pytest.skip("the connection was closed before the answer could be read")
    assert code == 413
    assert lab.github()[0] == 202


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[1]", b"\xff\xfe", b"[" * 100_000, b"{}", b'{"repository": 1}',
     b'{"repository": "https://git.example.org/team/app"}',
     b'{"repository": "https://git.example.org/team/app", "commit": "x; rm -rf"}',
     b'{"repository": "https://git.example.org/team/app", "commit": "abcdef0", "ref": 5}'],
    ids=["empty", "cut", "list", "bytes", "deep", "no-fields", "number", "no-commit", "commit",
         "ref"],
)  # fmt: skip
def test_malformed_bodies(lab: Lab, body: bytes) -> None:
    code, answer = lab.generic(body)
    assert (code, answer["status"]) == (400, "malformed")


UNFINISHED = b"\r\n".join(
    [
        b"POST /hooks/github HTTP/1.1",
        b"Host: x",
        b"X-Hub-Signature-256: x",
        b"Content-Length: 9",
        b"",
        b"{",
    ]
)


def test_a_body_that_does_not_arrive_in_time(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.webhook.service._BODY_SECONDS", 0.1)
    assert lab.service is not None
    with socket.create_connection(("127.0.0.1", lab.service.port), timeout=10) as connection:
        connection.sendall(UNFINISHED)
        assert connection.recv(100).startswith(b"HTTP/1.1 408 ")


def test_a_connection_that_is_cut_is_counted_as_malformed(lab: Lab) -> None:
    assert lab.service is not None
    with socket.create_connection(("127.0.0.1", lab.service.port), timeout=10) as connection:
        connection.sendall(UNFINISHED)
    line = 'deliveries_total{provider="github",outcome="malformed"} 1'
    eventually(lambda: line in lab.request("GET", "/metrics")[1])


def test_a_slow_prefect_is_not_waited_for(lab: Lab) -> None:
    lab.stop()
    lab.limits = RequestLimits(answer_seconds=0.0)
    lab.start()
    code, answer = lab.github()
    assert (code, answer) == (
        202,
        {"status": "queued", "repository": "app", "commit": SHA, "run": None},
    )
    eventually(lambda: len(lab.prefect.runs) == 1)


def test_an_index_that_cannot_be_read_is_a_reason_to_send_again(lab: Lab) -> None:
    def unreadable() -> dict[str, Target]:
        raise StoreError("the index is locked")

    lab.stop()
    lab.read_routes = unreadable
    lab.start()
    code, answer = lab.github()
    assert (code, answer["status"]) == (503, "not_kept")


def test_an_unknown_repository(lab: Lab) -> None:
    code, answer = lab.github(github_push(url="https://git.example.org/team/other"))
    assert (code, answer["status"]) == (404, "unknown")
    assert lab.request("POST", "/hooks/subversion", b"")[0] == 404
    assert lab.request("GET", "/hooks/github")[0] == 405


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({"ref": "refs/heads/topic"}, "the indexed branch is main", id="branch"),
        pytest.param({"ref": "refs/tags/v1"}, "not a branch", id="tag"),
        pytest.param({"after": "0" * 40}, "the branch was deleted", id="deleted"),
        pytest.param(
            {"repository": {"url": "https://git.example.org/team/fixed"}},
            "the indexed branch is release",
            id="indexed-branch",
        ),
    ],
)
def test_pushes_that_change_nothing(lab: Lab, changes: dict[str, Any], reason: str) -> None:
    code, answer = lab.github(github_push() | changes)
    assert (code, answer["status"], answer["reason"]) == (202, "ignored", reason)
    assert lab.prefect.runs == {}


def test_the_n8n_workflow_sends_what_the_receiver_takes(lab: Lab) -> None:
    folder = Path(__file__).resolve().parents[2] / "docs" / "n8n"
    workflow = json.loads((folder / "harness-index.json").read_text())
    assert {"name", "nodes", "connections", "settings"} <= set(workflow)
    nodes = {node["name"]: node for node in workflow["nodes"]}
    for node in nodes.values():
        assert {"id", "name", "type", "typeVersion", "position", "parameters"} <= set(node)
    order = ["Webhook"]
    while (ends := workflow["connections"].get(order[-1])) is not None:
        ((end,),) = ends["main"]
        order.append(end["node"])
    assert order == list(nodes)
    sign, send = nodes["Sign"]["parameters"], nodes["Harness"]["parameters"]
    assert (sign["action"], sign["type"], sign["encoding"]) == ("hmac", "SHA256", "hex")
    assert sign["value"] == "={{ $json.timestamp + '.' + $json.payload }}"
    assert (send["method"], send["contentType"], send["body"]) == (
        "POST", "raw", "={{ $json.payload }}"
    )  # fmt: skip
    names = {header["name"].replace("-", "_") for header in send["headerParameters"]["parameters"]}
    assert send["url"].endswith("/hooks/generic")
    # JavaScript writes JSON without spaces.
    body = json.dumps({"repository": URL, "commit": SHA, "branch": "main"}, separators=(",", ":"))
    headers = generic_headers(body.encode())
    assert names == set(headers)
    assert lab.post("generic", body.encode(), **headers)[0] == 202


def test_the_documented_answers_are_those_that_exist() -> None:
    root = Path(__file__).resolve().parents[2]
    source = (root / "harness" / "webhook" / "service.py").read_text()
    page = (root / "docs" / "webhook.md").read_text()
    answers = set(re.findall(r'\bAnswer\(\s*(\d+), "(\w+)"', source))
    documented: set[tuple[str, str]] = set()
    for codes, statuses in re.findall(r"^\| ([\d, ]+) \| ([`\w, ]+) \|", page, re.MULTILINE):
        documented |= set(zip(codes.split(", "), re.findall(r"\w+", statuses), strict=True))
    assert answers == documented
