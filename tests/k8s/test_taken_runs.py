"""Our Kubernetes worker and Prefect's own code around it, while an imitation of Kubernetes fails.

Prefect's server is a list of states here; tests/e2e/test_kubernetes_worker.py has a real one.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from kubernetes_asyncio.config import kube_config
from prefect.client.schemas.objects import State, WorkerStatus
from prefect.client.schemas.responses import SetStateStatus, StateAbortDetails
from prefect.states import Scheduled
from prefect_kubernetes import observer
from prefect_kubernetes.worker import KubernetesWorkerJobConfiguration

from deployments.kubernetes_worker import HarnessWorker
from deployments.submitting import PUT_BACK, holder
from tests.e2e.worker_faults import CREATES, HICCUPS, TRIES, Hiccup
from tests.fakes.interrupted import Fault, Interrupted, interrupted
from tests.fakes.kubernetes_api import Cluster, KubernetesImitation

_RETRY = "PREFECT_INTEGRATIONS_KUBERNETES_WORKER_CREATE_JOB_RETRY_"


class Server:
    """What a worker asks Prefect's server for: one run's states, and the workers that live."""

    def __init__(self) -> None:
        self.run = SimpleNamespace(
            id=uuid4(), name="r", flow_id=uuid4(), deployment_id=uuid4(), parameters={}, labels={}
        )
        self.states: list[State[Any]] = []
        self.pid: str | None = None
        self.online: list[str] = []
        self.is_ill = False
        self._add(Scheduled())

    @property
    def names(self) -> list[str]:
        return [str(state.name) for state in self.states]

    def _add(self, state: State[Any]) -> None:
        state.id, state.timestamp = uuid4(), datetime.now(UTC)
        self.states.append(state)

    async def read_deployment(self, _: UUID) -> None:
        if self.is_ill:
            raise httpx.ReadError("cut")

    async def read_flow_run_states(self, _: UUID) -> list[State[Any]]:
        return list(self.states)

    async def read_flow_run(self, _: UUID) -> SimpleNamespace:
        return self._read()

    async def read_flow_runs(self, **_: Any) -> list[SimpleNamespace]:
        return [self._read()] if self.names[-1] in ("Pending", "Submitting") else []

    def _read(self) -> SimpleNamespace:
        facts = vars(self.run) | {"start_time": None, "infrastructure_pid": self.pid}
        return SimpleNamespace(**facts | {"state": self.states[-1]})

    async def read_workers_for_work_pool(self, _: str) -> list[SimpleNamespace]:
        return [SimpleNamespace(name=name, status=WorkerStatus.ONLINE) for name in self.online]

    async def set_flow_run_state(self, _: UUID, state: State[Any], **__: Any) -> SimpleNamespace:
        # As PreventPendingTransitions of the server.
        is_new = state.name not in (self.names[-1], "Pending")
        if state.is_pending() and self.states[-1].is_pending() and not is_new:
            details = StateAbortDetails(reason="it is Pending")
            return SimpleNamespace(status=SetStateStatus.ABORT, details=details)
        self._add(state)
        return SimpleNamespace(status=SetStateStatus.ACCEPT, state=state)

    async def update_flow_run(self, _: UUID, infrastructure_pid: str | None = None) -> None:
        self.pid = infrastructure_pid

    async def update_flow_run_labels(self, *_: Any) -> None:
        pass


class Submission:
    """What the worker's task group hands on."""

    def __init__(self) -> None:
        self.result: object = None
        self._future = SimpleNamespace(done=lambda: self.result is not None)

    def started(self, result: object) -> None:
        self.result = result


@pytest.fixture
def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Cluster, Interrupted]]:
    for name in ("DELAY_SECONDS", "JITTER_MAX_SECONDS"):
        monkeypatch.setenv(_RETRY + name, "0")
    config = tmp_path / "kubeconfig"
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(config))
    monkeypatch.setattr(observer.settings.observer, "namespaces", {"harness"})
    with KubernetesImitation() as kubernetes, interrupted(kubernetes.port) as proxy:
        config.write_text(json.dumps(kubernetes.kubeconfig(proxy.url)), encoding="utf-8")
        yield kubernetes.cluster, proxy


