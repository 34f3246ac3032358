"""The check of the team's service, when the command line is set to ask one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from harness.checks.running import Check, Outcome

if TYPE_CHECKING:
    from harness.service_client.client import ServiceClient


def checks(url: str | None, open_service: Callable[[], ServiceClient | None]) -> list[Check]:
    """The service that is set, if one is."""
    if not url:
        return []
    return [
        Check("service", partial(_service, open_service), "unset HARNESS_URL to use this machine")
    ]


def _service(open_service: Callable[[], ServiceClient | None]) -> Outcome:
    service = open_service()
    if service is None:
        return None, "HARNESS_URL is not set", ""
    with service:
        count = len(service.statuses())
    return (
        True,
        "HARNESS_URL is set: search, symbol, ask, status and task are answered by "
        f"{service.url}, where {count} repositories are visible",
        "",
    )
