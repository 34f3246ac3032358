"""The MCP server as an editor starts it: a process that speaks the protocol over stdio."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters

from harness.cli.main import run
from tests.repositories import make_repository

COOKIES = 'def sign_cookie(value):\n    """Sign the session cookie."""\n    return value\n'
ORDERS = 'def sign_order(order):\n    """Sign an order, like a cookie."""\n    return order\n'


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two indexed repositories; the folder of the first one, ``web``."""
    for name in list(os.environ):
        if name.startswith(("HARNESS_", "OLLAMA_", "QDRANT_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HARNESS_DATA_DIR", str(tmp_path / "data"))
    web = make_repository(tmp_path / "web", {"src/session.py": COOKIES})
    shop = make_repository(tmp_path / "shop", {"order.py": ORDERS})
    assert run(["index", str(web), str(shop), "--json"]) == 0
    return web


def call_all(
    folder: Path, calls: list[tuple[str, dict[str, Any]]], mode: str = "auto"
) -> tuple[set[str], list[Any]]:
    async def talk() -> tuple[set[str], list[Any]]:
        server = StdioServerParameters(
            command=sys.executable,
            args=["-m", "harness", "mcp"],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            cwd=folder,
        )
        async with Client(server, mode=mode) as client:
            tools = {tool.name for tool in (await client.list_tools()).tools}
            answers = [await client.call_tool(name, arguments) for name, arguments in calls]
        return tools, answers

    return asyncio.run(asyncio.wait_for(talk(), 120))


def text_of(result: Any) -> str:
    return "".join(block.text for block in result.content)


def test_an_editor_in_a_folder_of_a_repository(repository: Path) -> None:
    (repository / "src" / "session.py").write_text(COOKIES + "\n\ndef drop_cookie():\n    pass\n")
    tools, answers = call_all(
        repository / "src",
        [
            ("search", {"query": "session cookie"}),
            ("search", {"query": "session cookie", "repo": "*"}),
            ("search", {"query": "cookie repo:shop"}),
            ("ask", {"question": "how is the cookie signed?"}),
            ("status", {}),
            ("search", {"query": "x", "repo": "nope"}),
            ("search", {"query": "c", "language": "PY", "path_glob": f"{repository}/**/*.py"}),
            ("read_file", {"path": "src/session.py"}),
            ("search", {"query": "cookie \\ud83d"}),
            ("refresh", {}),
            ("symbol", {"name": "drop_cookie"}),
        ],
    )
    own, every, other, answer, status, error, filtered, file, escaped, refreshed, symbol = answers
    assert tools == {
        *("search", "symbol", "read_file", "outline", "related", "ask", "repositories", "status"),
        *("map", "refresh"),
    }
    data = [result.structured_content for result in answers]
    assert {hit["repo"] for hit in data[0]["results"]} == {"web"}
    assert text_of(own).startswith(f"[web] {repository}\n")
    assert {hit["repo"] for hit in every.structured_content["results"]} == {"web", "shop"}
    assert {hit["repo"] for hit in other.structured_content["results"]} == {"shop"}
    assert answer.structured_content["citations"][0]["verified"] is True
    assert {one["name"] for one in status.structured_content["repos"]} == {"web", "shop"}
    assert error.is_error
    assert "'nope' is not indexed" in text_of(error)
    assert filtered.structured_content["results"][0]["path"] == "src/session.py"
    assert file.structured_content["text"] == COOKIES.rstrip("\n")
    assert escaped.structured_content["results"]
    assert refreshed.structured_content["files_indexed"] == 1
    assert symbol.structured_content["definitions"][0]["line"] == 6


def test_an_editor_elsewhere_that_speaks_the_former_protocol(
    repository: Path, tmp_path: Path
) -> None:
    _, (found, refused, missing) = call_all(
        tmp_path,
        [
            ("search", {"query": "sign"}),
            ("refresh", {}),
            ("refresh", {"repo": "nope"}),
        ],
        "legacy",
    )
    assert {hit["repo"] for hit in found.structured_content["results"]} == {"web", "shop"}
    assert refused.is_error
    assert "say which repository" in text_of(refused)
    assert missing.is_error
    assert "'nope' is not indexed" in text_of(missing)
