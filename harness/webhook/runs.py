"""Starts index runs over Prefect's HTTP API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from harness.errors import StackError
from harness.stack.api import PrefectApi
from harness.webhook.journal import Delivery

DEPLOYMENT = "index-repository/index-repository"
_FINAL = frozenset({"COMPLETED", "FAILED", "CRASHED", "CANCELLED"})


@dataclass(frozen=True, slots=True)
class StartedRun:
    """The run that indexes a push. ``created`` is False for a run that was waiting already."""

    id: str
    created: bool


class IndexRuns:
    """Starts runs of ``index-repository``; safe to call from several threads.

    :param api: returns the server to use now; its port changes when `harness up` picks another.
    """

    def __init__(self, api: Callable[[], PrefectApi]) -> None:
        self._api = api
        self._deployment_id = ""
        self._last: dict[str, str] = {}

    def start(self, delivery: Delivery) -> StartedRun:
        """Make sure that a run begins after this moment; it will read the newest commit.

        A run of ours that has not begun yet is enough, so that a burst of pushes makes one run in
        progress and one waiting. Otherwise a run is created under the idempotency key
        ``<repository>@<commit>``. A longer key is used when the run with that key has ended, or
        another commit's run began after it: an older commit was pushed again, or the push of a
        failed run was delivered again.

        :raises ServiceUnavailableError: the server does not answer.
        :raises StackError: nothing is deployed there, or the server denies access.
        :raises UsageError: the server rejects this repository's parameters.
        """
        api = self._api()
        waiting = self._waiting_run(api, delivery.name)
        if waiting:
            return StartedRun(waiting, created=False)
        key = f"{delivery.name}@{delivery.commit}"
        run = self._create(api, delivery, key)
        last = self._last.get(delivery.name, run["id"])
        begun = run.get("state_type") != "SCHEDULED" and run["id"] != last
        if begun or run.get("state_type") in _FINAL:
            run = self._create(api, delivery, f"{key}#{delivery.seq}-{delivery.keys[0]}")
        self._last[delivery.name] = str(run["id"])
        return StartedRun(str(run["id"]), created=True)

    def _waiting_run(self, api: PrefectApi, name: str) -> str | None:
        run_id = self._last.get(name)
        if run_id is None:
            return None
        try:
            run = api.mapping("GET", f"/flow_runs/{run_id}")
        except StackError:  # it was deleted
            self._last.pop(name, None)
            return None
        return run_id if run.get("state_type") == "SCHEDULED" else None

    def _create(self, api: PrefectApi, delivery: Delivery, key: str) -> Mapping[str, object]:
        if not self._deployment_id:
            self._deployment_id = str(api.mapping("GET", f"/deployments/name/{DEPLOYMENT}")["id"])
        try:
            return api.mapping(
                "POST",
                f"/deployments/{self._deployment_id}/create_flow_run",
                {
                    "parameters": {"source": delivery.source, "name": delivery.name},
                    "state": {"type": "SCHEDULED"},
                    "idempotency_key": key,
                    "tags": ["webhook"],
                },
            )
        except StackError:
            self._deployment_id = ""  # it may be another server, or have been deployed again
            raise
