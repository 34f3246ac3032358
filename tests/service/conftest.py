"""One index for all tests of the service, and a service for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service.lab import Lab, make_index, running


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("service-index")
    make_index(base)
    return base


@pytest.fixture
def lab(index: Path, tmp_path: Path) -> Iterator[Lab]:
    with running(index, tmp_path) as started:
        yield started


@pytest.fixture
def local(index: Path, tmp_path: Path) -> Iterator[Lab]:
    with running(index, tmp_path, needs_token=False, client=("127.0.0.1", 4000)) as started:
        yield started
