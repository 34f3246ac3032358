"""docs/reference/flows.md: deployments of prefect.yaml, and the parameters of their flows."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import chdir
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent

_HEADER = """# Flows and deployments

Made from `prefect.yaml` and the flows by `make reference`. Start one with
`harness run NAME --param key=value`, or with the form in Prefect's UI, which has the same texts.
Times of schedules are in `HARNESS_TIMEZONE`; a schedule that is switched off in the UI stays off.
"""


def deployments() -> list[dict[str, Any]]:
    """The entries of prefect.yaml, in its order."""
    found: list[dict[str, Any]] = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    return found


def page() -> str:
    """The whole page."""
    return _HEADER + "".join(_section(deployment) for deployment in deployments())


def _section(deployment: Mapping[str, Any]) -> str:
    flow, schema = _flow(deployment["entrypoint"])
    fixed = deployment.get("parameters") or {}
    lines = [
        f"\n## {deployment['name']}\n",
        f"{deployment['description']}\n",
        f"- flow `{flow}` in `{deployment['entrypoint'].partition(':')[0]}`",
        f"- starts {_schedules(deployment)}",
        *_limit(deployment),
    ]
    if fixed:
        given = ", ".join(f"`{key}` is {json.dumps(value)}" for key, value in fixed.items())
        lines.append(f"- of its parameters, {given}")
    if schema["properties"]:
        lines += ["", "| parameter | type | default | meaning |", "|---|---|---|---|"]
        lines += [_row(name, told, schema) for name, told in schema["properties"].items()]
    return "\n".join(lines) + "\n"


def _flow(entrypoint: str) -> tuple[str, dict[str, Any]]:
    """Name and parameters of a flow, as Prefect reads them."""
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    from prefect.flows import load_flow_from_entrypoint
    from prefect.utilities.callables import parameter_schema

    with chdir(ROOT):
        flow = load_flow_from_entrypoint(entrypoint, use_placeholder_flow=False)
    return flow.name, parameter_schema(flow).model_dump()


def _schedules(deployment: Mapping[str, Any]) -> str:
    found = deployment.get("schedules") or []
    said = [
        f"by the schedule `{one['cron']}`" + ("" if one.get("active", True) else " (switched off)")
        for one in found
    ]
    return ", ".join([*said, "on demand"])


def _limit(deployment: Mapping[str, Any]) -> list[str]:
    limit = deployment.get("concurrency_limit")
    if not limit:
        return []
    rest = {"ENQUEUE": "more wait", "CANCEL_NEW": "another one is cancelled"}
    return [f"- {limit['limit']} at once; {rest[limit['collision_strategy']]}"]


def _row(name: str, told: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    default = "required" if name in schema["required"] else f"`{json.dumps(told.get('default'))}`"
    meaning = " ".join(told["description"].split())
    examples = ", ".join(f"`{json.dumps(one)}`" for one in told.get("examples", ()))
    if examples:
        meaning = f"{meaning.rstrip('.')}. Example: {examples}"
    return f"| `{name}` | {_type(told)} | {default} | {meaning.replace('|', chr(92) + '|')} |"


def _type(told: Mapping[str, Any]) -> str:
    if "anyOf" in told:
        kinds = [_type(one) for one in told["anyOf"] if one.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    if told.get("type") == "array":
        return f"list of {_type(told.get('items', {}))}"
    if "$ref" in told:
        return f"`{told['$ref'].rpartition('/')[2]}`"
    return str(told.get("type", "any"))
