"""Which models a server should have, which it has, and how the missing ones get there.

``/api/pull`` compares the registry's manifest with the server's own and downloads what differs.
It is the only official way to learn of a newer version, and it has no dry run. So "outdated" is
known in two ways only: by a digest that the caller expects (``expected_digests``: pinned, or the
one another server has), and after the fact, by the digests before and after :func:`pull` with
``update=True`` (:attr:`PullOutcome.UPDATED`). A pull of a current model costs one manifest.
"""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from harness.errors import (
    HarnessError,
    ModelMissingError,
    PermanentError,
    ServiceUnavailableError,
    UsageError,
)
from harness.models.conversation import ModelInfo
from harness.models.ollama.address import qualified_name, same_model
from harness.models.ollama.client import OllamaClient
from harness.models.ollama.failures import CAUGHT, Advice, diagnose
from harness.retrying import Backoff

PULL_BACKOFF = Backoff(attempts=5, base_seconds=1.0, cap_seconds=30.0)
"""A pull is long and resumes where it broke off, so it gets more and later attempts."""

_RATE_WINDOW_SECONDS = 5.0

# What the server passes on from the registry and its own disk (server/images.go, download.go).
_UNKNOWN_NAME = re.compile(r"file does not exist|not found", re.IGNORECASE)
_BAD_NAME = re.compile(r"invalid model name|name .* is invalid|model is required", re.IGNORECASE)
_FUTILE = re.compile(
    r"newer version|no space left|quota|unauthorized|denied|insecure protocol|read-only|"
    r"not available",
    re.IGNORECASE,
)
# Of the server's own way to the registry: Go's words for name, route, port and certificate.
_NO_REGISTRY = re.compile(
    r"dial tcp|no such host|i/o timeout|network is unreachable|proxyconnect|tls: |x509: ",
    re.IGNORECASE,
)


class ModelState(StrEnum):
    """State of a model on a server."""

    PRESENT = "present"
    MISSING = "missing"
    OUTDATED = "outdated"


class PullOutcome(StrEnum):
    """What a pull changed."""

    ALREADY_PRESENT = "already_present"
    PULLED = "pulled"
    CURRENT = "current"
    UPDATED = "updated"


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """One model; digest is empty, size and context are 0 for one that is missing."""

    name: str
    wanted: bool
    state: ModelState
    digest: str = ""
    size_bytes: int = 0
    context_length: int = 0
    capabilities: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class PullProgress:
    """How far a pull is. ``total_bytes`` grows while the server finds layers; the rate is that
    of the last seconds; ``eta_seconds`` is None while unknown."""

    model: str
    status: str
    completed_bytes: int
    total_bytes: int
    bytes_per_second: float
    eta_seconds: float | None
    attempt: int


@dataclass(frozen=True, slots=True)
class PullResult:
    """What a pull did; ``old_digest`` is empty if the model was not there."""

    model: str
    outcome: PullOutcome
    old_digest: str
    digest: str
    size_bytes: int
    seconds: float
    attempts: int


def unique_names(names: Iterable[str]) -> tuple[str, ...]:
    """Drop empty and repeated names; ``NAME`` and ``NAME:latest`` are one.

    :returns: the first spelling of each, in order.
    """
    kept: dict[str, str] = {}
    for name in names:
        if name.strip():
            kept.setdefault(qualified_name(name).casefold(), name.strip())
    return tuple(kept.values())


def list_models(
    client: OllamaClient,
    wanted: Sequence[str],
    expected_digests: Mapping[str, str] | None = None,
) -> tuple[ModelStatus, ...]:
    """The wanted models in the order given, then whatever else the server has.

    Nothing is downloaded, and nothing but the server is asked.

    :param wanted: names, with or without ``:latest``; repetitions count once.
    :param expected_digests: digest by name; a model with another one is outdated.
    :raises ServiceUnavailableError: the server did not answer.
    """
    names = unique_names(wanted)
    expected = {qualified_name(k).casefold(): v for k, v in (expected_digests or {}).items()}
    present = client.models()
    statuses = [
        _status(client, name, _find(present, name), expected.get(qualified_name(name).casefold()))
        for name in names
    ]
    statuses += [
        ModelStatus(entry.name, False, ModelState.PRESENT, entry.digest, entry.size_bytes)
        for entry in present
        if not any(same_model(entry.name, name) for name in names)
    ]
    return tuple(statuses)


