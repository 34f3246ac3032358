"""Requests to a Qdrant server: which failures are tried again, and what is left of the others."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
from qdrant_client import QdrantClient
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from harness.errors import ServiceUnavailableError, StoreError, StoreFullError
from harness.store.qdrant_requests import QdrantRequests


def answered(status: int, content: bytes = b"") -> UnexpectedResponse:
    return UnexpectedResponse(status, "", content, httpx.Headers())


def broken() -> ResponseHandlingException:
    return ResponseHandlingException(httpx.ReadError("connection reset"))


def untrusted() -> ResponseHandlingException:
    """As httpx says it of a server whose authority is unknown."""
    cause = "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: unable to get local issuer"
    return ResponseHandlingException(httpx.ConnectError(cause))


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> QdrantRequests:
    monkeypatch.setattr("harness.retrying.Backoff.seconds", lambda self, failures: 0.0)
    return QdrantRequests(QdrantClient(":memory:"), "http://qdrant:6333")


@pytest.mark.parametrize(
    ("make", "calls", "raised"),
    [
        pytest.param(broken, 3, ServiceUnavailableError, id="connection broke"),
        pytest.param(lambda: answered(503), 3, ServiceUnavailableError, id="busy"),
        pytest.param(lambda: answered(429), 3, ServiceUnavailableError, id="too many"),
        pytest.param(untrusted, 1, StoreError, id="untrusted"),
        pytest.param(lambda: answered(401), 1, StoreError, id="wrong key"),
        pytest.param(lambda: answered(400, b"bad vector"), 1, StoreError, id="refused"),
        pytest.param(
            lambda: answered(500, b'{"status": {"error": "No space left on device"}}'),
            1,
            StoreFullError,
            id="disk full",
        ),
        pytest.param(
            lambda: answered(500, b"does not have enough active replicas"),
            3,
            ServiceUnavailableError,
            id="a node is lost",
        ),
        pytest.param(lambda: ValueError("a bug"), 1, StoreError, id="anything else"),
    ],
)
def test_attempts(
    requests: QdrantRequests,
    caplog: pytest.LogCaptureFixture,
    make: Callable[[], Exception],
    calls: int,
    raised: type[Exception],
) -> None:
    made: list[Exception] = []

    def operation() -> None:
        made.append(make())
        raise made[-1]

    with pytest.raises(raised, match="Qdrant at http://qdrant:6333") as error:
        requests.call(operation)
    assert len(made) == calls
    assert error.value.__cause__ is made[-1]
    with pytest.raises(raised):
        requests.call(operation)
    assert len(caplog.messages) == (calls > 1), "an outage is one line"


def test_a_connection_that_comes_back(
    requests: QdrantRequests, caplog: pytest.LogCaptureFixture
) -> None:
    failures: list[Exception] = [broken(), answered(503)]

    def operation() -> str:
        if failures:
            raise failures.pop()
        return "answer"

    assert requests.call(operation) == "answer"
    failures.append(broken())
    assert requests.call(operation) == "answer"
    assert len(caplog.messages) == 2, "one line for each outage"
