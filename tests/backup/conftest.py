"""Fixtures for the index that is backed up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.backup.cases import Case, edge, fill, served


@pytest.fixture
def local(tmp_path: Path) -> Case:
    found = edge(tmp_path, tmp_path / "backups")
    fill(found.store)
    return found


@pytest.fixture
def remote(tmp_path: Path) -> Iterator[Case]:
    yield from served(tmp_path)


@pytest.fixture(params=["local", "remote"], ids=["edge", "server"])
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.getfixturevalue(request.param)
    return found
