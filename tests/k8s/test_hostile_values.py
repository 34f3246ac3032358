"""Texts of the values stay texts: none becomes another key, document, argument or template.

Each text of values.schema.json either has a pattern that hostile ones do not fit, or is rendered as
the one string that it is.
"""

from __future__ import annotations

import contextlib
import copy
import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.k8s.documents import CHART, Document, pods, rendered

NEEDS_TOOLS = True
SCHEMA = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))

# The first that a pattern lets through is tried: with lines and quotes, without, and in a URL.
_SIGNS = "x}],[{y:#&a*b!|>`$(id)${HOME}{{.Release.Name}}%s\\"
HOSTILE = (
    f'"\'x: \n  evil: {{a: "b\n---\nkind: Evil # {_SIGNS}',
    f"https://x.example.org/{_SIGNS}",
    f"https://x.example.org/\"' a: b #{_SIGNS}",
    f"file:///{_SIGNS}",
    _SIGNS,
)
PLAIN = ("plain", "https://x.example.org/plain", "file:///plain")

# Where everything is made that a text may be in; then what takes the place of servers of our own.
EVERYTHING: dict[str, Any] = {
    "createNamespace": True,
    "notifications": {"existingSecret": "notes"},
    "privateCA": {"existingSecret": "ca"},
    "ingress": {
        "enabled": True,
        "prefectHost": "p.example.org",
        "webhookHost": "w.example.org",
        "apiHost": "a.example.org",
    },
    "n8n": {"enabled": True},
    "api": {"proxy": {"addresses": ["192.0.2.0/24"], "groups": {"OTHER": {"scope": "read"}}}},
    **{
        name: {"enabled": True}
        for name in (
            *("serviceMonitor", "prometheusRules", "grafanaDashboard"),
            *("resourceQuota", "limitRange", "podDisruptionBudgets"),
        )
    },
}
ELSEWHERE: dict[str, Any] = {
    "ollama": {"enabled": False},
    "qdrant": {"enabled": False},
    "prefect": {"server": {"enabled": False}},
}
Place = tuple[str | int, ...]


def texts(
    schema: Mapping[str, Any], place: Place = ()
) -> Iterator[tuple[Place, Mapping[str, Any]]]:
    """Each place where the values may have a text, and what the schema says of it; 0 for the first
    of a list, ``OTHER`` for a key that one chooses oneself."""
    while "$ref" in schema:
        schema = SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]]
    for other in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        yield from texts(other, place)
    for key, inner in schema.get("properties", {}).items():
        yield from texts(inner, (*place, key))
    if isinstance(inner := schema.get("additionalProperties"), dict):
        yield from texts(inner, (*place, "OTHER"))
    if isinstance(inner := schema.get("items"), dict):
        yield from texts(inner, (*place, 0))
    kinds = schema.get("type", ())
    if "string" in ([kinds] if isinstance(kinds, str) else kinds):
        yield place, schema


def fitting(candidates: tuple[str, ...], schema: Mapping[str, Any]) -> str | None:
    """The first of some texts that the schema lets through."""
    if "enum" in schema or "const" in schema:
        return None
    longest = schema.get("maxLength", 10_000)
    # In Go, `$` is the end of the text.
    pattern = re.sub(r"\$$", r"\\Z", schema.get("pattern", ""))
    return next((t for t in candidates if len(t) <= longest and re.search(pattern, t)), None)


def put(values: dict[str, Any], place: Place, text: str) -> None:
    """Write a text into values."""
    at: Any = values
    for key, following in zip(place, (*place[1:], None), strict=True):
        empty: Any = text if following is None else [] if following == 0 else {}
        if key == 0:
            if not at or following is None:
                at.append(empty)
            at = at[0]
        elif following is None:
            at[key] = text
        else:
            at = at.setdefault(key, empty)


def shape(value: Any) -> Any:
    """A document without its texts."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shape(inner) for inner in value]
    return type(value).__name__


def documents(file: Path, base: dict[str, Any], found: Mapping[Place, str]) -> tuple[Document, ...]:
    values = copy.deepcopy(base)
    for place, text in found.items():
        put(values, place, text)
    file.write_text(yaml.safe_dump(values), encoding="utf-8")
    return rendered("default", 4, "--values", str(file))


def strings(value: Any) -> Iterator[str]:
    """Every text of a document, and of JSON in one."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from strings(inner)
    elif isinstance(value, str):
        yield value
        if value[:1] in ("[", "{"):
            with contextlib.suppress(ValueError):
                yield from strings(json.loads(value))


def commands(found: tuple[Document, ...]) -> list[Any]:
    """What containers run."""
    return [
        [container.get(key) for key in ("command", "args", "lifecycle", "livenessProbe")]
        for pod in pods(found)
        for container in pod.containers()
    ]


@pytest.mark.parametrize(
    ("base", "is_tried"),
    [
        pytest.param(
            EVERYTHING, lambda place: "external" not in place and "httpRoute" not in place, id="own"
        ),
        pytest.param(ELSEWHERE, lambda place: "external" in place, id="elsewhere"),
    ],
)
def test_a_text_stays_one(
    base: dict[str, Any], is_tried: Callable[[Place], bool], tmp_path: Path
) -> None:
    known = {place: schema for place, schema in texts(SCHEMA) if is_tried(place)}
    hostile = {place: text for place, schema in known.items() if (text := fitting(HOSTILE, schema))}
    assert hostile
    plain = {place: text for place in hostile if (text := fitting(PLAIN, known[place]))}
    assert plain.keys() == hostile.keys()
    rendered_so = documents(tmp_path / "hostile.yaml", base, hostile)
    expected = documents(tmp_path / "plain.yaml", base, plain)
    assert [shape(one) for one in rendered_so] == [shape(one) for one in expected]
    assert commands(rendered_so) == commands(expected)
    seen = list(strings(list(rendered_so)))
    assert [place for place, text in hostile.items() if not any(text in one for one in seen)] == []


def test_names_have_a_pattern() -> None:
    free = {place for place, schema in texts(SCHEMA) if fitting(HOSTILE[:1], schema)}
    keys = {"OTHER", "repos", "name", "ref", "include", "exclude"}
    assert [place for place in free if not keys & {*place[-2:]}] == []
