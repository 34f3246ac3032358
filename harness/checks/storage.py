"""Checks of the object storages that keep backups and results."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from harness.checks.running import Outcome

if TYPE_CHECKING:
    from harness.backup.s3 import S3Objects

ATTEMPTS = 2
"""How often a request is sent: each waits up to ten seconds for a connection, and all checks
together have thirty."""


def answers(open_storage: Callable[[], S3Objects | None]) -> Outcome:
    """It answers, has the bucket and takes the credentials. Nothing is written there."""
    storage = open_storage()
    if storage is None:
        return None, "none is set", ""
    storage.ask()
    return True, f"{storage.where} answers", ""


def elsewhere() -> Outcome:
    """Another pod has the credentials."""
    return None, "its credentials are not in this pod (HARNESS_CHECK_STORAGE)", ""
