"""The deployments of a Prefect server by name, and parameters for them as a person types them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from harness.errors import UsageError
from harness.stack.api import PrefectApi


@dataclass(frozen=True, slots=True)
class Deployment:
    """A deployment; ``name`` is ``flow/deployment``, ``properties`` the JSON schema of each
    parameter."""

    name: str
    work_pool: str
    properties: Mapping[str, Mapping[str, object]] = field(default_factory=dict)


def find_deployment(api: PrefectApi, name: str) -> Deployment:
    """Find a deployment by ``flow/deployment``, or by the part after the slash alone.

    :raises UsageError: there is none, or several; lists the names.
    :raises ServiceUnavailableError: the server does not answer.
    """
    flows = {str(f["id"]): str(f["name"]) for f in api.listing("POST", "/flows/filter", {})}
    found = [
        _deployment(entry, flows.get(str(entry.get("flow_id")), ""))
        for entry in api.listing("POST", "/deployments/filter", {})
    ]
    exact = [one for one in found if one.name == name]
    matching = exact or [one for one in found if one.name.partition("/")[2] == name]
    if len(matching) == 1:
        return matching[0]
    if not found:
        raise UsageError(f"Prefect at {api.url} has no deployments; run `harness deploy` first")
    names = ", ".join(sorted(one.name for one in matching or found))
    problem = "is the name of several" if matching else "is not a deployment"
    raise UsageError(f"{name!r} {problem}; give one of: {names}")


def parse_parameters(deployment: Deployment, pairs: Iterable[str]) -> dict[str, object]:
    """Read ``name=value`` pairs. A value is JSON where the parameter takes something else than
    text, and text otherwise; what takes a list may be given several times.

    :raises UsageError: no such parameter, given twice, or no ``=`` in it.
    """
    values: dict[str, object] = {}
    for pair in pairs:
        name, separator, text = pair.partition("=")
        if not separator or not name:
            raise UsageError(f"--param {pair!r} has no value; write name=value")
        if name not in deployment.properties:
            known = ", ".join(deployment.properties) or "none"
            raise UsageError(f"{deployment.name} has no parameter {name!r}; it takes: {known}")
        types = _types(deployment.properties[name])
        value = _value(text, types)
        if "array" in types and not isinstance(value, list) and value is not None:
            value = [value]
        if name in values:
            former = values[name]
            if not isinstance(former, list) or not isinstance(value, list):
                raise UsageError(f"--param {name} is given twice")
            value = [*former, *value]
        values[name] = value
    return values


def _value(text: str, types: frozenset[str]) -> object:
    try:
        value: object = json.loads(text)
    except ValueError:
        return text
    if types and types <= {"string", "null"} and not (value is None and "null" in types):
        return value if isinstance(value, str) else text
    return value


def _types(schema: Mapping[str, object]) -> frozenset[str]:
    """The JSON types that a parameter takes; none when the schema does not say."""
    own = schema.get("type")
    if isinstance(own, str):
        return frozenset({own})
    among = schema.get("anyOf")
    if not isinstance(among, list):
        return frozenset()
    return frozenset().union(*(_types(one) for one in among if isinstance(one, dict)))


def _deployment(entry: Mapping[str, object], flow: str) -> Deployment:
    schema = entry.get("parameter_openapi_schema")
    properties = schema.get("properties") if isinstance(schema, dict) else None
    return Deployment(
        name=f"{flow}/{entry['name']}",
        work_pool=str(entry.get("work_pool_name") or ""),
        properties=properties if isinstance(properties, dict) else {},
    )
