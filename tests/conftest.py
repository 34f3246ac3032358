"""How the tests are spread over processes: ``--dist loadscope`` of pytest-xdist."""

from __future__ import annotations

import pytest
from xdist.scheduler import LoadScopeScheduling

_WITH_SERVERS = ("tests/e2e/", "tests/flows/")


class Scheduling(LoadScopeScheduling):
    """A module stays in one process, for its fixtures. All that start a Prefect server share one
    process, in their order: there they wait much of the time, while the other one computes."""

    def _split_scope(self, nodeid: str) -> str:
        # Not the mark xdist_group: xdist 3.8 does not see it with pytest 9.2.
        return "servers" if nodeid.startswith(_WITH_SERVERS) else nodeid.partition("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadScopeScheduling:
    """The hook by which xdist asks for it."""
    return Scheduling(config, log)
