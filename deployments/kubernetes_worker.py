"""Prefect's Kubernetes worker, with four differences: no run that it has taken is lost
(`submitting`), runs of some deployments are carried out in the worker's own pod, tasks get the
image and the RuntimeClass that their repository calls for, and a run that is cancelled before its
pod starts ends at once.

A check every ten minutes would otherwise be 144 Jobs a day, each with a pod to schedule. And a run
is cancelled by what runs in its pod: where that cannot start, the run would be Cancelling for ever,
with its Job and its place among the runs of its deployment.

Each start of a run has one name for its Job. When the answer of Kubernetes is lost and the Job is
sent again, by this worker or another one, Kubernetes refuses the second.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import warnings
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from kubernetes_asyncio.client import BatchV1Api
from kubernetes_asyncio.client.exceptions import ApiException
from prefect.exceptions import InfrastructureError, InfrastructureNotFound
from prefect_kubernetes import observer
from prefect_kubernetes.worker import KubernetesWorker, KubernetesWorkerResult

from deployments.cancelling import cancelled_while_waiting
from deployments.submitting import KeepsRuns
from harness.settings import WorkerSettings, load

_DEPLOYMENT = "prefect.io/deployment-name"
_AGENT_TASK = "agent-task"
_OWN = "worker"
# An own run that is asked to end has this long (seconds).
_GRACE_SECONDS = 10.0
_RUN = "prefect.io/flow-run-id"
# kubernetes_asyncio waits for ever; what is not done by then is tried again later.
_ANSWER_SECONDS = 30.0
_CREATE_SECONDS = 120.0
# Kubernetes' limit is 63, and a pod's name has 6 more than its Job's.
_PREFIX_CHARS = 44

with warnings.catch_warnings():
    # Taking the place of the type "kubernetes" is the point.
    warnings.filterwarnings("ignore", message="Type 'HarnessWorker'")

    class HarnessWorker(KeepsRuns, KubernetesWorker):  # type: ignore[misc]
        """Takes the place of Prefect's own worker of the type ``kubernetes``."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self._own: dict[str, asyncio.subprocess.Process] = {}

        async def get_and_submit_flow_runs(self) -> Any:
            """What the worker does every few seconds; it also ends what is cancelled and has not
            begun, or not begun again. Prefect's own observer of these forgets a run as soon as its
            Job is made."""
            submitted = await super().get_and_submit_flow_runs()
            for run in await cancelled_while_waiting(self.client, self._work_pool_name):
                # Both delete its Job and mark it cancelled, and say in its log when they cannot.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_CREATE_SECONDS):
                        if run.start_time is None:
                            await self._cancel_run(run.id)
                        else:
                            await self._cancel_next_start(run)
            return submitted

        async def _cancel_next_start(self, run: Any) -> None:
            """What Prefect does only for runs that have never begun."""
            try:
                configuration = await self.job_configuration.resolve_for_flow_run(
                    run,
                    client=self.client,
                    work_pool=self.work_pool,
                    worker_name=self.name,
                    worker_id=self.backend_id,
                )
                with contextlib.suppress(InfrastructureNotFound):
                    await self.kill_infrastructure(run.infrastructure_pid, configuration)
            except Exception:  # with the next look it is tried again
                self.get_flow_run_logger(run).exception("The run's Job could not be deleted")
                return
            message = "Flow run cancelled by worker before its next start."
            await self._mark_flow_run_as_cancelled(run, {"message": message})

        async def run(self, flow_run: Any, configuration: Any, task_status: Any = None) -> Any:
            """Carry out a run here, or make its Job.

            :raises NotOursError: it was cancelled or put back meanwhile.
            """
            start = await self.confirm(flow_run.id)
            settings = load(WorkerSettings)
            labels = configuration.job_manifest["metadata"].get("labels") or {}
            deployment = labels.get(_DEPLOYMENT, "")
            if deployment in settings.own_runs:
                return await self._run_here(flow_run, task_status)
            if deployment == _AGENT_TASK:
                repository = str((flow_run.parameters or {}).get("repository", ""))
                fit_task(configuration.job_manifest, repository, settings)
            metadata = configuration.job_manifest["metadata"]
            metadata["name"] = job_name(metadata["generateName"], start)
            async with asyncio.timeout(_CREATE_SECONDS):
                return await super().run(flow_run, configuration, task_status)  # type: ignore[safe-super]

        async def is_carried_out(self, run: Any, start: UUID) -> bool:
            """Whether a run has a Job that was made for this start, or one that has not ended."""
            return any(
                job.metadata.name.endswith(_suffix(start)) or not _has_ended(job)
                for job in await _jobs(run.id)
            )

        async def _create_job(self, configuration: Any, client: Any) -> Any:
            try:
                return await super()._create_job(configuration, client)
            except InfrastructureError as error:
                cause = error.__cause__
                body = cause.body if isinstance(cause, ApiException) else None
                if '"AlreadyExists"' not in str(body):
                    raise
                # Made by an attempt whose answer was lost.
                metadata = configuration.job_manifest["metadata"]
                job = await BatchV1Api(client).read_namespaced_job(
                    metadata["name"], configuration.namespace, _request_timeout=_ANSWER_SECONDS
                )
                if (job.metadata.labels or {}).get(_RUN) != metadata["labels"][_RUN]:
                    raise
                return job

        async def find_infrastructure(self, run: Any) -> str | None:
            """The Job of a run whose worker died before it had written down the name."""
            for job in await _jobs(run.id):
                if not _has_ended(job):
                    return f"{job.metadata.namespace}:{job.metadata.name}"
            return None

        async def kill_infrastructure(
            self, infrastructure_pid: str, configuration: Any, grace_seconds: int = 30
        ) -> None:
            """End a run that is cancelled."""
            if process := self._own.get(infrastructure_pid):
                await _end(process)
            else:
                await super().kill_infrastructure(infrastructure_pid, configuration, grace_seconds)

        async def _run_here(self, flow_run: Any, task_status: Any) -> KubernetesWorkerResult:
            # The engine alone, without the runner that a Job has around it: there is no SIGTERM to
            # hand the run back for. Nothing of the deployment decides what is started.
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "prefect.engine", str(flow_run.id)), env=own_environment()
            )
            name = f"{_OWN}:{process.pid}"
            self._own[name] = process
            if task_status is not None:
                task_status.started(name)
            try:
                code = await process.wait()
            finally:
                # Nothing to do unless the worker is stopping.
                await _end(process)
                del self._own[name]
            return KubernetesWorkerResult(identifier=name, status_code=code)


