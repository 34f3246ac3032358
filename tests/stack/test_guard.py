"""What the local Prefect server's guard lets through, and how a link logs a browser in."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import urlsplit

import pytest

from harness.stack.content_policy import published
from harness.stack.guard import Guard
from harness.stack.login import LIFETIME_SECONDS, LOGIN_PATH, LoginCodes, login_url

AUTH = "harness:a-password"
STORED = base64.b64encode(AUTH.encode()).decode()


class Exchange:
    """One request to a guard, and what came of it."""

    def __init__(self) -> None:
        self.passed: list[str] = []
        self.headers: list[tuple[bytes, bytes]] = []
        self.guard = Guard(self._app, AUTH)

    async def _app(self, scope: MutableMapping[str, Any], _receive: Any, send: Any) -> None:
        self.passed.append(scope["type"])
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 299, "headers": []})
            await send({"type": "http.response.body", "body": b""})

    def __call__(
        self,
        *headers: tuple[str, str],
        method: str = "GET",
        path: str = "/api/flows/",
        body: bytes = b"",
        kind: str = "http",
    ) -> tuple[int, bytes]:
        """Code and body; a refused websocket has its close code."""
        sent: list[MutableMapping[str, Any]] = []
        scope = {
            "type": kind, "method": method, "path": path, "query_string": b"",
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers],
        }  # fmt: skip

        async def receive() -> MutableMapping[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: MutableMapping[str, Any]) -> None:
            sent.append(message)
            self.headers += message.get("headers", ())

        asyncio.run(self.guard(scope, receive, send))
        code = next((m.get("status") or m.get("code") for m in sent), 0)
        return int(code or 0), b"".join(m.get("body", b"") for m in sent)


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(
    ("headers", "passes"),
    [
        pytest.param([("Host", "127.0.0.1:4200")], True, id="address"),
        pytest.param([("Host", "localhost:4200")], True, id="name"),
        pytest.param([("Host", "LOCALHOST")], True, id="tunnel"),
        pytest.param([], False, id="no-host"),
        pytest.param([("Host", "")], False, id="empty-host"),
        pytest.param([("Host", "rebound.example:4200")], False, id="rebound"),
        pytest.param([("Host", "localhost.example")], False, id="suffix"),
        pytest.param([("Host", "127.0.0.1.example")], False, id="prefix"),
        pytest.param([("Host", "[::")], False, id="malformed"),
        pytest.param([("Host", "localhost"), ("Host", "x.example")], False, id="two-hosts"),
        pytest.param(
            [("Host", "127.0.0.1:4200"), ("Origin", "http://127.0.0.1:4200")], True, id="own-page"
        ),
        pytest.param(
            [("Host", "127.0.0.1:4200"), ("Origin", "http://localhost:4200")], True, id="own-name"
        ),
        pytest.param(
            [("Host", "127.0.0.1:4200"), ("Origin", "http://localhost:3000")], False, id="own-port"
        ),
        pytest.param(
            [("Host", "127.0.0.1:4200"), ("Origin", "https://x.example")], False, id="cross-site"
        ),
        pytest.param([("Host", "127.0.0.1:4200"), ("Origin", "null")], False, id="sandboxed"),
        pytest.param(
            [("Host", "127.0.0.1:4200"), ("Origin", "file://localhost:4200")], False, id="file"
        ),
        pytest.param(
            [("Host", "127.0.0.1:4200"), ("Origin", "http://127.0.0.1:x")], False, id="bad-port"
        ),
    ],
)
def test_only_this_machines_names_and_own_pages_pass(
    kind: str, headers: list[tuple[str, str]], passes: bool
) -> None:
    exchange = Exchange()
    code, _ = exchange(*headers, kind=kind)
    assert exchange.passed == ([kind] if passes else [])
    assert passes or code == {"http": 403, "websocket": 1008}[kind]


def test_the_server_itself_starts_and_ends_unhindered() -> None:
    exchange = Exchange()
    exchange(kind="lifespan")
    assert exchange.passed == ["lifespan"]


HOST = ("Host", "127.0.0.1:4200")


def test_its_pages_reach_nothing_beyond_this_machine() -> None:
    exchange = Exchange()
    exchange(HOST)
    policy = dict(exchange.headers)[b"content-security-policy"].decode()
    sources = {word for rule in policy.split(";") for word in rule.split()[1:]}
    hosts = {urlsplit(source).hostname for source in sources if "//" in source}
    assert hosts == {"127.0.0.1", "localhost"}
    assert not {"*", "http:", "https:", "ws:", "wss:"} & sources
    assert policy.startswith("default-src 'self'")


@pytest.mark.parametrize(
    ("api_url", "reachable"),
    [
        pytest.param(
            "http://127.0.0.1:4200/api",
            {"http://127.0.0.1:4200", "ws://127.0.0.1:4200"},
            id="port-forward",
        ),
        pytest.param(
            "https://prefect.example.com/api",
            {"https://prefect.example.com", "wss://prefect.example.com"},
            id="ingress",
        ),
        pytest.param("https://[2001:db8::1]/api",
                     {"https://[2001:db8::1]", "wss://[2001:db8::1]"}, id="ipv6"),
        pytest.param("/api", set(), id="path"),
        pytest.param(None, set(), id="unset"),
        pytest.param("javascript://prefect.example.com/api", set(), id="no-server"),
    ],
)  # fmt: skip
def test_pages_of_a_published_server_reach_its_own_address_only(
    api_url: str | None, reachable: set[str]
) -> None:
    rules = dict(rule.split(maxsplit=1) for rule in published(api_url).split("; "))
    assert {word for words in rules.values() for word in words.split() if "//" in word} == reachable
    assert set(rules["connect-src"].split()) == {"'self'", "data:", "blob:", *reachable}
    assert rules["default-src"] == "'self' data: blob:"


def test_a_link_logs_in_once() -> None:
    exchange = Exchange()
    link = urlsplit(login_url(4200, AUTH, "/runs"))
    assert (link.netloc, link.path) == ("127.0.0.1:4200", LOGIN_PATH)
    code, slash, page = link.fragment.partition("/")
    assert slash + page == "/runs"
    assert AUTH.partition(":")[2] not in link.geturl() and STORED not in link.geturl()

    status, content = exchange(HOST, path=LOGIN_PATH)
    assert status == 200 and b"prefect-password" in content
    status, content = exchange(HOST, path=LOGIN_PATH, method="POST", body=code.encode())
    assert (status, json.loads(content)) == (200, {"password": STORED})
    for body in (code.encode(), b"", b"x" * 100, b"\xff", code[:-1].encode()):
        status, content = exchange(HOST, path=LOGIN_PATH, method="POST", body=body)
        assert status == 403 and STORED.encode() not in content
    assert exchange(HOST, path=LOGIN_PATH, method="POST", body=b"x" * 1000)[0] == 413
    assert exchange(HOST, path=LOGIN_PATH, method="PUT")[0] == 405
    assert exchange.passed == []


def test_another_site_cannot_use_a_link() -> None:
    exchange = Exchange()
    code = login_url(4200, AUTH).partition("#")[2].encode()
    origin = ("Origin", "https://x.example")
    assert exchange(HOST, origin, path=LOGIN_PATH, method="POST", body=code)[0] == 403
    assert exchange(HOST, path=LOGIN_PATH, method="POST", body=code)[0] == 200


def test_codes_end_and_cannot_be_made_without_the_password() -> None:
    clock = [1000.0]

    def code(auth_string: str = AUTH) -> str:
        link = login_url(4200, auth_string, now=lambda: clock[0])
        return link.partition("#")[2]

    codes = LoginCodes(AUTH, now=lambda: clock[0])
    assert codes.redeem(code("harness:another")) is None
    longer = code().split(".")
    longer[0] = str(int(longer[0]) + 1)
    assert codes.redeem(".".join(longer)) is None
    old = code()
    clock[0] += LIFETIME_SECONDS + 1
    assert codes.redeem(old) is None
    used = code()
    assert codes.redeem(used) == STORED
    clock[0] += LIFETIME_SECONDS - 1
    assert codes.redeem(used) is None
    assert codes.redeem(code()) == STORED
