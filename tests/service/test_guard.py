"""What is refused before it reaches an endpoint."""

from __future__ import annotations

import asyncio
import json
import stat
from pathlib import Path

import pytest
from starlette.types import ASGIApp, Message

from harness.errors import InvalidSettingError
from harness.service.options import ProxyTrust, ServiceOptions
from harness.service.recognising import Recogniser
from harness.service.tokens import Tokens
from tests.service.lab import Lab, build, running

SEARCH = "/api/v1/search?q=sign"


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"Authorization": "Bearer harness_abc_def"}, id="unknown"),
        pytest.param({"Authorization": "Basic YTpi"}, id="another-scheme"),
        pytest.param({"Cookie": "harness_session=harness_abc_def"}, id="cookie"),
        pytest.param({"X-Forwarded-User": "eve", "X-Forwarded-Groups": "all"}, id="forged-proxy"),
        pytest.param(
            {"X-Forwarded-For": "127.0.0.1", "X-Real-IP": "127.0.0.1"}, id="forged-address"
        ),
    ],
)
def test_nobody_is_let_in_without_a_token(lab: Lab, headers: dict[str, str]) -> None:
    answer = lab.get(SEARCH, headers=headers)
    assert answer.status_code == 401
    assert "harness tokens create" in answer.json()["error"]


def test_a_token_in_the_header_or_in_the_cookie(lab: Lab) -> None:
    assert lab.get(SEARCH, "reader").status_code == 200
    cookie = {"Cookie": f"harness_session={lab.tokens['reader']}"}
    assert lab.get(SEARCH, headers=cookie).status_code == 200


def test_a_wrong_token_is_not_saved_by_a_right_cookie(lab: Lab) -> None:
    headers = {
        "Cookie": f"harness_session={lab.tokens['admin']}",
        "Authorization": "Bearer harness_abc_def",
    }
    assert lab.get(SEARCH, headers=headers).status_code == 401


def test_a_browser_is_sent_to_the_login(lab: Lab) -> None:
    answer = lab.get("/repositories?x=1", headers={"Accept": "text/html"})
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        "/login?next=/repositories%3Fx%3D1",
    )


def test_on_loopback_no_token_is_needed(local: Lab) -> None:
    assert local.get(SEARCH).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example.org",
        "127.0.0.1.evil.org",
        "",
        "localhost.evil:4280",
        "[::2]",
        "127.0.0.1#evil.example.org",
        "localhost/evil.example.org",
        "evil.example.org@localhost",
    ],
)
def test_another_host_is_refused_on_loopback(local: Lab, host: str) -> None:
    assert local.get(SEARCH, headers={"Host": host}).status_code == 421


@pytest.mark.parametrize("host", ["localhost:4280", "127.0.0.1", "[::1]:4280", "LOCALHOST"])
def test_this_machine_has_several_names(local: Lab, host: str) -> None:
    assert local.get(SEARCH, headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        pytest.param("GET", {"Origin": "https://evil.org"}, 403, id="read"),
        pytest.param("POST", {"Origin": "https://evil.org"}, 403, id="write"),
        pytest.param("POST", {"Origin": "null"}, 403, id="sandboxed"),
        pytest.param("POST", {"Origin": "http://127.0.0.1:4281"}, 403, id="another-port"),
        pytest.param("POST", {"Sec-Fetch-Site": "cross-site"}, 403, id="form"),
        pytest.param("POST", {"Sec-Fetch-Site": "same-site"}, 403, id="neighbour"),
        pytest.param(
            "GET", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, 403, id="image"
        ),
        pytest.param(
            "GET", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 200, id="link"
        ),
        pytest.param("GET", {"Origin": "http://127.0.0.1:4280"}, 200, id="own"),
    ],
)
def test_other_sites_pages_are_refused(
    local: Lab, method: str, headers: dict[str, str], status: int
) -> None:
    assert local.request(method, SEARCH, headers=headers).status_code == status


