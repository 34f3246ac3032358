"""MCP over HTTP with the official client: what it offers, answers, refuses and bounds."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from harness.agent.options import Limits, RunOptions
from harness.agent.scripted import ScriptedChatModel, calls
from harness.answers.assistant import Assistant
from harness.index.options import IndexOptions
from harness.index.run import index_repository
from harness.models.conversation import ChatMessage
from harness.service.options import ServiceOptions
from harness.stack.api import PrefectApi
from tests.fakes.prefect_api import FakePrefect
from tests.service.lab import TOKENS, Lab, engines_at, listening, running

READING = {
    "search": {"query": "sign"},
    "symbol": {"name": "SignRequest"},
    "read_file": {"path": "src/session.py", "repo": "web"},
    "outline": {"path": "src/session.py", "repo": "web"},
    "map": {"repo": "web"},
    "related": {"path": "src/session.py", "repo": "web", "everywhere": True},
    "repositories": {},
    "status": {},
}
CALL = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/call",
    "params": {"name": "search", "arguments": {"query": "sign"}},
}
ANSWER = "`sign_session` returns `sign(value)`, in src/session.py:1-2."
HEADERS = {"Accept": "application/json, text/event-stream"}
Work = Callable[[Client], Awaitable[Any]]


@pytest.fixture(scope="module")
def service(
    index: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, dict[str, str]]]:
    with (
        FakePrefect() as prefect,
        listening(
            index,
            tmp_path_factory.mktemp("mcp"),
            prefect=lambda: PrefectApi(prefect.url, read_attempts=1),
        ) as served,
    ):
        yield served


@asynccontextmanager
async def connected(url: str, token: str, mode: str = "auto") -> Any:
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=30, trust_env=False) as http,
        Client(streamable_http_client(f"{url}/mcp", http_client=http), mode=mode) as client,
    ):
        yield client


def talk(served: tuple[str, dict[str, str]], token: str, work: Work, mode: str = "auto") -> Any:
    url, tokens = served

    async def session() -> Any:
        async with connected(url, tokens[token], mode) as client:
            return await work(client)

    return asyncio.run(asyncio.wait_for(session(), 60))


def called(
    served: tuple[str, dict[str, str]], token: str, tool: str, arguments: dict[str, Any]
) -> Any:
    return talk(served, token, lambda client: client.call_tool(tool, arguments))


def text_of(result: Any) -> str:
    return "".join(block.text for block in result.content)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_both_ways_to_begin_offer_the_same_tools(
    service: tuple[str, dict[str, str]], mode: str
) -> None:
    async def look(client: Client) -> Any:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        return (
            tools,
            client.server_info,
            client.instructions,
            await client.call_tool("search", {"query": "sign session"}),
        )

    tools, info, instructions, found = talk(service, "reader", look, mode)
    assert info.name == "harness"
    assert "never instructions" in instructions
    assert set(tools) == {*READING, "ask", "refresh"}
    for name, tool in tools.items():
        assert tool.description, name
        for parameter, schema in tool.input_schema.get("properties", {}).items():
            assert schema.get("description"), (name, parameter)
            assert schema.get("examples"), (name, parameter)
        assert tool.annotations.read_only_hint is (name != "refresh")
        assert tool.annotations.destructive_hint is (name == "refresh")
        assert tool.annotations.open_world_hint is (name == "refresh")
    assert found.structured_content["results"][0]["path"] == "src/session.py"


def test_results_are_short_unless_they_are_asked_for_in_full(
    service: tuple[str, dict[str, str]],
) -> None:
    short = called(service, "admin", "search", {"query": "sign session", "repo": "web"})
    lines = text_of(short).splitlines()
    assert lines[0].startswith("[web] /")  # told to an administrator: where it is
    assert lines[1] == "src/session.py:1-2  sign_session"
    assert short.structured_content["results"][0]["text"] == "return sign(value)" or (
        "sign_session" in short.structured_content["results"][0]["text"]
    )
    full = called(service, "reader", "search", {"query": "sign session", "full_text": True})
    assert "     2      return sign(value)" in text_of(full)
    assert "[web]\n" in text_of(full)  # and to nobody else
    assert full.structured_content["repositories"] == {"web": "", "team/api": ""}


def test_each_tool_answers(service: tuple[str, dict[str, str]]) -> None:
    async def all_of_them(client: Client) -> dict[str, Any]:
        return {name: await client.call_tool(name, what) for name, what in READING.items()}

    found = talk(service, "reader", all_of_them)
    assert all(not result.is_error for result in found.values()), found
    data = {name: result.structured_content for name, result in found.items()}
    assert data["symbol"]["definitions"][0]["path"] == "api.go"
    assert data["read_file"]["text"].startswith("def sign_session(value):")
    assert data["read_file"]["next_line"] is None
    assert data["outline"]["definitions"][0]["symbol"] == "sign_session"
    assert [file["path"] for file in data["map"]["files"]] == ["src/session.py"]
    assert "     1  def sign_session(value):" in text_of(found["map"])
    assert [hit["path"] for hit in data["related"]["results"]] == ["api.go"]  # not itself
    assert [one["name"] for one in data["repositories"]["repos"]] == ["team/api", "web"]
    assert data["status"] == data["repositories"]


def test_a_page_leads_to_the_next_one(service: tuple[str, dict[str, str]]) -> None:
    first = called(service, "reader", "search", {"query": "sign", "limit": 1})
    assert "(more with offset=1)" in text_of(first)
    second = called(service, "reader", "search", {"query": "sign", "limit": 1, "offset": 1})
    paths = {r.structured_content["results"][0]["path"] for r in (first, second)}
    assert paths == {"src/session.py", "api.go"}


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        pytest.param("search", {"query": "x", "repo": "nope"}, "'nope' is not indexed", id="repo"),
        pytest.param("search", {"query": "x", "language": "klingon"}, "languages", id="language"),
        pytest.param("search", {"query": "x", "limit": 0}, "limit: input should be", id="limit"),
        pytest.param("search", {}, "query: field required", id="missing"),
        pytest.param("search", {"query": "x", "lang": "go"}, "no parameter 'lang'", id="unknown"),
        pytest.param("nothing", {}, "Unknown tool", id="tool"),
        pytest.param("symbol", {"name": "two words"}, "say one name", id="name"),
        pytest.param("read_file", {"path": "x", "repo": "web"}, "search finds its path", id="file"),
        pytest.param("read_file", {"path": "x"}, "say in which repo", id="which-repo"),
        pytest.param(
            "read_file",
            {"path": "src/session.py", "repo": "web", "start_line": 9},
            "has 2 lines",
            id="line",
        ),
        pytest.param(
            "outline", {"path": "../../etc/passwd", "repo": "web"}, "has no file", id="traversal"
        ),
        pytest.param("map", {}, "say which repository", id="map"),
        pytest.param("map", {"repo": "web", "budget": 0}, "budget: input", id="map-budget"),
        pytest.param("refresh", {}, "say which repository", id="refresh"),
        pytest.param("refresh", {"repo": "nope"}, "'nope' is not indexed", id="refresh-unknown"),
    ],
)
def test_an_error_is_one_line_that_says_what_to_do(
    service: tuple[str, dict[str, str]], tool: str, arguments: dict[str, Any], said: str
) -> None:
    result = called(service, "admin", tool, arguments)
    assert result.is_error
    assert said in text_of(result)
    assert "\n" not in text_of(result)


def test_who_may_call_what(service: tuple[str, dict[str, str]]) -> None:
    """The matrix of tools: what each token may, and of which repository it learns nothing."""
    calls = [
        *((name, what) for name, what in READING.items()),
        ("ask", {"question": "sign"}),
        ("refresh", {"repo": "web"}),
        ("refresh", {"repo": "team/api"}),
    ]

    async def all_of_them(client: Client) -> list[Any]:
        return [await client.call_tool(name, what) for name, what in calls]

    for token, (scope, globs) in TOKENS.items():
        may = {repo for repo in ("web", "team/api") if "*" in globs or repo[:4] in globs[0]}
        for (name, what), result in zip(calls, talk(service, token, all_of_them), strict=True):
            case = (token, name, what)
            wants = what.get("repo")
            allowed = name in READING or scope in {"admin"} or (name == "ask" and scope != "read")
            allowed = allowed and (wants is None or wants in may)
            assert result.is_error is not allowed, (case, text_of(result))
            if "team/api" not in may and wants != "team/api":
                assert "team" not in text_of(result), case
                assert "team" not in json.dumps(result.structured_content), case
            if "web" not in may and wants != "web":
                assert "session.py" not in text_of(result), case


def test_a_refresh_starts_the_flow(service: tuple[str, dict[str, str]]) -> None:
    result = called(service, "admin", "refresh", {"repo": "web"})
    assert result.structured_content["repo"] == "web"
    assert result.structured_content["run"]


def test_nobody_gets_in_without_a_token_or_from_another_site(index: Path, tmp_path: Path) -> None:
    with running(index, tmp_path) as lab:
        assert lab.request("POST", "/mcp", json=CALL, headers=HEADERS).status_code == 401
        assert lab.request("POST", "/mcp", "nobody", json=CALL, headers=HEADERS).status_code == 401
        elsewhere = {**HEADERS, "Origin": "https://evil.example"}
        assert (
            lab.request("POST", "/mcp", "reader", json=CALL, headers=elsewhere).status_code == 403
        )


def test_the_name_must_be_ours_on_loopback(local: Lab) -> None:
    assert local.request("POST", "/mcp", json=CALL, headers=HEADERS).status_code == 200
    rebound = {**HEADERS, "Host": "evil.example"}
    assert local.request("POST", "/mcp", json=CALL, headers=rebound).status_code == 421


def test_there_is_no_session_to_listen_to(lab: Lab) -> None:
    for method in ("GET", "DELETE", "PUT"):
        answer = lab.request(method, "/mcp", "reader", headers=HEADERS)
        assert answer.status_code == 405
        assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param(b"x" * 1_000_001, 413, id="large"),
        pytest.param(b"not json", 400, id="no-json"),
        pytest.param(b"[" * 50_000, 400, id="deep"),
        pytest.param(b"[]", 400, id="batch"),
    ],
)
def test_what_is_no_message_is_refused(lab: Lab, body: bytes, status: int) -> None:
    headers = {**HEADERS, "Content-Type": "application/json"}
    answer = lab.request("POST", "/mcp", "reader", content=body, headers=headers)
    assert answer.status_code == status


def test_what_there_is_not_is_no_failure(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    """Nor does a caller fill the log with it."""
    for method, params in (
        ("prompts/get", {"name": "x"}),
        ("resources/read", {"uri": "file:///etc/passwd"}),
        ("completion/complete", {}),
    ):
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        answer = lab.request("POST", "/mcp", "reader", json=message, headers=HEADERS)
        assert '"error":{"code":-326' in answer.text
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_a_session_is_no_matter_who_names_it(lab: Lab) -> None:
    """Neither to be fixed by a caller nor to be gone on with by another."""
    for headers in ({"Mcp-Session-Id": "fixed"}, {"Last-Event-ID": "1"}):
        for token, repositories in (("reader", ["team/api", "web"]), ("web-reader", ["web"])):
            answer = lab.request("POST", "/mcp", token, json=CALL, headers={**HEADERS, **headers})
            assert answer.status_code == 200
            assert "mcp-session-id" not in answer.headers
            line = (lab.data / "service" / "audit.jsonl").read_text().splitlines()[-1]
            assert json.loads(line)["repositories"] == repositories
        assert (
            lab.request("POST", "/mcp", json=CALL, headers={**HEADERS, **headers}).status_code
            == 401
        )


def test_the_audit_log_names_the_tool_and_not_the_query(lab: Lab) -> None:
    lab.request("POST", "/mcp", "reader", json=CALL, headers=HEADERS)
    line = json.loads((lab.data / "service" / "audit.jsonl").read_text().splitlines()[-1])
    assert line["what"] == "POST /mcp search"
    assert line["repositories"] == ["team/api", "web"]
    assert "query" not in line


def test_a_large_file_comes_in_pages(tmp_path: Path) -> None:
    lines = [f"value_{number} = {'x' * 60!r}  # {number}" for number in range(25_000)]
    text = "\n".join(lines) + "\n"
    assert len(text) > 2_000_000
    root = tmp_path / "src" / "big"
    root.mkdir(parents=True)
    (root / "values.txt").write_text(text)
    with engines_at(tmp_path) as engines:
        index_repository("big", root, engines, IndexOptions(max_file_bytes=10_000_000))

    async def read_some(client: Client) -> tuple[list[str], int]:
        found, start, most = [], 24_000, 0
        while start:
            page = await client.call_tool("read_file", {"path": "values.txt", "start_line": start})
            assert not page.is_error, text_of(page)
            data = page.structured_content
            most = max(most, len(text_of(page)))
            found += data["text"].split("\n")
            start = data["next_line"] or 0
        return found, most

    with listening(tmp_path, tmp_path / "data") as served:
        found, most = talk(served, "reader", read_some)
    assert 50_000 < most < 70_000
    assert found == lines[23_999:]


@pytest.mark.parametrize(
    ("mode", "leaves"),
    [
        pytest.param("auto", False, id="cancels"),
        pytest.param("auto", True, id="leaves"),
        # Without a session its cancelling cannot be told to belong to the question.
        pytest.param("legacy", True, id="leaves-legacy"),
    ],
)
def test_who_cancels_a_question_or_goes_away_ends_it(
    index: Path, tmp_path: Path, mode: str, leaves: bool
) -> None:
    begun = threading.Event()

    def endless(line: int) -> Callable[[Sequence[ChatMessage]], Any]:
        def turn(_: Sequence[ChatMessage]) -> Any:
            begun.set()
            time.sleep(0.02)
            return calls(("grep", {"pattern": f"nothing{line}"}))

        return turn

    turns = iter([[endless(line) for line in range(10_000)], [lambda _: ANSWER]])

    def opened() -> Assistant:
        model = ScriptedChatModel(next(turns))
        return Assistant(model, Limits(steps=20_000), RunOptions(), tmp_path / "results")

    question = {"question": "how is it signed?", "repo": "web"}
    options = ServiceOptions(questions_at_once=1, requests_per_minute=100_000)

    async def cancel(url: str, token: str) -> Any:
        async def ask() -> None:
            async with connected(url, token, mode) as client:
                await client.call_tool("ask", question)

        async with connected(url, token, mode) as client:
            asked = asyncio.create_task(ask() if leaves else client.call_tool("ask", question))
            while not begun.is_set():
                await asyncio.sleep(0.01)
            asked.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asked
            while True:  # the one question that may be under way makes room once it has ended
                answer = await client.call_tool("ask", question)
                if not answer.is_error:
                    return answer
                assert "other questions are still being answered" in text_of(answer)
                await asyncio.sleep(0.05)

    with listening(index, tmp_path, open_assistant=opened, options=options) as served:
        answer = asyncio.run(asyncio.wait_for(cancel(served[0], served[1]["asker"]), 60))
    assert ANSWER in text_of(answer)
    assert answer.structured_content["trajectory_path"] is None
