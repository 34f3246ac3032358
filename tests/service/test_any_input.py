"""Whatever is sent, nothing breaks: no answer is a 5xx, and no tool fails in a way that it cannot
explain. What may be sent is read off the service's own description of itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.stack.api import PrefectApi
from tests.fakes.prefect_api import FakePrefect
from tests.service.lab import Lab, running

PROPERTIES = settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
# Names that there are, operators, and what has a meaning somewhere on the way.
TEXTS = st.one_of(
    st.sampled_from(
        [
            *(
                "web",
                "team/api",
                "src/session.py",
                "sign",
                "*",
                "**",
                "!x",
                "..",
                "/etc/passwd",
                "",
            ),
            *("repo:web x", 'lang:go "sign"', "kind:", "path:[", "symbol:a b", "\ud83d", "\x00"),
            *("a.py:99999999999999999999", "[[[", "((((", "x" * 9_000, "-1", "1e400", "NaN"),
        ]
    ),
    st.text(max_size=40),
)
VALUES = st.one_of(
    TEXTS,
    st.integers(),
    st.booleans(),
    st.none(),
    st.floats(allow_nan=False),
    st.lists(st.integers(), max_size=2),
)


@pytest.fixture(scope="module")
def served(index: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with (
        FakePrefect() as prefect,
        running(
            index,
            tmp_path_factory.mktemp("any-input"),
            prefect=lambda: PrefectApi(prefect.url, read_attempts=1),
        ) as lab,
    ):
        yield lab


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


@PROPERTIES
@given(data=st.data())
def test_no_request_breaks_the_service(served: Lab, data: st.DataObject) -> None:
    document = served.get("/api/v1/openapi.json", "admin").json()
    for method, path, operation in operations(document):
        if method == "delete":
            continue  # what others look at
        query: dict[str, str] = {}
        for parameter in operation.get("parameters", ()):
            name = parameter["name"]
            value = data.draw(st.one_of(TEXTS, st.integers().map(str)), label=f"{path} {name}")
            if parameter["in"] == "path":
                path = path.replace(f"{{{name}}}", quote(_utf8(value), safe=""))
            elif parameter.get("required") or data.draw(st.booleans()):
                query[name] = _utf8(value)
        options: dict[str, Any] = {"params": query}
        if "requestBody" in operation:
            reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
            fields = document["components"]["schemas"][reference.rpartition("/")[2]]["properties"]
            body = {name: data.draw(VALUES, label=f"{path} {name}") for name in fields}
            options["content"] = json.dumps(body)
            options["headers"] = {"Content-Type": "application/json"}
        answer = served.request(method.upper(), path, "admin", **options)
        assert answer.status_code < 500, (method, path, options, answer.text)


@PROPERTIES
@given(data=st.data())
def test_no_arguments_break_a_tool(served: Lab, data: st.DataObject) -> None:
    for tool in _rpc(served, "tools/list", {})["tools"]:
        arguments = {
            name: data.draw(VALUES, label=f"{tool['name']} {name}")
            for name in tool["inputSchema"].get("properties", {})
            if name in tool["inputSchema"].get("required", ()) or data.draw(st.booleans())
        }
        result = _rpc(served, "tools/call", {"name": tool["name"], "arguments": arguments})
        text = "".join(block["text"] for block in result["content"])
        assert not text.startswith("Error executing tool"), (tool["name"], arguments)
        assert not result.get("isError") or "\n" not in text


def _rpc(served: Lab, method: str, params: dict[str, Any]) -> dict[str, Any]:
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    answer = served.request(
        "POST",
        "/mcp",
        "admin",
        content=json.dumps(message),
        headers={
            "Accept": "application/json, text/event-stream",
            "Content-Type": "application/json",
        },
    )
    if answer.status_code == 400:  # half of a pair is no JSON for everybody
        return {"content": [], "isError": True}
    assert answer.status_code == 200, answer.text
    data = next(line for line in answer.text.splitlines() if line.startswith("data: {"))
    found: dict[str, Any] = json.loads(data.removeprefix("data: "))["result"]
    return found


def _utf8(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
