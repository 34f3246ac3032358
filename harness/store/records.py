"""How records become JSON and back; the same in every engine."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, fields
from typing import Any

from harness.errors import StoreDamagedError
from harness.store.collection_names import collection_name
from harness.types import FileRecord, FileStatus, Manifest, RepositoryRecord, Standing

_MAX_CHARS = 4_000_000
_MAX_DIMENSION = 65_536  # as a Qdrant server has it
_STATUS = {str(status): status for status in FileStatus}
_REPOSITORY_FIELDS = frozenset(field.name for field in fields(RepositoryRecord))


def to_json(record: Manifest | RepositoryRecord | FileRecord) -> str:
    """Write a record's fields."""
    return json.dumps(asdict(record))


def read_manifest(text: str) -> Manifest:
    """Read what :func:`to_json` wrote.

    :raises StoreError: it is damaged, or names what cannot be a collection.
    """
    with _reading("a collection"):
        manifest = Manifest(**_object(text))
        if not 1 <= manifest.dimension <= _MAX_DIMENSION:
            raise ValueError(f"{manifest.dimension} dimensions")
        collection_name(manifest.collection)
        return manifest


def read_repository(text: str) -> RepositoryRecord:
    """Read what :func:`to_json` wrote, here or in another version: what is missing has its
    default, and what is not known is left out.

    :raises StoreError: it is damaged.
    """
    with _reading("a repository"):
        data = {key: value for key, value in _object(text).items() if key in _REPOSITORY_FIELDS}
        for name in ("warnings", "include", "exclude"):
            data[name] = tuple(data.get(name, ()))
        data["standing"] = Standing(data.get("standing", ""))
        return RepositoryRecord(**data)


def read_file(text: str) -> FileRecord:
    """Read what :func:`to_json` wrote.

    :raises StoreError: it is damaged.
    """
    with _reading("a file"):
        data = _object(text)
        data["status"] = FileStatus(data["status"])
        return FileRecord(**data)


def read_files(texts: Sequence[str]) -> list[FileRecord]:
    """Read many records at once, in a third of the time of one after another.

    :raises StoreError: one is damaged.
    """
    with suppress(ValueError, KeyError, TypeError, RecursionError):
        documents = json.loads(f"[{','.join(texts)}]")
        if len(documents) == len(texts):
            for data in documents:
                data["status"] = _STATUS[data["status"]]
            return [FileRecord(**data) for data in documents]
    return [read_file(text) for text in texts]  # says which is damaged


def _object(text: object) -> dict[str, Any]:
    if not isinstance(text, str) or len(text) > _MAX_CHARS:
        raise ValueError("no text of a record's size")
    data = json.loads(text)
    if not isinstance(data, dict):
        raise ValueError("no object")
    return data


@contextmanager
def _reading(what: str) -> Iterator[None]:
    try:
        yield
    # RecursionError: JSON that is nested a hundred thousand times.
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise StoreDamagedError(
            f"the record of {what} is damaged ({type(error).__name__}: {str(error)[:80]}); run "
            "`harness repair`, or restore a backup"
        ) from error
