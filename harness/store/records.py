"""How records become JSON and back; the same in every engine."""

from __future__ import annotations

import json
from dataclasses import asdict

from harness.types import FileRecord, FileStatus, Manifest, RepositoryRecord


def to_json(record: Manifest | RepositoryRecord | FileRecord) -> str:
    """Write a record's fields."""
    return json.dumps(asdict(record))


def read_manifest(text: str) -> Manifest:
    """Read what :func:`to_json` wrote."""
    return Manifest(**json.loads(text))


def read_repository(text: str) -> RepositoryRecord:
    """Read what :func:`to_json` wrote."""
    return RepositoryRecord(**json.loads(text))


def read_file(text: str) -> FileRecord:
    """Read what :func:`to_json` wrote."""
    data = json.loads(text)
    data["status"] = FileStatus(data["status"])
    return FileRecord(**data)
