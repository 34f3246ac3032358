"""The calls that the command line makes of a service."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import httpx

from harness.agent.envelope import Envelope
from harness.bounded_answers import PLAIN, bound
from harness.errors import (
    InvalidSettingError,
    PermanentError,
    ServiceTimeoutError,
    ServiceUnavailableError,
    TransientError,
)
from harness.index.status import RepositoryStatus
from harness.proxies import is_internal, route_to
from harness.search.symbols import SymbolPlace, SymbolPlaces
from harness.service_client.reading import AnswerReader, envelope_of_task
from harness.types import Hit, SearchAnswer

if TYPE_CHECKING:
    from harness.search.repository_map import RepositoryMap

_API = "/api/v1"
_PAGE = 100
_CONNECT_SECONDS = 10.0
# The service answers within 60 s, and a stream says at least every 15 s that it is alive.
_SILENCE_SECONDS = 75.0
_POLL_SECONDS = 2.0
# How long the service may be away while a task is followed, such as for a new version of it.
_AWAY_SECONDS = 120.0
_FINAL = frozenset({"COMPLETED", "FAILED", "CRASHED", "CANCELLED"})


class ServiceClient:
    """A service and the token for it; a context manager that closes its connections.

    Proxies of the environment are for public host names only, see :mod:`harness.proxies`.
    Redirects are not followed, so that the token goes nowhere else.

    :param url: its address, with the path below which a proxy serves it, if any.
    :param token: None: without one, as on this machine.
    :raises InvalidSettingError: the address or the token cannot be used, or the token would go over
        the internet in the clear.
    """

    def __init__(self, url: str, token: str | None = None) -> None:
        self.url = _checked_url(url, bool(token))
        self._reader = AnswerReader(self.url)
        headers = dict(PLAIN)
        if token:
            if not token.isascii() or not token.isprintable() or " " in token:
                raise InvalidSettingError("HARNESS_TOKEN is not a token of the service")
            headers["Authorization"] = f"Bearer {token}"
        self._http = httpx.Client(
            base_url=self.url,
            headers=headers,
            timeout=httpx.Timeout(_SILENCE_SECONDS, connect=_CONNECT_SECONDS),
            follow_redirects=False,
            event_hooks={"response": [bound]},
            **route_to(self.url).options(),
        )

    def __enter__(self) -> ServiceClient:
        return self

    def __exit__(self, *error: object) -> None:
        self._http.close()

    def search(
        self,
        query: str,
        *,
        repo: str | None,
        language: str | None,
        path_glob: str | None,
        limit: int,
        explain: bool = False,
    ) -> SearchAnswer:
        """Ranked passages, best first; see :func:`harness.search.retrieval.find`.

        A service of a former version says nothing of how well they match: it is taken for well.
        """
        hits: list[Hit] = []
        parts: list[dict[str, float]] = []
        match, matches_well, reworded = 1.0, True, ""
        while len(hits) < limit or limit < 1:
            wanted = min(limit - len(hits), _PAGE)
            where = {"q": query, "repo": repo, "lang": language, "path": path_glob}
            if explain:
                where["explain"] = "true"
            found = self._get("/search", **where, limit=wanted, offset=len(hits))
            page = [self._reader.one(Hit, entry) for entry in found["results"]]
            if not hits:
                match = float(found.get("match", match))
                matches_well = bool(found.get("matches_well", matches_well))
                reworded = str(found.get("reworded", reworded))
            hits += page
            parts += found.get("parts") or []
            if not page or not found.get("more"):
                break
        return SearchAnswer(tuple(hits), match, matches_well, tuple(parts), reworded)

    def symbol(self, name: str, *, repo: str | None, limit: int) -> SymbolPlaces:
        """Where a name is defined and used; see :func:`harness.search.symbols.find_symbol`."""
        found = self._get("/symbols", name=name, repo=repo, limit=limit)
        return SymbolPlaces(
            str(found["name"]),
            tuple(self._reader.one(SymbolPlace, entry) for entry in found["definitions"]),
            tuple(self._reader.one(SymbolPlace, entry) for entry in found["references"]),
            bool(found["complete"]),
        )

    def map(self, *, repo: str | None, focus: str, budget: int) -> RepositoryMap:
        """The map of a repository; see
        :func:`harness.search.repository_map.map_repository`."""
        from harness.search.repository_map import MapDefinition, MapFile, RepositoryMap

        found, read = self._get("/map", repo=repo, focus=focus or None, budget=budget), self._reader
        files = tuple(
            replace(
                read.one(MapFile, entry),
                definitions=tuple(read.one(MapDefinition, one) for one in entry["definitions"]),
            )
            for entry in found["files"]
        )
        return replace(read.one(RepositoryMap, found), files=files)

    def statuses(self) -> list[RepositoryStatus]:
        """Every repository that the token may see."""
        entries = self._get("/repositories")["repos"]
        return [self._reader.one(RepositoryStatus, entry) for entry in entries]

    def ask(
        self,
        question: str,
        *,
        repo: str | None,
        language: str | None,
        path_glob: str | None,
        limit: int,
        on_passages: Callable[[Envelope], None],
        on_step: Callable[[int, str], None],
    ) -> Envelope:
        """An answer with checked citations.

        :param on_passages: told the passages, before a model says anything.
        :param on_step: told what the model does: number of the step, and a line.
        """
        body = {
            "question": question,
            "repo": repo,
            "lang": language,
            "path": path_glob,
            "limit": limit,
        }
        for kind, data in self._stream(f"{_API}/ask", body):
            if kind == "passages":
                on_passages(self._reader.envelope(data))
            elif kind == "step":
                on_step(int(data["step"]), str(data["text"]))
            elif kind == "answer":
                return self._reader.envelope(data)
            elif kind == "error":
                raise PermanentError(str(data["error"]))
        raise ServiceUnavailableError(f"the service at {self.url} broke off; ask again")

    def task(
        self,
        text: str,
        *,
        repo: str,
        verify: str | None,
        ref: str | None,
        on_change: Callable[[str], None],
    ) -> tuple[Envelope, Mapping[str, Any]]:
        """Start a task, and wait for its end.

        :param repo: a repository's name.
        :param on_change: told of its start and of each new state, in a line.
        :raises KeyboardInterrupt: the task was cancelled as well.
        :returns: the result, and the task as the service describes it.
        """
        body = {"text": text, "repo": repo, "verify": verify, "ref": ref}
        task = self._post("/tasks", body)
        on_change(f"task {task['name']} ({task['id']}): {task['state']}")
        try:
            return self._followed(task, f"/tasks/{quote(str(task['id']), safe='')}", on_change)
        except KeyboardInterrupt:  # as it ends a task of this machine
            self._post(f"/tasks/{quote(str(task['id']), safe='')}/cancel", {})
            raise

    def _followed(
        self, task: Mapping[str, Any], place: str, on_change: Callable[[str], None]
    ) -> tuple[Envelope, Mapping[str, Any]]:
        state = task["state"]
        heard = time.monotonic()
        while task.get("state_type") not in _FINAL:
            time.sleep(_POLL_SECONDS)
            try:
                task = self._get(place)
                heard = time.monotonic()
            except TransientError:
                if time.monotonic() - heard > _AWAY_SECONDS:
                    raise
                continue
            if task["state"] != state:
                state = task["state"]
                on_change(f"task {task['name']}: {state}")
        return envelope_of_task(task), task

    def _get(self, place: str, /, **query: Any) -> dict[str, Any]:
        given = {name: value for name, value in query.items() if value is not None}
        with self._errors():
            return self._document(self._http.get(f"{_API}{place}", params=given))

    def _post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        with self._errors():
            return self._document(self._http.post(f"{_API}{path}", json=dict(body)))

    def _stream(
        self, path: str, body: Mapping[str, Any]
    ) -> Iterator[tuple[str, Mapping[str, Any]]]:
        headers = {"Accept": "text/event-stream"}
        with (
            self._errors(),
            self._http.stream("POST", path, json=dict(body), headers=headers) as answer,
        ):
            if answer.status_code >= 300:
                answer.read()
                raise self._reader.refusal(answer)
            kind = ""
            for line in answer.iter_lines():
                name, _, value = line.partition(": ")
                if name == "event":
                    kind = value
                elif name == "data":
                    yield kind, json.loads(value)

    def _document(self, answer: httpx.Response) -> dict[str, Any]:
        if answer.status_code >= 300:
            raise self._reader.refusal(answer)
        document = answer.json()
        if not isinstance(document, dict):
            raise ValueError
        return document

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """What goes wrong with the connection, or is no answer of the service, in one line."""
        try:
            yield
        except httpx.TimeoutException:
            raise ServiceTimeoutError(
                f"the service at {self.url} gave no answer in time; try again later"
            ) from None
        except (httpx.HTTPError, httpx.StreamError) as error:
            raise ServiceUnavailableError(
                f"the service at {self.url} does not answer ({error}); check HARNESS_URL"
            ) from None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise self._reader.other_server() from None


def _checked_url(url: str, has_token: bool) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable, parts = False, urlsplit("")
    if not usable or parts.query or parts.fragment:
        raise InvalidSettingError("HARNESS_URL: write it as https://code.example.org")
    if parts.username is not None or parts.password is not None:
        raise InvalidSettingError("HARNESS_URL holds a password; put a token into HARNESS_TOKEN")
    if has_token and parts.scheme == "http" and not is_internal(url):
        raise InvalidSettingError(
            f"HARNESS_URL: the token would go to {parts.hostname} in the clear; use https://"
        )
    return url.rstrip("/")
