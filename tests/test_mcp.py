"""The MCP server as an editor starts it: a process that speaks the protocol over stdio."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from harness import mcp_server
from harness.cli.main import run
from tests.repositories import make_repository

mcp = pytest.importorskip("mcp")


def call_all(
    environment: dict[str, str], calls: list[tuple[str, dict[str, Any]]]
) -> tuple[set[str], list[dict[str, Any]]]:
    from mcp import Client, StdioServerParameters

    async def talk() -> tuple[set[str], list[dict[str, Any]]]:
        server = StdioServerParameters(
            command=sys.executable, args=["-m", "harness", "mcp"], env=environment
        )
        async with Client(server) as client:
            tools = {tool.name for tool in (await client.list_tools()).tools}
            answers = [await client.call_tool(name, arguments) for name, arguments in calls]
        return tools, [dict(answer.structured_content or {}) for answer in answers]

    return asyncio.run(asyncio.wait_for(talk(), 60))


def test_search_ask_and_status_over_stdio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("HARNESS_", "OLLAMA_", "QDRANT_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HARNESS_DATA_DIR", str(tmp_path / "data"))
    source = 'def sign_cookie(value):\n    """Sign the session cookie."""\n    return value\n'
    repository = make_repository(tmp_path / "web", {"session.py": source})
    assert run(["index", str(repository), "--json"]) == 0
    tools, (found, answer, status, error, filtered, refused) = call_all(
        dict(os.environ),
        [
            ("search", {"query": "session cookie"}),
            ("ask", {"question": "how is the cookie signed?"}),
            ("status", {}),
            ("search", {"query": "x", "repo": "nope"}),
            ("search", {"query": "cookie", "language": "PY", "path_glob": f"{repository}/*.py"}),
            ("ask", {"question": "cookie", "repo": str(repository), "language": "klingon"}),
        ],
    )
    assert tools == {"search", "ask", "status"}
    # The protocol is JSON, which may hold half of a pair.
    assert mcp_server.search("cookie \ud83d")["results"][0]["path"] == "session.py"
    assert mcp_server.search("cookie \ud83d")["query"] == "cookie \\ud83d"
    assert mcp_server.ask("cookie \ud83d")["citations"][0]["path"] == "session.py"
    assert found["results"][0]["path"] == "session.py"
    assert answer["citations"][0]["verified"] is True
    assert status["repos"][0]["name"] == "web"
    assert "'nope' is not indexed" in error["error"]
    assert filtered["results"][0]["path"] == "session.py"
    assert "the languages in the index are: python" in refused["error"]
