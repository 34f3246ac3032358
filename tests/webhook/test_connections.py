"""Clients that keep their connections open: the receiver goes on answering everybody else."""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from harness.webhook.options import RequestLimits
from tests.webhook.lab import Lab, commit_number, eventually, github_push

HEADERS = b"POST /hooks/github HTTP/1.1\r\nHost: x\r\nX-Hub-Signature-256: sha256=0"
BODY = HEADERS + b"\r\nContent-Length: 1000\r\n\r\n{"


@contextlib.contextmanager
def slow_clients(lab: Lab, count: int, sent: bytes, source: str = "127.0.0.1") -> Iterator[Any]:
    """Sockets that have sent the beginning of a request; yields what sends a byte more on each."""
    assert lab.service is not None
    with contextlib.ExitStack() as stack:
        clients = []
        for _ in range(count):
            client = socket.create_connection(
                ("127.0.0.1", lab.service.port), timeout=20, source_address=(source, 0)
            )
            clients.append(stack.enter_context(client))
            client.sendall(sent)

        def more() -> None:
            for client in clients:
                with contextlib.suppress(OSError):  # it was dropped
                    client.send(b"x")

        yield more


def restart(lab: Lab, **limits: Any) -> None:
    lab.stop()
    lab.limits = RequestLimits(**limits)
    lab.start()


@pytest.mark.parametrize("sent", [b"P", HEADERS, BODY], ids=["nothing", "headers", "body"])
def test_pushes_are_answered_while_300_clients_are_slow(lab: Lab, sent: bytes) -> None:
    with slow_clients(lab, 300, sent) as more:
        for number in range(10):
            more()
            code, answer = lab.github(github_push(commit_number(number)))
            assert (code, answer["status"]) == (202, "accepted")
            lab.prefect.set_states("COMPLETED")
            assert lab.health()["ok"]
    assert lab.connections.dropped >= 300 - RequestLimits().max_connections
    line = f"harness_webhook_dropped_connections_total {lab.connections.dropped}"
    assert line in lab.request("GET", "/metrics")[1]


def test_headers_have_a_time_limit_however_steadily_they_come(lab: Lab) -> None:
    restart(lab, header_seconds=0.3)
    with slow_clients(lab, 3, HEADERS) as more:

        def dropped() -> bool:
            more()
            return lab.connections.dropped == 3

        eventually(dropped)
    assert lab.github()[0] == 202


def test_the_next_request_of_a_connection_has_the_same_limit(lab: Lab) -> None:
    restart(lab, header_seconds=0.3)
    # The answer comes before the body, which may then be sent as slowly as one likes.
    unsigned = b"POST /hooks/github HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{"
    with slow_clients(lab, 1, unsigned) as more:

        def dropped() -> bool:
            more()
            return lab.connections.dropped == 1

        eventually(dropped)


def test_a_request_that_is_being_answered_is_never_dropped(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    restart(lab, max_connections=3, answer_seconds=60.0)
    asked, go_on = threading.Event(), threading.Event()
    answer = lab.prefect.answer

    def slow_prefect(path: str, body: Any) -> tuple[int, object]:
        asked.set()
        go_on.wait(30)
        return answer(path, body)

    monkeypatch.setattr(lab.prefect, "answer", slow_prefect)
    answers: list[tuple[int, dict[str, Any]]] = []
    push = threading.Thread(target=lambda: answers.append(lab.github()))
    push.start()
    assert asked.wait(20)
    with slow_clients(lab, 10, HEADERS):
        eventually(lambda: lab.connections.dropped >= 8)
        go_on.set()
        push.join(20)
    assert [code for code, _ in answers] == [202]


@pytest.mark.skipif(sys.platform != "linux", reason="has one loopback address")
def test_the_address_with_most_slow_connections_loses_one_first(lab: Lab) -> None:
    restart(lab, max_connections=4)
    assert lab.service is not None
    with socket.create_connection(
        ("127.0.0.1", lab.service.port), timeout=20, source_address=("127.0.0.2", 0)
    ) as honest:
        honest.sendall(b"GET /healthz HTTP/1.1\r\n")
        with slow_clients(lab, 10, HEADERS):
            eventually(lambda: lab.connections.dropped >= 7)
            honest.sendall(b"Host: x\r\nConnection: close\r\n\r\n")
            received = b"".join(iter(lambda: honest.recv(4096), b""))
    assert json.loads(received.partition(b"\r\n\r\n")[2])["ok"]
