"""What a failed request to Ollama means: an exception of the tree, and what may help."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import Enum, auto

import httpx

from harness.errors import (
    HarnessError,
    ModelMissingError,
    PermanentError,
    ServiceTimeoutError,
    ServiceUnavailableError,
)
from harness.models.ollama.library import ollama

CAUGHT = (ollama.ResponseError, ConnectionError, httpx.HTTPError, httpx.InvalidURL, ValueError)
"""Everything a request can end with. ``ValueError`` covers an answer that is not JSON (a cut
line, another kind of server) and one that is not of the documented form."""

_MID_STREAM = -1
"""Status of ``ollama.ResponseError`` for an ``error`` line inside an answer that began as 200."""

# Ollama answers 400 as well as 500 when its runner dies or lacks memory (0.32, embed handler).
_RUNNER_LOST = re.compile(
    r"out of memory|cudamalloc|unable to allocate|\beof\b|connection (?:reset|refused)|"
    r"no longer running|terminated|server status",
    re.IGNORECASE,
)
_TOO_LONG = re.compile(
    r"context length|context window|context size|physical batch size|too large to process|"
    r"prompt is too long",
    re.IGNORECASE,
)


class Advice(Enum):
    """What may help after a failure."""

    RETRY = auto()
    """The same request, later: not reachable, busy, or broken off by the server."""
    CRASHED = auto()
    """The same later, or a smaller one: the server failed on it (5xx, memory, reset)."""
    SLOW = auto()
    """A smaller request: no answer in time."""
    SHORTEN = auto()
    """A shorter text: this one is longer than the context."""
    GIVE_UP = auto()
    """Nothing: the same request will fail again."""


@dataclass(frozen=True, slots=True)
class Failure:
    """The exception to raise and what may help before raising it."""

    error: HarnessError
    advice: Advice


def diagnose(error: Exception, url: str, model: str = "", streaming: bool = False) -> Failure:
    """Say what a failed request means.

    :param error: one of :data:`CAUGHT`.
    :param url: the server's base URL, for the message.
    :param model: the model of the request, empty if it had none.
    :param streaming: the request's answer is a stream, whose lines can be cut.
    """
    server = f"Ollama at {url}"
    if isinstance(error, ollama.ResponseError):
        return _of_status(error.status_code, _one_line(_unwrapped(error.error)), server, model)
    if isinstance(error, httpx.TimeoutException) and not isinstance(error, httpx.ConnectTimeout):
        return Failure(
            ServiceTimeoutError(
                f"{server} did not answer in time; raise HARNESS_OLLAMA_TIMEOUT_SECONDS if it is "
                "loading a large model"
            ),
            Advice.SLOW,
        )
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | ConnectionError):
        # The client hides the cause behind its own text but keeps it as the context.
        cause = error.__context__ if isinstance(error, ConnectionError) else error
        detail = f" ({_one_line(str(cause))})" if cause is not None and str(cause) else ""
        if "CERTIFICATE_VERIFY_FAILED" in detail:
            return _refused(
                f"{server} shows a certificate that is not trusted{detail}; set SSL_CERT_FILE to "
                "the file of your authority's certificate"
            )
        return _unavailable(
            f"{server} cannot be reached{detail}; start it with `ollama serve` or correct "
            "OLLAMA_HOST",
            Advice.RETRY,
        )
    if isinstance(error, httpx.TransportError):
        return _unavailable(
            f"{server} closed the connection in the middle of an answer", Advice.CRASHED
        )
    if streaming and isinstance(error, ValueError):
        return _unavailable(f"{server} broke off in the middle of an answer", Advice.CRASHED)
    return Failure(
        PermanentError(f"What answers at {url} does not speak Ollama's API; check OLLAMA_HOST"),
        Advice.GIVE_UP,
    )


def _of_status(status: int, said: str, server: str, model: str) -> Failure:
    if status == _MID_STREAM:
        return _unavailable(f"{server} broke off its answer: {said}", Advice.RETRY)
    if status == 404:
        if model and "not found" in said and "page" not in said:
            missing = f"{server} does not have the model {model}; run `harness models pull {model}`"
            return Failure(ModelMissingError(missing), Advice.GIVE_UP)
        return _refused(f"{server} has no such route: {said}; check the path in OLLAMA_HOST")
    if status in {408, 504}:
        slow = ServiceTimeoutError(f"{server} did not answer in time ({status}: {said})")
        return Failure(slow, Advice.SLOW)
    if status in {429, 499, 502, 503}:
        return _unavailable(f"{server} is busy or starting ({status}: {said})", Advice.RETRY)
    if _TOO_LONG.search(said):
        return Failure(PermanentError(f"{server} refused the request: {said}"), Advice.SHORTEN)
    if status == 501:
        return _refused(f"{server} cannot do this with the model {model}: {said}")
    if status >= 500 or _RUNNER_LOST.search(said):
        return _unavailable(f"{server} failed ({status}: {said})", Advice.CRASHED)
    if status in {401, 403}:
        return _refused(
            f"{server} refused access ({status}: {said}); check its proxy's authentication and "
            "which host names it accepts"
        )
    if 300 <= status < 400:
        # Followed silently, a redirect would take source code to another host.
        return _refused(f"{server} redirects ({status}); set OLLAMA_HOST to the final address")
    return _refused(f"{server} refused the request ({status}): {said}")


def _unavailable(message: str, advice: Advice) -> Failure:
    return Failure(ServiceUnavailableError(message), advice)


def _refused(message: str) -> Failure:
    return Failure(PermanentError(message), Advice.GIVE_UP)


def _unwrapped(text: str) -> str:
    # Ollama passes on some answers of its runner as they are: JSON as the text of the error.
    try:
        return str(json.loads(text)["error"]["message"])
    except (ValueError, LookupError, TypeError):
        return text


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 300 else f"{line[:300]}…"
