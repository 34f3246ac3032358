"""How the tests are spread over processes: ``--dist loadscope`` of pytest-xdist. And how long one
example of a property may take: however long a busy machine makes it."""

from __future__ import annotations

from typing import Any

import hypothesis
import pytest
from xdist.scheduler import LoadScopeScheduling

# They share a Prefect server, which takes long to start.
_TOGETHER = "tests/flows/"
_WITH_SERVERS = ("tests/e2e/", _TOGETHER)

# The same examples each time: whoever changes something else must not meet a fault by chance. To
# look for new ones: make test ARGS="--hypothesis-profile=random".
hypothesis.settings.register_profile("patient", deadline=None, derandomize=True)
hypothesis.settings.register_profile("random", deadline=None)
hypothesis.settings.load_profile("patient")


class Scheduling(LoadScopeScheduling):
    """A module stays in one process, for its fixtures, and so do the tests of flows."""

    def _split_scope(self, nodeid: str) -> str:
        # Not the mark xdist_group: xdist 3.8 does not see it with pytest 9.2.
        return _TOGETHER if nodeid.startswith(_TOGETHER) else nodeid.partition("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadScopeScheduling:
    """The hook by which xdist asks for it."""
    return Scheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those that start servers first: they take long and wait much of the time, and begun last they
    would be all that is left in the end."""
    items.sort(key=lambda item: not item.nodeid.startswith(_WITH_SERVERS))


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Git commands end after a minute: a test of what would take years fails soon."""
    from harness.repository import git

    patient = git.run_limited

    def run(*args: Any, timeout_seconds: float, **options: Any) -> Any:
        return patient(*args, timeout_seconds=min(60.0, timeout_seconds), **options)

    monkeypatch.setattr(git, "run_limited", run)
