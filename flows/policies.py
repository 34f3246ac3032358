"""How tasks are retried: in one place, by exception class.

A task is tried again when :func:`harness.errors.is_transient` says that a later try may help;
bad input and a damaged store fail at once.
"""

from __future__ import annotations

from typing import Any

from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.tasks import Task, exponential_backoff

from harness.errors import is_transient

# git's own limit for one clone or fetch; the task's limit leaves it time to report it.
CLONE_TIMEOUT_SECONDS = 1800.0


def is_worth_retrying(_task: Task[..., Any], _task_run: TaskRun, state: State[Any]) -> bool:
    """Tell whether the error of a failed task may go away by itself."""
    error = state.result(raise_on_failure=False)
    return isinstance(error, BaseException) and is_transient(error)


# Tries after 2, 4 and 8 s, each up to half as long again so that tasks do not return together.
# Inputs hold clients, which have no cache key, and progress is kept in the index itself: hence
# no cache, and nothing to persist.
IO: dict[str, Any] = {
    "retries": 3,
    "retry_delay_seconds": exponential_backoff(backoff_factor=2),
    "retry_jitter_factor": 0.5,
    "retry_condition_fn": is_worth_retrying,
    "timeout_seconds": 900,
    "cache_policy": NO_CACHE,
    "persist_result": False,
}

CHECKOUT: dict[str, Any] = IO | {"timeout_seconds": CLONE_TIMEOUT_SECONDS + 60}

# Mapped tasks run in threads, where Prefect's time-out can interrupt nothing and only warns in
# each run's log. Every request to a model server or to Qdrant has a time-out of its own.
BATCH: dict[str, Any] = IO | {"timeout_seconds": None}
