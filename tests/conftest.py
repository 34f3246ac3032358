"""How the tests are spread over processes (pytest-xdist, ``--dist loadgroup``)."""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A module stays in one process, for its fixtures; all that start a server share one process,
    which mostly waits while the others compute."""
    for item in items:
        slow = item.get_closest_marker("e2e") is not None
        item.add_marker(pytest.mark.xdist_group("e2e" if slow else item.path.stem))