def test_a_large_body_is_refused_whether_or_not_its_size_is_announced(lab: Lab) -> None:
    body = b'"' + b"x" * 2_000_000 + b'"'
    path = "/api/v1/ask"
    assert lab.request("POST", path, "asker", content=body).status_code == 413
    assert lab.request("POST", path, "asker", content=iter([body])).status_code == 413
    headers = {"Content-Length": "many"}
    assert lab.request("POST", path, "asker", headers=headers).status_code == 413


def test_too_many_requests_are_asked_to_slow_down(index: Path, tmp_path: Path) -> None:
    options = ServiceOptions(requests_per_minute=60)
    with running(index, tmp_path, options=options) as lab:
        codes = [lab.get(SEARCH, "reader").status_code for _ in range(30)]
        assert codes[0] == 200
        assert 429 in codes
        # Another caller has an allowance of its own.
        assert lab.get(SEARCH, "web-reader").status_code == 200


INGRESS = ProxyTrust(forwarders=("10.1.0.0/16", "2001:db8:1::/48"))


@pytest.mark.parametrize(
    ("peer", "flooding", "other", "alone"),
    [
        pytest.param("10.1.2.3", ["203.0.113.1"], ["203.0.113.2"], True, id="two-clients"),
        pytest.param(
            "10.1.2.3", ["6.6.6.6, 203.0.113.1"], ["7.7.7.7, 203.0.113.1"], False, id="forged"
        ),
        pytest.param(
            "10.1.2.3",
            ["6.6.6.6", "203.0.113.1"],
            ["7.7.7.7", "203.0.113.1"],
            False,
            id="forged-line",
        ),
        pytest.param(
            "10.1.2.3", ["203.0.113.1, 10.1.9.9"], ["203.0.113.2, 10.1.9.9"], True, id="two-proxies"
        ),
        pytest.param("10.1.2.3", ["203.0.113.1, ?"], ["203.0.113.2, ?"], False, id="no-address"),
        pytest.param("10.2.2.3", ["203.0.113.1"], ["203.0.113.2"], False, id="not-trusted"),
        pytest.param("10.1.2.3", ["2001:db8::1"], ["2001:db8::2"], False, id="one-network-of-ipv6"),
        pytest.param("10.1.2.3", ["2001:db8:0:1::1"], ["2001:db8:0:2::1"], True, id="two-of-ipv6"),
        pytest.param("2001:db8:1::7", ["203.0.113.1"], ["203.0.113.2"], True, id="proxy-of-ipv6"),
    ],
)
def test_each_client_behind_an_ingress_has_an_allowance(
    index: Path, tmp_path: Path, peer: str, flooding: list[str], other: list[str], alone: bool
) -> None:
    options = ServiceOptions(requests_per_minute=1)  # allows 10 at once
    with running(index, tmp_path, options=options, proxy=INGRESS, client=(peer, 1)) as lab:

        def get(forwarded: list[str]) -> int:
            headers = [("X-Forwarded-For", one) for one in forwarded]
            return int(lab.client.get("/login", headers=headers).status_code)

        assert 429 in [get(flooding) for _ in range(30)]
        assert get(other) == (200 if alone else 429)


def test_answers_that_are_not_read_are_counted(index: Path, tmp_path: Path) -> None:
    """A client that reads no answer gets no more of them, and others do."""
    options = ServiceOptions(requests_at_once=3, requests_per_minute=100_000)

    async def ask(app: ASGIApp, tokens: dict[str, str]) -> list[int]:
        released, seen = asyncio.Event(), []

        async def get(token: str) -> None:
            async def receive() -> Message:
                return {"type": "http.request", "body": b"", "more_body": False}

            async def send(message: Message) -> None:
                if message["type"] == "http.response.start":
                    seen.append(message["status"])
                if message["status" if "status" in message else "type"] == 200:
                    await released.wait()

            headers = [
                (b"host", b"code.example.org"),
                (b"authorization", f"Bearer {tokens[token]}".encode()),
            ]
            scope = {
                "type": "http", "method": "GET", "path": "/api/v1/repositories", "headers": headers,
                "query_string": b"", "client": ("192.0.2.7", 1), "server": ("x", 80),
                "scheme": "https", "root_path": "", "http_version": "1.1",
                "raw_path": b"/api/v1/repositories",
            }  # fmt: skip
            await app(scope, receive, send)

        async with asyncio.TaskGroup() as tasks:
            for count, token in enumerate(["reader"] * 3, start=1):
                tasks.create_task(get(token))
                while len(seen) < count:
                    await asyncio.sleep(0.01)
            await get("reader")
            other = tasks.create_task(get("admin"))
            while len(seen) < 5:
                await asyncio.sleep(0.01)
            released.set()
            await other
        await get("reader")
        return seen

    app, tokens = build(index, tmp_path, options=options)
    assert asyncio.run(ask(app, tokens)) == [200, 200, 200, 429, 200, 200]


