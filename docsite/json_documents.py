"""docs/reference/json.md: JSON Schemas of the documents that `--json` prints."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from harness.agent.envelope import Envelope
from harness.checks import CheckResult
from harness.index.status import RepositoryStatus
from harness.stack.status import StackStatus
from harness.types import Hit, IndexReport


@dataclass(frozen=True, slots=True)
class SearchDocument:
    """Ranked passages, best first."""

    query: str
    results: list[Hit]


@dataclass(frozen=True, slots=True)
class DoctorDocument:
    """Every check; ``ok`` is whether none has failed."""

    ok: bool
    checks: list[CheckResult]


@dataclass(frozen=True, slots=True)
class StatusDocument:
    """What is indexed."""

    repos: list[RepositoryStatus]


@dataclass(frozen=True, slots=True)
class Added:
    """What `ask` and `task` add to the envelope."""

    status: str
    exit_code: int
    applied: bool = False


DOCUMENTS: dict[str, tuple[Any, str]] = {
    "index": (IndexReport, "Of several repositories it is a list of these."),
    "search": (SearchDocument, "Lines are 1-based and inclusive; `score` is not comparable."),
    "ask, task": (Envelope, "Each field in words: [agent](../agent.md#the-json-document)."),
    "doctor": (DoctorDocument, ""),
    "status": (StatusDocument, ""),
    "up": (StackStatus, "With `login_url`, `service_login_url`, `prefect_profiles_path`."),
}

_HEADER = """# JSON documents

Schemas of what the commands print with `--json`, made from the code by `make reference`. Fields may
be added; none is renamed or removed. One document goes to stdout, logs go to stderr.
"""


def schema(command: str) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a command's document."""
    found = TypeAdapter(DOCUMENTS[command][0]).json_schema(mode="serialization")
    if command == "ask, task":
        added = TypeAdapter(Added).json_schema(mode="serialization")["properties"]
        found["properties"] = {**added, **found["properties"]}
    bare: dict[str, Any] = _bare(found)
    return bare


def page() -> str:
    """The whole page."""
    parts = [_HEADER]
    for command, (_, note) in DOCUMENTS.items():
        text = json.dumps(schema(command), indent=1)
        said = f"{note}\n\n" if note else ""
        parts.append(f"## {command}\n\n{said}```json\n{text}\n```\n")
    return "\n".join(parts)


def _bare(node: Any) -> Any:
    """Without the titles that only repeat names, and with each text on one line."""
    if isinstance(node, list):
        return [_bare(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {}
    for key, value in node.items():
        if key == "title" and isinstance(value, str):
            continue
        if key == "description" and isinstance(value, str):
            kept[key] = " ".join(value.split())
        else:
            kept[key] = _bare(value)
    return kept
