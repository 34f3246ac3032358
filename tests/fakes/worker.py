"""An imitation of a process worker: runs the scheduled runs of some deployments in threads of this
process, where tests can replace what flows use."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

from prefect import Flow, get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.flow_engine import run_flow


class ThreadWorker:
    """A context manager; each flow is deployed under its own name."""

    def __init__(self, *flows: Flow[..., Any], at_once: int = 4) -> None:
        self._flows = flows
        self._deployed: dict[UUID, Flow[..., Any]] = {}
        self._taken: set[UUID] = set()
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(max_workers=at_once)
        self._poller = threading.Thread(target=self._poll, daemon=True)

    def __enter__(self) -> ThreadWorker:
        with get_client(sync_client=True) as client:
            for flow in self._flows:
                identity = client.create_deployment(client.create_flow(flow), name=flow.name)
                self._deployed[identity] = flow
        self._poller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._poller.join()
        self._pool.shutdown(cancel_futures=True)

    def _poll(self) -> None:
        scheduled = FlowRunFilterStateType(any_=[StateType.SCHEDULED])
        with get_client(sync_client=True) as client:
            while not self._stop.wait(0.1):
                for run in client.read_flow_runs(
                    flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=scheduled)),
                    deployment_filter=DeploymentFilter(
                        id=DeploymentFilterId(any_=list(self._deployed))
                    ),
                ):
                    if run.id not in self._taken and run.deployment_id is not None:
                        self._taken.add(run.id)
                        self._pool.submit(self._run, self._deployed[run.deployment_id], run)

    def _run(self, flow: Flow[..., Any], run: Any) -> None:
        with contextlib.suppress(Exception):  # it is in the run's state
            run_flow(flow, flow_run=run, parameters=run.parameters, return_type="state")
