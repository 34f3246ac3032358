"""How a run ends, and the exit code of each end."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from harness.errors import HarnessError, PermanentError, PolicyError, UsageError


class Status(StrEnum):
    """The typed end of a run; the values are part of the JSON contract."""

    OK = "ok"
    STEP_LIMIT = "step_limit"
    TIME_LIMIT = "time_limit"
    TOKEN_LIMIT = "token_limit"  # noqa: S105 - a status, not a password
    REPEATED_CALL = "repeated_call"
    FORMAT_ERRORS = "format_errors"
    CONTEXT_OVERFLOW = "context_overflow"
    NO_CHANGE = "no_change"
    VERIFICATION_FAILED = "verification_failed"
    UNVERIFIED = "unverified"
    MODEL_UNAVAILABLE = "model_unavailable"
    REFUSED = "refused"
    USAGE = "usage"
    INTERRUPTED = "interrupted"
    INTERNAL = "internal"


EXIT_CODES: Mapping[Status, int] = MappingProxyType(
    {
        Status.OK: 0,
        Status.INTERNAL: 1,
        Status.USAGE: 2,
        Status.MODEL_UNAVAILABLE: 3,
        Status.STEP_LIMIT: 4,
        Status.TIME_LIMIT: 4,
        Status.TOKEN_LIMIT: 4,
        Status.REPEATED_CALL: 4,
        Status.FORMAT_ERRORS: 4,
        Status.CONTEXT_OVERFLOW: 4,
        Status.NO_CHANGE: 5,
        Status.VERIFICATION_FAILED: 6,
        Status.UNVERIFIED: 6,
        Status.REFUSED: 7,
        Status.INTERRUPTED: 130,
    }
)


class Stop(Exception):  # noqa: N818 - ends a run, which is not always an error
    """Ends the loop with a status; the message says which limit and what to do. ``answer`` is what
    the model said last, where that is worth showing."""

    def __init__(self, status: Status, reason: str, answer: str = "") -> None:
        super().__init__(reason)
        self.status = status
        self.answer = answer


# No server has an HTTP status of its own for a prompt that is longer than the window.
_TOO_LONG = re.compile(r"context (length|window|size)|too long", re.IGNORECASE)


def status_of(error: HarnessError) -> Status:
    """Return the status of an error that ended a run."""
    if isinstance(error, PolicyError):
        return Status.REFUSED
    if isinstance(error, UsageError):
        return Status.USAGE
    if type(error) is PermanentError and _TOO_LONG.search(str(error)):
        return Status.CONTEXT_OVERFLOW
    return Status.MODEL_UNAVAILABLE if error.exit_code == 3 else Status.INTERNAL
