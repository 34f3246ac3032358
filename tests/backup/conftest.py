"""Fixtures for the index that is backed up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.backup.cases import Case, edge, fill, served
from tests.fakes import s3


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """An object storage."""
    with s3.server() as address:
        yield address


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret-access-key")


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
