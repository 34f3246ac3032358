"""The few calls to a Prefect server's HTTP API that starting and watching runs needs."""

from __future__ import annotations

import base64
import http.client
import json
import threading
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Mapping

from harness.errors import ServiceUnavailableError, StackError, UsageError
from harness.proxies import proxy_for
from harness.repository.credentials import redact_urls
from harness.retrying import Backoff

_READS = ("/filter", "/count")
# What Prefect says when it wants a CSRF token, or another one (prefect/server/api/middleware.py).
_CSRF_REFUSALS = ("Missing CSRF token", "Invalid CSRF token")


class PrefectApi:
    """A Prefect server.

    :param url: address of the API, for example ``http://127.0.0.1:4200/api``.
    :param timeout_seconds: for one call.
    :param auth_string: ``user:password`` of a server with basic authentication.
    :param read_attempts: at calls that change nothing: a server on SQLite answers 503, or late,
        while its database is busy.
    :raises InvalidSettingError: the proxy for it cannot be used.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout_seconds: float = 15.0,
        auth_string: str | None = None,
        read_attempts: int = 3,
    ) -> None:
        self.url = url.rstrip("/")
        self._timeout_seconds = timeout_seconds
        self._read_attempts = read_attempts
        # Our name at a server with CSRF protection, which gives each client its own token.
        self._client = uuid.uuid4().hex
        self._headers = {"Content-Type": "application/json"}
        self._renewing = threading.Lock()
        if auth_string:
            encoded = base64.b64encode(auth_string.encode()).decode()
            self._headers["Authorization"] = f"Basic {encoded}"
        proxy = proxy_for(self.url)
        proxies = {} if proxy is None else {self.url.partition(":")[0].lower(): proxy}
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler(proxies))

    def is_healthy(self) -> bool:
        """Tell whether the server answers; never raises."""
        try:
            return self._once("GET", "/health", None) is True
        except (ServiceUnavailableError, StackError, UsageError):
            return False

    def request(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None = None,
        *,
        attempts: int | None = None,
    ) -> object:
        """Make one call and return its decoded JSON (None when the answer is empty).

        :param attempts: how often it is sent while the server is busy; more than once only if
            nothing is done twice then. None: ``read_attempts`` for calls that only read, else 1.
        :raises ServiceUnavailableError: no answer, a time-out, 429 or 5xx.
        :raises UsageError: the server refused what was sent (409, 422).
        :raises StackError: any other answer that is not a success.
        """
        if attempts is None:
            reads = method == "GET" or path.endswith(_READS)
            attempts = self._read_attempts if reads else 1
        return Backoff(attempts).call(lambda: self._once(method, path, body))

    def _once(self, method: str, path: str, body: Mapping[str, object] | None) -> object:
        headers = self._headers
        try:
            return self._send(method, path, body, headers)
        except _TokenWantedError:
            return self._send(method, path, body, self._renewed(headers))

    def _renewed(self, refused: dict[str, str]) -> dict[str, str]:
        """Headers with a CSRF token; not asked for before, because most servers have no such
        protection.

        Threads may share this object, and a new token ends the one before: whoever comes second
        takes the first one's.

        :param refused: the headers that were not enough.
        """
        with self._renewing:
            if self._headers is refused:
                path = f"/csrf-token?client={self._client}"
                document = self._send("GET", path, None, refused)
                token = document.get("token") if isinstance(document, dict) else None
                self._headers = refused | {
                    "Prefect-Csrf-Token": str(token),
                    "Prefect-Csrf-Client": self._client,
                }
            return self._headers

    def _send(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None,
        headers: Mapping[str, str],
    ) -> object:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310 - http(s) address of a Prefect server
            self.url + path, data=data, method=method, headers=dict(headers)
        )
        try:
            with self._opener.open(request, timeout=self._timeout_seconds) as response:
                content = response.read()
            return json.loads(content) if content else None
        except urllib.error.HTTPError as error:
            with error:
                detail = _detail(error.read())
            message = f"Prefect at {self.url} answered {error.code} to {method} {path}: {detail}"
            if error.code == 403 and detail.startswith(_CSRF_REFUSALS):
                raise _TokenWantedError(message) from None
            if error.code == 401:
                message += "; PREFECT_API_AUTH_STRING is the server's user:password"
            if error.code == 429 or error.code >= 500:
                raise ServiceUnavailableError(message) from None
            if error.code in (409, 422):
                # It quotes what was sent, such as a URL with a password.
                raise UsageError(redact_urls(detail)) from None
            if error.code == 404:
                raise _NotFoundError(message) from None
            raise StackError(message) from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise ServiceUnavailableError(
                f"Prefect at {self.url} does not answer ({error}); start it with `harness up`"
            ) from None

    def mapping(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None = None,
        *,
        attempts: int | None = None,
    ) -> dict[str, object]:
        """As :meth:`request`, for an answer that is one object.

        :raises StackError: it is something else.
        """
        answer = self.request(method, path, body, attempts=attempts)
        if not isinstance(answer, dict):
            raise StackError(f"Prefect at {self.url} gave an unexpected answer to {path}")
        return answer

    def listing(
        self, method: str, path: str, body: Mapping[str, object] | None = None
    ) -> list[dict[str, object]]:
        """As :meth:`request`, for an answer that is a list of objects.

        :raises StackError: it is something else.
        """
        answer = self.request(method, path, body)
        if not isinstance(answer, list):
            raise StackError(f"Prefect at {self.url} gave an unexpected answer to {path}")
        return [entry for entry in answer if isinstance(entry, dict)]

    def work_pool(self, name: str) -> dict[str, object]:
        """A work pool as the server describes it.

        :raises StackError: there is none of this name.
        """
        return self.mapping("GET", f"/work_pools/{_quote(name)}")

    def online_workers(self, work_pool: str) -> list[str]:
        """Names of the workers that poll a work pool; empty when the pool does not exist."""
        try:
            workers = self.listing("POST", f"/work_pools/{_quote(work_pool)}/workers/filter", {})
        except _NotFoundError:
            return []
        return [str(worker["name"]) for worker in workers if worker.get("status") == "ONLINE"]


class _NotFoundError(StackError):
    """The server has nothing there."""


class _TokenWantedError(StackError):
    """The server wants a CSRF token, or a newer one: they end after an hour."""


def _quote(part: str) -> str:
    return urllib.parse.quote(part, safe="")


def _detail(content: bytes) -> str:
    """The server's own words on an error, on one line."""
    text = content.decode(errors="replace")
    try:
        document = json.loads(text)
    except ValueError:
        document = text
    if isinstance(document, dict):
        document = document.get("detail") or document.get("exception_detail") or document
    return " ".join(str(document).split())[:500]
