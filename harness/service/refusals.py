"""Which HTTP status an error of ours has."""

from __future__ import annotations

from harness.errors import (
    HarnessError,
    ModelMissingError,
    RepositoryNotFoundError,
    TransientError,
    UsageError,
)

RETRY_AFTER = {"Retry-After": "2"}
"""Goes with a 503."""


def status_of(error: HarnessError) -> int:
    """400 for bad input, 404, 501 without such a model, 503 for what may work soon, else 500."""
    if isinstance(error, TransientError):
        return 503
    if isinstance(error, RepositoryNotFoundError):
        return 404
    if isinstance(error, UsageError):
        return 400
    return 501 if isinstance(error, ModelMissingError) else 500
