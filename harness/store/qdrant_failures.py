"""Failures of a Qdrant server in Harness' own terms, whichever client met them."""

from __future__ import annotations

import json
from contextlib import suppress

from harness.errors import ServiceUnavailableError, StoreError, StoreFullError

# What Qdrant 1.19 says, in an answer 500, of a disk that cannot hold another part of its log.
_FULL = "No space left on device"
# What a node of a cluster says, in an answer 500, when it needs another one that is lost.
_NODES_LOST = (
    "read operations failed",
    "does not have enough active replicas",
    "ordering via leader peer",
)
_UNTRUSTED = "CERTIFICATE_VERIFY_FAILED"
_DETAIL_CHARS = 200


def failure(address: str, status: int | None, detail: str) -> StoreError | ServiceUnavailableError:
    """The error for a refused request.

    :param status: HTTP status of the answer, or the one that says the same; None: none does.
    :param detail: what the server said.
    """
    if status in {401, 403}:
        # 403 is also the answer to a good key that may only read.
        wanted = " to one that may write" if status == 403 else ""
        return StoreError(f"Qdrant at {address} refused the API key; set QDRANT_API_KEY{wanted}")
    if status in {408, 429, 502, 503, 504}:
        return ServiceUnavailableError(
            f"Qdrant at {address} did not answer ({detail}); start it or correct "
            "QDRANT_HOST/QDRANT_URL"
        )
    if _FULL in detail:
        return StoreFullError(f"the disk of Qdrant at {address} is full; give it more space")
    if any(said_so in detail for said_so in _NODES_LOST):
        return ServiceUnavailableError(
            f"the node of Qdrant at {address} does not reach enough of the others; start them, or "
            "look at their logs"
        )
    return StoreError(f"Qdrant at {address} refused an operation: {detail}")


def translate(error: Exception, address: str) -> StoreError | ServiceUnavailableError:
    """Map an exception of ``qdrant-client`` onto Harness' tree."""
    from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

    status: int | None = None
    detail = (str(error).splitlines() or [type(error).__name__])[0][:_DETAIL_CHARS]
    if isinstance(error, UnexpectedResponse):
        status = error.status_code
        detail = said(bytes(error.content or b"").decode(errors="replace")) or detail
    elif isinstance(error, ResponseHandlingException):
        detail = str(error.source)[:_DETAIL_CHARS]
        if _UNTRUSTED in detail:
            return StoreError(
                f"Qdrant at {address} shows a certificate that is not trusted ({detail}); set "
                "SSL_CERT_FILE to the file of your authority's certificate"
            )
        status = 503
    else:
        code = getattr(error, "code", None)  # grpc.RpcError
        name = getattr(code() if callable(code) else None, "name", "")
        detail = str(getattr(error, "details", lambda: detail)())[:_DETAIL_CHARS]
        if name in {"UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED"}:
            status = 503
        elif name in {"UNAUTHENTICATED", "PERMISSION_DENIED"}:
            status = 401 if name == "UNAUTHENTICATED" else 403
    return failure(address, status, detail)


def said(answer: str) -> str:
    """The error in one of Qdrant's answers; any other answer (of a proxy) as it is, shortened."""
    with suppress(ValueError, LookupError, TypeError):
        answer = str(json.loads(answer)["status"]["error"])
    return answer[:_DETAIL_CHARS]