async def _jobs(run_id: UUID) -> list[Any]:
    """The Jobs of a run, ended ones included.

    :raises ApiException: Kubernetes does not say.
    """
    found: list[Any] = []
    # The observer's own connection and namespaces: where it looks the worker may look.
    api = await observer._get_kubernetes_client()
    try:
        for namespace in observer.settings.observer.namespaces:
            listed = await BatchV1Api(api).list_namespaced_job(
                namespace, label_selector=f"{_RUN}={run_id}", _request_timeout=_ANSWER_SECONDS
            )
            found += listed.items
    finally:
        await api.close()
    return found


def _has_ended(job: Any) -> bool:
    return bool(job.status.failed or job.status.succeeded)


def job_name(prefix: str, start: UUID) -> str:
    """The name of the Job of one start of a run.

    :param prefix: what a name that Kubernetes chooses would begin with; may end with a dash.
    :param start: as :meth:`KeepsRuns.confirm` gives it.
    """
    return prefix[:_PREFIX_CHARS].strip("-") + _suffix(start)


def _suffix(start: UUID) -> str:
    # The first half of an id is the time.
    return f"-{start.hex[-12:]}"


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _GRACE_SECONDS)
        except TimeoutError:
            process.kill()


def own_environment() -> dict[str, str]:
    """The environment of a run in this pod: the worker's own, without what is for workers only."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PREFECT_INTEGRATIONS_KUBERNETES_", "PREFECT_WORKER_"))
    }


def fit_task(manifest: dict[str, Any], repository: str, settings: WorkerSettings) -> None:
    """Give the Job of a task the image of its repository, its RuntimeClass, and a key of Qdrant's
    that can do no more than a task needs.

    :param manifest: of the Job; changed.
    :param repository: as the task names it: a name, a URL or a folder.
    """
    pod = manifest["spec"]["template"]["spec"]
    container = pod["containers"][0]
    if image := image_for(settings.images, repository):
        container["image"] = image
    if settings.agent_qdrant_secret:
        # What is there for backups and for other Jobs is no business of a task's.
        others = [
            source
            for source in container["envFrom"]
            if "secretRef" not in source or source["secretRef"]["name"] == settings.results_secret
        ]
        key = {"secretRef": {"name": settings.agent_qdrant_secret}}
        container["envFrom"] = [*others, key]
    if settings.agent_runtime_class:
        pod["runtimeClassName"] = settings.agent_runtime_class


def image_for(images: Mapping[str, str], repository: str) -> str | None:
    """The image of a repository: by what it is called in full, else by the last part of that, as
    an index names it."""
    short = repository.rstrip("/").rpartition("/")[2].removesuffix(".git")
    return images.get(repository) or images.get(short)