def pull(
    client: OllamaClient,
    name: str,
    on_progress: Callable[[PullProgress], None] | None = None,
    *,
    update: bool = False,
    backoff: Backoff = PULL_BACKOFF,
    min_interval_seconds: float = 0.2,
) -> PullResult:
    """Bring one model to the server; idempotent, and resumed by the server after a break.

    :param name: with or without ``:latest``.
    :param on_progress: told of every change of status, and of bytes at most once per
        ``min_interval_seconds``.
    :param update: pull also if the model is there, which fetches what changed in the registry.
    :raises ModelMissingError: the registry does not have the name.
    :raises UsageError: not a model's name.
    :raises ServiceUnavailableError: server or registry failed after bounded attempts.
    :raises PermanentError: anything else that another attempt would not change.
    """
    if not name.strip():
        raise UsageError("A model's name is empty; write NAME or NAME:TAG")
    started = time.monotonic()
    before = client.find(name)
    if before is not None and not update:
        return PullResult(
            before.name,
            PullOutcome.ALREADY_PRESENT,
            before.digest,
            before.digest,
            before.size_bytes,
            time.monotonic() - started,
            0,
        )
    meter = _Meter(name.strip(), on_progress, min_interval_seconds)
    backoff.call(lambda: _pull_once(client, name.strip(), meter))
    after = client.find(name)
    if after is None or not after.digest:
        raise ServiceUnavailableError(
            f"Ollama at {client.url} reported success for {name} but does not list it; pull again"
        )
    old_digest = before.digest if before is not None else ""
    return PullResult(
        after.name,
        _outcome(old_digest, after.digest),
        old_digest,
        after.digest,
        after.size_bytes,
        time.monotonic() - started,
        meter.attempt,
    )


def _pull_once(client: OllamaClient, name: str, meter: _Meter) -> None:
    meter.begin_attempt()
    try:
        for line in client.pull_once(name):
            meter.take(line.status or "", line.digest or "", line.completed or 0, line.total or 0)
    except CAUGHT as error:
        raise _pull_failure(error, client.url, name) from error
    if meter.status != "success":
        raise ServiceUnavailableError(
            f"Ollama at {client.url} ended the pull of {name} without success"
        )


def _pull_failure(error: Exception, url: str, name: str) -> HarnessError:
    said = str(getattr(error, "error", ""))
    if _BAD_NAME.search(said):
        return UsageError(f"{name} is not a model's name: {said}; write NAME or NAME:TAG")
    # A plain 404 is a wrong path in OLLAMA_HOST; the registry's answer comes inside the stream.
    if _UNKNOWN_NAME.search(said) and getattr(error, "status_code", 0) != 404:
        return ModelMissingError(
            f"The registry has no model {name}: {said}; check the name and tag at "
            "https://ollama.com/library"
        )
    if _FUTILE.search(said):
        return PermanentError(f"Ollama at {url} cannot pull {name}: {said}")
    if _NO_REGISTRY.search(said):
        return ServiceUnavailableError(
            f"Ollama at {url} cannot reach the registry of {name} ({said}); give that server a "
            "way to the internet (HTTPS_PROXY in its environment), or copy the model there"
        )
    failure = diagnose(error, url, name, streaming=True)
    if failure.advice is Advice.SHORTEN:
        return PermanentError(f"Ollama at {url} cannot pull {name}: {said}")
    return failure.error


def _outcome(old_digest: str, digest: str) -> PullOutcome:
    if not old_digest:
        return PullOutcome.PULLED
    return PullOutcome.CURRENT if old_digest == digest else PullOutcome.UPDATED


def _status(
    client: OllamaClient, name: str, entry: ModelInfo | None, expected: str | None
) -> ModelStatus:
    if entry is None:
        return ModelStatus(name, True, ModelState.MISSING)
    shown = client.show(entry.name)
    other = expected is not None and expected.removeprefix("sha256:") != entry.digest
    return ModelStatus(
        name,
        True,
        ModelState.OUTDATED if other else ModelState.PRESENT,
        entry.digest,
        entry.size_bytes,
        shown.context_length,
        shown.capabilities,
    )


def _find(entries: Sequence[ModelInfo], name: str) -> ModelInfo | None:
    return next((entry for entry in entries if same_model(entry.name, name)), None)


@dataclass(slots=True)
class _Meter:
    """Adds up the layers of a pull and says how fast it is."""

    model: str
    report: Callable[[PullProgress], None] | None
    min_interval_seconds: float
    status: str = ""
    attempt: int = 0
    layers: dict[str, tuple[int, int]] = field(default_factory=dict)
    samples: deque[tuple[float, int]] = field(default_factory=deque)
    reported_at: float = 0.0

    def begin_attempt(self) -> None:
        self.attempt += 1
        self.status = ""
        # What a resumed pull finds on the disk was not transferred just now.
        self.samples.clear()

    def take(self, status: str, digest: str, completed: int, total: int) -> None:
        changed = status != self.status
        self.status = status
        if digest:
            self.layers[digest] = (completed, max(completed, total))
        now = time.monotonic()
        done = sum(layer[0] for layer in self.layers.values())
        whole = sum(layer[1] for layer in self.layers.values())
        self.samples.append((now, done))
        while len(self.samples) > 2 and now - self.samples[0][0] > _RATE_WINDOW_SECONDS:
            self.samples.popleft()
        finished = bool(digest) and done == whole
        if self.report is None or not (
            changed or finished or now - self.reported_at >= self.min_interval_seconds
        ):
            return
        self.reported_at = now
        since, from_bytes = self.samples[0]
        rate = (done - from_bytes) / (now - since) if now > since else 0.0
        eta = (whole - done) / rate if rate > 0 else None
        self.report(
            PullProgress(self.model, status, done, whole, max(rate, 0.0), eta, self.attempt)
        )
