"""One connection to an Ollama server, over its official client."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Self, TypeVar

import httpx

from harness.bounded_answers import PLAIN, bound
from harness.errors import ModelMissingError
from harness.models.conversation import ModelInfo
from harness.models.ollama.address import parse_host, same_model
from harness.models.ollama.failures import CAUGHT, Advice, diagnose
from harness.models.ollama.interrupting import OpenSockets
from harness.models.ollama.library import ollama
from harness.models.ollama.options import OllamaOptions
from harness.proxies import route_to
from harness.retrying import Backoff

CONNECT_TIMEOUT_SECONDS = 5.0
KEEP_ALIVE = "30m"
"""How long a server keeps a model loaded after a request of ours."""

T = TypeVar("T")


class _Transport(ollama.Client):
    """The official client plus the two requests that it has no method for."""

    def version(self) -> str:
        answer = self._request_raw("GET", "/api/version")  # type: ignore[no-untyped-call]
        return str(answer.json()["version"])

    def stream_chat(self, payload: Mapping[str, object]) -> Iterator[ollama.ChatResponse]:
        # ``Client.chat`` can send neither ``truncate`` nor ``shift``, and drops what it does not
        # know of a tool's JSON schema (nested objects, anyOf).
        return self._request(
            ollama.ChatResponse, "POST", "/api/chat", json=dict(payload), stream=True
        )


class OllamaClient:
    """A server, its time-outs and its retries; usable from several threads at once.

    Proxies from the environment apply to public host names only, see :mod:`harness.proxies`.
    Redirects are not followed. The underlying client sends ``OLLAMA_API_KEY``, if set, as a bearer
    token.

    :param host: as users write it, see :func:`harness.models.ollama.address.parse_host`.
    :param timeout_seconds: longest silence within one request; loading a model counts.
    :param connect_timeout_seconds: longest wait for the connection alone.
    :param backoff: attempts of requests that fail for a passing reason.
    :raises InvalidSettingError: the host, or the proxy for it, cannot be used.
    """

    def __init__(
        self,
        host: str,
        *,
        timeout_seconds: float = 300.0,
        connect_timeout_seconds: float = CONNECT_TIMEOUT_SECONDS,
        backoff: Backoff | None = None,
    ) -> None:
        self.url = parse_host(host)
        self.backoff = backoff or Backoff()
        self._sockets = OpenSockets()
        self._transport = _Transport(
            self.url,
            event_hooks={**self._sockets.hooks, "response": [bound]},
            headers=PLAIN,
            timeout=httpx.Timeout(
                timeout_seconds, connect=min(connect_timeout_seconds, timeout_seconds)
            ),
            follow_redirects=False,
            **route_to(self.url).options(),
        )

    @classmethod
    def connect(cls, options: OllamaOptions, backoff: Backoff | None = None) -> Self:
        """Connect to the configured server; an unset host means this machine's default port."""
        return cls(
            options.host or "127.0.0.1",
            timeout_seconds=options.timeout_seconds,
            backoff=backoff,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; the client cannot be used afterwards."""
        self._transport.close()  # type: ignore[no-untyped-call]

    def interrupt(self) -> None:
        """End all requests in progress, from another thread; they fail and are not repeated."""
        self._sockets.interrupt()

    def version(self) -> str:
        """The server's version.

        :raises ServiceUnavailableError: it did not answer.
        :raises PermanentError: what answers is not Ollama.
        """
        return self._call(self._transport.version)

    def models(self) -> tuple[ModelInfo, ...]:
        """Every model on the server, in its order; capabilities and context are left empty.

        :raises ServiceUnavailableError: the server did not answer.
        """
        listed = self._call(self._transport.list).models
        return tuple(
            ModelInfo(
                name=entry.model or "",
                digest=entry.digest or "",
                size_bytes=int(entry.size or 0),
                context_length=0,
                capabilities=frozenset(),
            )
            for entry in listed
        )

    def find(self, name: str) -> ModelInfo | None:
        """The list's entry for a model, None when the server does not have it.

        :param name: with or without ``:latest``.
        :raises ServiceUnavailableError: the server did not answer.
        """
        return next((entry for entry in self.models() if same_model(entry.name, name)), None)

    def show(self, name: str) -> ModelInfo:
        """Everything the server says of one model.

        :param name: with or without ``:latest``.
        :raises ModelMissingError: the server does not have it.
        :raises ServiceUnavailableError: the server did not answer.
        """
        listed = self.find(name)
        if listed is None:
            raise ModelMissingError(
                f"Ollama at {self.url} does not have the model {name}; run "
                f"`harness models pull {name}`"
            )
        shown = self._call(lambda: self._transport.show(name), name)
        details = dict(shown.modelinfo or {})
        return ModelInfo(
            name=listed.name,
            digest=listed.digest,
            size_bytes=listed.size_bytes,
            context_length=_context_length(details),
            capabilities=_capabilities(shown, details),
        )

    def embed_once(
        self, model: str, texts: Sequence[str], options: Mapping[str, int]
    ) -> Sequence[Sequence[float]]:
        """One embedding request, not repeated; a text longer than the context is an error.

        :param texts: sent as they are, in one array.
        :raises Exception: one of :data:`harness.models.ollama.failures.CAUGHT`, as it came.
        """
        return self._transport.embed(
            model=model, input=texts, truncate=False, options=options, keep_alive=KEEP_ALIVE
        ).embeddings

    def stream_chat(
        self, model: str, payload: Mapping[str, object]
    ) -> Iterator[ollama.ChatResponse]:
        """The parts of a chat answer; tried again only until the first part has arrived.

        :param payload: body of ``/api/chat``.
        :raises ServiceUnavailableError: not reachable, timed out, 429, 5xx or a broken stream.
        :raises ModelMissingError: the server does not have the model.
        :raises PermanentError: the server refused the request.
        """
        parts, part = self._call(
            lambda: _first_part(self._transport.stream_chat(payload)), model, streaming=True
        )
        with closing(parts):
            try:
                while part is not None:
                    yield part
                    part = next(parts, None)
            except CAUGHT as error:
                raise diagnose(error, self.url, model, streaming=True).error from error

    def pull_once(self, name: str) -> Iterator[ollama.ProgressResponse]:
        """One pull, not repeated: the server's progress lines as they come.

        :raises Exception: one of :data:`harness.models.ollama.failures.CAUGHT`, as it came.
        """
        with closing(_generator(self._transport.pull(name, stream=True))) as lines:
            yield from lines

    def _call(self, request: Callable[[], T], model: str = "", streaming: bool = False) -> T:
        caught = (*CAUGHT, KeyError)
        interruptions = self._sockets.interruptions

        def is_passing(error: BaseException) -> bool:
            if self._sockets.interruptions > interruptions:
                return False
            return isinstance(error, caught) and (
                diagnose(error, self.url, model, streaming).advice in (Advice.RETRY, Advice.CRASHED)
            )

        try:
            return self.backoff.call(request, is_worth_it=is_passing)
        except caught as error:
            raise diagnose(error, self.url, model, streaming).error from error


def _first_part(stream: Iterator[T]) -> tuple[Generator[T, None, None], T | None]:
    """Wait for a stream's first part, None when it has none."""
    parts = _generator(stream)
    return parts, next(parts, None)


def _generator(parts: Iterator[T]) -> Generator[T, None, None]:
    # Closing a generator closes the connection of a stream that is left early.
    yield from parts


def _context_length(details: Mapping[str, object]) -> int:
    architecture = details.get("general.architecture")
    value = details.get(f"{architecture}.context_length", 0)
    return int(value) if isinstance(value, int | float) else 0


def _capabilities(shown: ollama.ShowResponse, details: Mapping[str, object]) -> frozenset[str]:
    if shown.capabilities is not None:
        return frozenset(shown.capabilities)
    # Servers before 0.6.4 do not say: the same signs that they decide by themselves.
    if any(key.endswith(".pooling_type") for key in details):
        return frozenset({"embedding"})
    tools = {"tools"} if ".Tools" in (shown.template or "") else set()
    return frozenset({"completion", *tools})
