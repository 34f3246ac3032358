"""docs/reference/http-api.md: what the service and the webhook answer to."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import FastAPI

from harness import __version__
from harness.service.app import API_MODULES, PAGE_MODULES
from harness.service.mcp.endpoint import PATH as MCP_PATH
from harness.webhook.providers import PROVIDERS

_HEADER = """# HTTP API

Made from the code by `make reference`. A running service has the whole description, with the
schemas of its answers, at `/api/v1/openapi.json`. Who may ask for what, tokens, limits and errors:
[service](../service.md).
"""


def document() -> dict[str, Any]:
    """The OpenAPI document of the endpoints, without opening an engine."""
    app = FastAPI(title="Harness", version=__version__)
    for module in API_MODULES:
        app.include_router(module.router)
    return app.openapi()


def page_routes() -> Iterator[tuple[str, str, str]]:
    """Method, path and meaning of what answers browsers."""
    for module in PAGE_MODULES:
        for route in module.router.routes:
            for method in sorted(route.methods - {"HEAD"}):
                yield method, route.path, _first_line(inspect.getdoc(route.endpoint))


def page() -> str:
    """The whole page."""
    parts = [_HEADER]
    described = document()
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            parts.append(_operation(method, path, operation))
    parts.append(
        f"## POST {MCP_PATH}\n\nThe [MCP tools](mcp-tools.md) over streamable HTTP, "
        "without sessions.\n"
    )
    parts.append("## Pages for browsers\n\n| request | answer |\n|---|---|\n" + _page_rows())
    parts.append(
        "## The webhook receiver\n\nA server of its own (`harness webhook`), see "
        "[webhook](../webhook.md).\n\n| request | answer |\n|---|---|\n" + _webhook_rows()
    )
    return "\n".join(parts)


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> str:
    said = operation.get("description") or operation["summary"]
    lines = [f"## {method.upper()} {path}\n", " ".join(said.replace("``", "`").split()), ""]
    rows = [
        (one["name"], one["in"], one["schema"], one.get("required"), one.get("description", ""))
        for one in operation.get("parameters", ())
    ]
    rows += list(_body_rows(operation))
    if rows:
        lines += ["| parameter | in | type | default | meaning |", "|---|---|---|---|---|"]
        lines += [_row(*row) for row in rows] + [""]
    return "\n".join(lines)


def _body_rows(operation: Mapping[str, Any]) -> Iterator[tuple[str, str, Any, bool, str]]:
    content = operation.get("requestBody", {}).get("content", {})
    schemas = document()["components"]["schemas"] if content else {}
    for told in content.values():
        schema = told["schema"]
        if "$ref" in schema:
            schema = schemas[schema["$ref"].rpartition("/")[2]]
        for name, field in schema.get("properties", {}).items():
            required = name in schema.get("required", ())
            yield name, "body", field, required, field.get("description", "")


def _row(name: str, where: str, schema: Mapping[str, Any], required: bool, meaning: str) -> str:
    default = (
        "required" if required else f"`{schema.get('default')}`" if "default" in schema else ""
    )
    one_of = ", ".join(f"`{value}`" for value in _values(schema))
    said = " ".join(meaning.split()) or (f"one of {one_of}" if one_of else "")
    return (
        f"| `{name}` | {where} | {_type(schema)} | {default} | {said.replace('|', chr(92) + '|')} |"
    )


def _values(schema: Mapping[str, Any]) -> tuple[str, ...]:
    for one in (schema, *schema.get("anyOf", ())):
        if "enum" in one:
            return tuple(one["enum"])
    return ()


def _type(schema: Mapping[str, Any]) -> str:
    if "anyOf" in schema:
        kinds = [_type(one) for one in schema["anyOf"] if one.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    return str(schema.get("type", "any"))


def _page_rows() -> str:
    return "".join(f"| `{method} {path}` | {said} |\n" for method, path, said in page_routes())


def _webhook_rows() -> str:
    rows = [(f"POST /hooks/{spec.name}", f"takes a push of {spec.name}") for spec in PROVIDERS]
    rows += [
        ("GET /healthz", "the process answers"),
        ("GET /metrics", "Prometheus metrics"),
    ]
    return "".join(f"| `{request}` | {said} |\n" for request, said in rows)


def _first_line(text: str | None) -> str:
    return " ".join((text or "").partition("\n\n")[0].replace("``", "`").split())
