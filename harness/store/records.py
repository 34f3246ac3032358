"""How records become JSON and back; the same in every engine."""

from __future__ import annotations

import json
from dataclasses import asdict, fields

from harness.types import FileRecord, FileStatus, Manifest, RepositoryRecord

_REPOSITORY_FIELDS = frozenset(field.name for field in fields(RepositoryRecord))


def to_json(record: Manifest | RepositoryRecord | FileRecord) -> str:
    """Write a record's fields."""
    return json.dumps(asdict(record))


def read_manifest(text: str) -> Manifest:
    """Read what :func:`to_json` wrote."""
    return Manifest(**json.loads(text))


def read_repository(text: str) -> RepositoryRecord:
    """Read what :func:`to_json` wrote, here or in another version: what is missing has its
    default, and what is not known is left out."""
    data = {key: value for key, value in json.loads(text).items() if key in _REPOSITORY_FIELDS}
    for name in ("warnings", "include", "exclude"):
        data[name] = tuple(data.get(name, ()))
    return RepositoryRecord(**data)


def read_file(text: str) -> FileRecord:
    """Read what :func:`to_json` wrote."""
    data = json.loads(text)
    data["status"] = FileStatus(data["status"])
    return FileRecord(**data)