def test_a_flood_does_not_keep_probes_out(index: Path, tmp_path: Path) -> None:
    options = ServiceOptions(requests_per_minute=1)  # allows 10 at once
    with running(index, tmp_path, options=options) as lab:
        assert 429 in [lab.get("/login").status_code for _ in range(30)]
        assert [lab.get("/healthz").status_code for _ in range(30)] == [200] * 30


@pytest.mark.parametrize("path", ["/api/v1/search", "/", "/login", "/readyz"])
def test_masses_of_parameters_are_refused_before_they_are_read(lab: Lab, path: str) -> None:
    query = "q=sign" + "".join(f"&a{number}=1" for number in range(299))
    assert lab.get(f"{path}?{query}", "reader").status_code == 200
    answer = lab.get(f"{path}?{query}&b=1", "reader")
    assert (answer.status_code, "300 parameters" in answer.text) == (400, True)


def test_answers_keep_a_browser_from_being_used(lab: Lab) -> None:
    for answer in (lab.get(SEARCH, "reader"), lab.get(SEARCH), lab.get("/healthz")):
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert "access-control-allow-origin" not in answer.headers


def test_the_audit_log_says_who_did_what_and_not_what_was_asked(lab: Lab) -> None:
    lab.get("/api/v1/search?q=signing+secret", "web-reader")
    lab.get("/api/v1/search?q=x", "nobody")
    log = lab.data / "service" / "audit.jsonl"
    (line,) = log.read_text().splitlines()
    entry = json.loads(line)
    assert {key: entry[key] for key in ("who", "what", "repositories", "status")} == {
        "who": "web-reader",
        "what": "GET /api/v1/search",
        "repositories": ["web"],
        "status": 200,
    }
    assert "signing" not in line
    assert lab.tokens["web-reader"] not in line
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_queries_are_noted_only_when_that_is_switched_on(index: Path, tmp_path: Path) -> None:
    options = ServiceOptions(log_queries=True)
    with running(index, tmp_path, options=options) as lab:
        lab.get(SEARCH, "reader")
        assert json.loads((tmp_path / "service" / "audit.jsonl").read_text())["query"] == "sign"


GROUPS = {
    "web": {"scope": "read", "repos": ["web"]},
    "platform": {"scope": "admin", "repos": ["team/*"]},
}


@pytest.mark.parametrize(
    "twice",
    [
        pytest.param([("X-Forwarded-Groups", "web"), ("X-Forwarded-Groups", "all")], id="groups"),
        pytest.param([("X-Forwarded-User", "ann"), ("X-Forwarded-User", "eve")], id="user"),
        pytest.param([("Authorization", "Bearer a"), ("Authorization", "Bearer b")], id="token"),
        pytest.param([("Origin", "https://code.example.org")] * 2, id="origin"),
    ],
)
def test_what_says_who_asks_is_said_once(
    index: Path, tmp_path: Path, trust: ProxyTrust, twice: list[tuple[str, str]]
) -> None:
    given = {name for name, _ in twice}
    others = [("X-Forwarded-User", "ann"), ("X-Forwarded-Groups", "web")]
    headers = [*twice, *(one for one in others if one[0] not in given)]
    with running(index, tmp_path, client=("10.1.2.3", 4000), proxy=trust) as lab:
        assert lab.client.get(SEARCH, headers=others).status_code == 200
        answer = lab.client.get(SEARCH, headers=headers)
    assert (answer.status_code, "twice" in answer.json()["error"]) == (400, True)


