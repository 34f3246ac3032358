"""Names of chunks."""

from __future__ import annotations

import uuid

import pytest

from harness.index.chunk_identity import point_id

NAMESPACE = uuid.UUID("5b0f4c3e-92c1-5e3b-8f5e-0c1a5d1e7b42")


@pytest.mark.parametrize("ordinal", range(8))
@pytest.mark.parametrize("path", ["src/a.py", "größe/naïve.md"])
def test_a_point_id_is_a_uuid_of_version_5(path: str, ordinal: int) -> None:
    name = f"web\0{path}\0{'0f' * 16}\0{ordinal}"
    assert point_id("web", path, "0f" * 16, ordinal) == str(uuid.uuid5(NAMESPACE, name))