def _worker(server: Server, monkeypatch: pytest.MonkeyPatch) -> Any:
    worker = HarnessWorker(work_pool_name="harness", heartbeat_interval_seconds=1)
    # Of a fault nobody is patient.
    worker.heartbeat_interval_seconds = 0
    monkeypatch.setattr(worker, "_client", server)
    monkeypatch.setattr(worker, "_work_pool", SimpleNamespace(name="harness", id=uuid4()))
    monkeypatch.setattr(worker, "get_flow_run_logger", lambda _: worker._logger)
    monkeypatch.setattr(worker, "_emit_flow_run_submitted_event", lambda _: None)

    async def resolve(*_: Any, **__: Any) -> KubernetesWorkerJobConfiguration:
        return _configuration(server.run.id)

    monkeypatch.setattr(worker, "job_configuration", SimpleNamespace(resolve_for_flow_run=resolve))
    return worker


def _configuration(run: UUID) -> KubernetesWorkerJobConfiguration:
    labels = {"prefect.io/flow-run-id": str(run)}
    pod = {"containers": [{"name": "prefect-job", "env": [], "args": ["true"]}]}
    manifest = {
        "metadata": {"generateName": "sleeper-", "namespace": "harness", "labels": labels},
        "spec": {"template": {"metadata": {"labels": {}}, "spec": pod}},
        "kind": "Job",
    }
    return KubernetesWorkerJobConfiguration.model_construct(
        job_manifest=manifest, namespace="harness", cluster_config=None, labels={}, env={}
    )


async def _submit(worker: Any, server: Server) -> object:
    assert await worker._propose_pending_state(server.run)
    submission = Submission()
    await worker._submit_run_and_capture_errors(server.run, task_status=submission)
    return submission.result


@pytest.mark.parametrize(
    "hiccup", [one for one in HICCUPS if one.kubernetes], ids=lambda hiccup: hiccup.name
)
def test_a_start_that_fails_is_put_back_and_makes_one_job(
    line: tuple[Cluster, Interrupted], monkeypatch: pytest.MonkeyPatch, hiccup: Hiccup
) -> None:
    cluster, proxy = line
    server = Server()
    worker = _worker(server, monkeypatch)
    for fault in hiccup.faults:
        proxy.next(hiccup.request, fault)

    async def start() -> object:
        result = await _submit(worker, server)
        if server.names[-1] == PUT_BACK:
            result = await _submit(worker, server)
        return result

    result = asyncio.run(start())
    assert not proxy.planned
    (job,) = cluster.objects["jobs"]
    assert result == f"harness:{job}"
    assert set(server.names) == {"Scheduled", "Pending", "Submitting"} | hiccup.names


def test_what_is_wrong_for_good_ends_a_run_at_once(
    line: tuple[Cluster, Interrupted], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, proxy = line
    server = Server()
    for _ in range(TRIES):
        proxy.next(CREATES, Fault.INVALID)
    asyncio.run(_submit(_worker(server, monkeypatch), server))
    assert server.names == ["Scheduled", "Pending", "Submitting", "Crashed"]


def test_only_what_nobody_has_is_put_back(
    line: tuple[Cluster, Interrupted], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And who comes too late makes nothing."""
    cluster, _ = line
    server = Server()
    lost, living = _worker(server, monkeypatch), _worker(server, monkeypatch)

    async def lose() -> None:
        assert await lost._propose_pending_state(server.run)
        server.online = [lost.name]
        await living._put_back_abandoned()
        assert server.names[-1] == "Pending", "it is in good hands"
        server.online = []
        await living._put_back_abandoned()
        assert server.names[-1] == PUT_BACK
        assert str(lost.name) in str(server.states[-1].message)
        await _submit(living, server)
        # The first one was only slow.
        await lost._submit_run_and_capture_errors(server.run, task_status=Submission())
        (job,) = cluster.objects["jobs"]
        # That the Job is not written down yet makes nothing of it.
        await lost._put_back_abandoned()
        assert server.names[-1] == "Submitting"
        assert holder(server.states[-1]) == living.name
        assert await lost.find_infrastructure(server.run) == f"harness:{job}"

    asyncio.run(lose())


def test_a_server_that_is_ill_does_not_end_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server()
    server.is_ill = True
    worker = _worker(server, monkeypatch)
    worker._submitting_flow_run_ids.add(server.run.id)
    asyncio.run(worker._submit_run(server.run))
    assert not worker._submitting_flow_run_ids, "the next look finds it again"
    assert server.names == ["Scheduled"]