@pytest.fixture
def trust(tmp_path: Path) -> ProxyTrust:
    file = tmp_path / "groups.json"
    file.write_text(json.dumps(GROUPS))
    return ProxyTrust(addresses=("10.1.0.0/16", "fd00::/8"), groups_file=file)


@pytest.mark.parametrize(
    ("address", "groups", "found"),
    [
        pytest.param("10.1.2.3", "web", {"web"}, id="one-group"),
        pytest.param("10.1.2.3", "other, platform ,web", {"web", "team/api"}, id="several"),
        pytest.param("::ffff:10.1.2.3", "web", {"web"}, id="mapped"),
        pytest.param("fd00::7", "platform", {"team/api"}, id="ipv6"),
        pytest.param("10.1.2.3", "other", None, id="unknown-group"),
        # A blank to Python alone, as a proxy sends it in Latin-1: part of another group's name.
        pytest.param("10.1.2.3", "web\xa0".encode("latin-1"), None, id="no-break-space"),
        pytest.param("10.1.2.3", "", None, id="no-group"),
        pytest.param("10.2.0.1", "web", None, id="another-address"),
        pytest.param("testclient", "web", None, id="no-address"),
    ],
)
def test_a_trusted_proxy_names_the_user(
    index: Path,
    tmp_path: Path,
    trust: ProxyTrust,
    address: str,
    groups: str | bytes,
    found: set[str] | None,
) -> None:
    headers: dict[str, str | bytes] = {"X-Forwarded-User": "ada", "X-Forwarded-Groups": groups}
    with running(index, tmp_path, proxy=trust, client=(address, 1)) as lab:
        answer = lab.get(SEARCH, headers=headers)
    if found is None:
        assert answer.status_code == 401
    else:
        assert {hit["repo"] for hit in answer.json()["results"]} == found


def test_a_group_has_its_scope_for_its_own_repositories_only(
    trust: ProxyTrust, tmp_path: Path
) -> None:
    from harness.service.callers import Scope

    recogniser = Recogniser.build(True, Tokens(tmp_path / "tokens.json"), trust)
    headers = {"x-forwarded-user": "ada", "x-forwarded-groups": "web,platform"}
    ada = recogniser.caller("10.1.0.1", headers, {})
    assert ada is not None
    assert ada.may_with(Scope.ADMIN, "team/api")
    assert ada.may_with(Scope.READ, "web")
    assert not ada.may_with(Scope.ASK, "web")
    for nobody in ("", " \t"):
        assert recogniser.caller("10.1.0.1", headers | {"x-forwarded-user": nobody}, {}) is None


@pytest.mark.parametrize(
    ("addresses", "groups", "says"),
    [
        pytest.param(("10.1.0.0/99",), "{}", "HARNESS_PROXY_ADDRESSES", id="no-network"),
        pytest.param(("10.0.0.0/8",), None, "HARNESS_PROXY_GROUPS", id="no-groups"),
        pytest.param(("10.0.0.0/8",), '{"a": {"scope": "root", "repos": []}}', "scope", id="scope"),
        pytest.param(("10.0.0.0/8",), "[", "cannot be used", id="no-json"),
    ],
)
def test_a_proxy_that_cannot_be_recognised_is_refused_at_the_start(
    tmp_path: Path, addresses: tuple[str, ...], groups: str | None, says: str
) -> None:
    file = None
    if groups is not None:
        file = tmp_path / "groups.json"
        file.write_text(groups)
    with pytest.raises(InvalidSettingError, match=says):
        Recogniser.build(True, Tokens(tmp_path / "t.json"), ProxyTrust(addresses, groups_file=file))
