"""A receiver and the Prefect that it talks to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.prefect_api import FakePrefect
from tests.webhook.lab import Lab


@pytest.fixture
def prefect() -> Iterator[FakePrefect]:
    with FakePrefect() as prefect:
        yield prefect


@pytest.fixture
def lab(tmp_path: Path, prefect: FakePrefect) -> Iterator[Lab]:
    lab = Lab(tmp_path, prefect)
    lab.start()
    yield lab
    lab.stop()
