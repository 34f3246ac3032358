"""The base job template of the kubernetes pool, with a release's own defaults."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

# A JSON object that maps the template's variables to their defaults in this release: namespace,
# image, volume claims and so on. The chart's bootstrap Job sets it. Unset or empty, it leaves an
# existing pool's defaults alone; `{}` restores the template's.
DEFAULTS_VARIABLE = "HARNESS_JOB_DEFAULTS"


def base_job_template() -> dict[str, Any]:
    """The template as it is shipped.

    :raises FileNotFoundError: it is not beside this file.
    """
    path = Path(__file__).with_name("base-job-template.json")
    template: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return template


def with_defaults(defaults: dict[str, Any]) -> dict[str, Any]:
    """The template with other defaults; an object is merged into the template's, key by key.

    :raises ValueError: the template has no such variable; the message names it.
    """
    template = base_job_template()
    variables = template["variables"]["properties"]
    for name, value in defaults.items():
        if name not in variables:
            raise ValueError(f"{DEFAULTS_VARIABLE}: the job template has no variable {name!r}")
        current = variables[name].get("default")
        merge = isinstance(current, dict) and isinstance(value, dict)
        variables[name]["default"] = current | value if merge else value
    return template


def with_defaults_of(existing: dict[str, Any]) -> dict[str, Any]:
    """The template with the defaults that an existing pool's template has for the same variables.

    :param existing: the pool's template, perhaps from an earlier version.
    """
    template = base_job_template()
    before = (existing.get("variables") or {}).get("properties") or {}
    for name, variable in template["variables"]["properties"].items():
        if "default" in before.get(name, {}):
            variable["default"] = before[name]["default"]
    return template


def read_defaults(text: str) -> dict[str, Any]:
    """Read the variable's value; empty means none.

    :raises ValueError: it is not a JSON object.
    """
    if not text.strip():
        return {}
    try:
        defaults = json.loads(text)
    except ValueError as error:
        raise ValueError(f"{DEFAULTS_VARIABLE} is not JSON: {error}") from None
    if not isinstance(defaults, dict):
        raise ValueError(f"{DEFAULTS_VARIABLE} is not a JSON object")
    return defaults
