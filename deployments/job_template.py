"""The base job template of the kubernetes pool, with a release's own defaults."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

# A JSON object that maps the template's variables to their defaults in this release: namespace,
# image, volume claims and so on. The chart's bootstrap Job sets it. Unset or empty, it leaves an
# existing pool's defaults alone; `{}` restores the template's.
DEFAULTS_VARIABLE = "HARNESS_JOB_DEFAULTS"
# Not variables, because a variable can replace a list but not add to one: entries as Kubernetes has
# them, and the field that tells them apart.
ADDITIONS = {"extra_env": "name", "extra_volumes": "name", "extra_volume_mounts": "mountPath"}
# Patch, report and record of one task, and the model's turns.
_RESULTS_SIZE = "1Gi"
_PLACES = {"extra_env": "env", "extra_volumes": "volumes", "extra_volume_mounts": "volumeMounts"}


def base_job_template() -> dict[str, Any]:
    """The template as it is shipped.

    :raises FileNotFoundError: it is not beside this file.
    """
    path = Path(__file__).with_name("base-job-template.json")
    template: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return template


def with_defaults(defaults: dict[str, Any]) -> dict[str, Any]:
    """The template with other defaults; an object is merged into the template's, key by key, where
    None removes a key. The lists of ``ADDITIONS`` are added to the pod that the template describes.

    :raises ValueError: the template has no such variable; the message names it.
    """
    template = base_job_template()
    variables = template["variables"]["properties"]
    for name, value in defaults.items():
        if name in ADDITIONS:
            _add(template, name, value)
            continue
        if name not in variables:
            raise ValueError(f"{DEFAULTS_VARIABLE}: the job template has no variable {name!r}")
        current = variables[name].get("default")
        if isinstance(current, dict) and isinstance(value, dict):
            value = {key: one for key, one in (current | value).items() if one is not None}
        variables[name]["default"] = value
    _without_claim(template)
    return template


def with_defaults_of(existing: dict[str, Any]) -> dict[str, Any]:
    """The template with the defaults that an existing pool's template has for the same variables,
    and with what had been added to its pod.

    :param existing: the pool's template, perhaps from an earlier version.
    """
    template = base_job_template()
    before = (existing.get("variables") or {}).get("properties") or {}
    for name, variable in template["variables"]["properties"].items():
        if "default" in before.get(name, {}):
            variable["default"] = before[name]["default"]
    for name, key in ADDITIONS.items():
        shipped = {entry[key] for entry in _entries(template, name) if isinstance(entry, dict)}
        found = [entry for entry in _entries(existing, name) if isinstance(entry, dict)]
        _add(template, name, [entry for entry in found if entry.get(key, "") not in shipped])
    _without_claim(template)
    return template


def _without_claim(template: dict[str, Any]) -> None:
    """Results are kept in object storage: a Job has a folder of its own in the claim's place."""
    if template["variables"]["properties"]["results_claim"]["default"]:
        return
    spec = template["job_configuration"]["job_manifest"]["spec"]["template"]["spec"]
    for volume in spec["volumes"]:
        if isinstance(volume, dict) and volume["name"] == "results":
            del volume["persistentVolumeClaim"]
            volume["emptyDir"] = {"sizeLimit": _RESULTS_SIZE}


def _entries(template: dict[str, Any], name: str) -> list[Any]:
    """The list of a template's pod that an addition goes to; empty where there is none."""
    manifest = (template.get("job_configuration") or {}).get("job_manifest") or {}
    spec = manifest.get("spec", {}).get("template", {}).get("spec", {})
    holder = spec if name == "extra_volumes" else (spec.get("containers") or [{}])[0]
    found = holder.get(_PLACES[name])
    return found if isinstance(found, list) else []


def _add(template: dict[str, Any], name: str, entries: list[dict[str, Any]]) -> None:
    if not entries:
        return
    spec = template["job_configuration"]["job_manifest"]["spec"]["template"]["spec"]
    holder = spec if name == "extra_volumes" else spec["containers"][0]
    # Where the variables are a list, the worker puts those of the `env` variable before it.
    holder[_PLACES[name]] = [*_entries(template, name), *entries]


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
