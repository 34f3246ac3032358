"""Handlers beside those of Prefect's observer, in its thread: they show in the flow run itself why
its pod does not start, or has ended.

Prefect's observer logs what a pod's status says and leaves the run at ``InfrastructurePending``, or
crashes it with words that fit every cause. It does not look at events at all, where a quota and a
volume are named. Importing this module adds the handlers; `deployments.worker` does.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Mapping
from typing import Any, cast
from uuid import UUID

import kopf
from cachetools import TTLCache
from kubernetes_asyncio.client import BatchV1Api, CoreV1Api
from kubernetes_asyncio.client.exceptions import ApiException
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.exceptions import ObjectNotFound
from prefect.logging.loggers import flow_run_logger
from prefect.states import Crashed, InfrastructurePending, Pending
from prefect_kubernetes import observer

from deployments import diagnosis
from deployments.diagnosis import Diagnosis

_RUN = "prefect.io/flow-run-id"
_LABELS: dict[str, Any] = {_RUN: kopf.PRESENT}
# The last reason seen for a run, for when its pod and Job are gone. As long as a Job is kept.
_seen: TTLCache[str, Diagnosis] = TTLCache(maxsize=1000, ttl=3600)
_propose_state = observer.propose_state
# How long a pod that was told to end may take to give its run back: the grace period of our Jobs,
# and some more for the report of its end.
_LAST_SECONDS = 75.0


@kopf.on.startup()
def only_warnings(settings: kopf.OperatorSettings, **_: Any) -> None:
    """Of the namespace's events only those that warn are sent to us."""
    settings.watching.field_selectors["v1", "events"] = "type=Warning"


@kopf.on.event("", "v1", "pods", labels=_LABELS)
async def on_pod(status: kopf.Status, labels: kopf.Labels, **_: Any) -> None:
    """A pod was made or has changed; called after Prefect's own handler."""
    run_id = labels[_RUN]
    if status.get("phase") == "Pending":
        if found := diagnosis.waiting_pod(status):
            await _show(run_id, found)
        elif diagnosis.is_scheduled(status):
            await _show_progress(run_id)
    elif (found := diagnosis.disruption(status)) and _seen.get(run_id) != found:
        _seen[run_id] = found
        # The run may still be alive, and may be handed back: a line in its log, no state.
        flow_run_logger(flow_run_id=UUID(run_id)).getChild("observer").warning(found.message)


@kopf.on.event("", "v1", "events")
async def on_event(body: kopf.Body, namespace: str | None, **_: Any) -> None:
    """An event of the namespace, about anything in it."""
    about = body.get("involvedObject") or {}
    found = diagnosis.warning(
        about.get("kind", ""), body.get("reason", ""), body.get("message") or ""
    )
    if found and (labels := await _labels(about["kind"], about["name"], namespace or "")):
        await _show(labels[_RUN], found)


@kopf.on.event("batch", "v1", "jobs", labels=_LABELS)
async def on_job(status: kopf.Status, labels: kopf.Labels, **_: Any) -> None:
    """A Job that never had a pod and has ended: Prefect's handler, which counts failed pods, waits
    for more."""
    if status.get("failed") or not (found := diagnosis.ended(status, [])):
        return
    run_id = labels[_RUN]
    if await _pending(run_id):
        await _client().set_flow_run_state(UUID(run_id), Crashed(message=_with_seen(run_id, found)))


async def propose_with_reason(client: Any, state: State[Any], flow_run_id: UUID, **_: Any) -> Any:
    """What Prefect's observer calls in place of its ``propose_state``: a crash says why, and what
    hands itself back has not crashed."""
    if state.type == StateType.CRASHED:
        if handed_back := await _handed_back(client, flow_run_id):
            return handed_back
        if found := await _why_ended(str(flow_run_id)):
            state = state.model_copy(update={"message": f"{state.message}: {found}"})
    return await _propose_state(client=client, state=state, flow_run_id=flow_run_id)


async def _handed_back(client: Any, run_id: UUID) -> State[Any] | None:
    """The state of a run whose pod was told to end and has given the run back; None where it has
    not. The Job controller counts a pod as failed as soon as it is asked to end, and Prefect's
    observer takes that for the end while the pod still needs its last seconds for this.
    """
    state = (await client.read_flow_run(run_id)).state
    was_running = state is not None and state.type == StateType.RUNNING
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_LAST_SECONDS):
            while state and state.type == StateType.RUNNING and await _has_living_pod(str(run_id)):
                await asyncio.sleep(1)
                state = (await client.read_flow_run(run_id)).state
    if state and (state.is_scheduled() or (was_running and state.is_pending())):
        return cast("State[Any]", state)
    return None


async def _has_living_pod(run_id: str) -> bool:
    _, pods = await _objects(run_id)
    return any(_status(pod).get("phase") in ("Pending", "Running") for pod in pods)


# Prefect decides when a run has crashed (other Jobs of the run, logs of the pod) and has no other
# place where its words could be chosen; tests/e2e/test_kubernetes_worker.py fails if it goes.
observer.propose_state = propose_with_reason


async def _show(run_id: str, found: Diagnosis) -> None:
    """Give a run that waits the reason as its state; the server refuses it to any other."""
    _seen[run_id] = found
    run = await _pending(run_id)
    if run and run.state and run.state.name != found.name:
        state: State[Any] = Pending(name=found.name, message=found.message)
        await _client().set_flow_run_state(UUID(run_id), state)


async def _show_progress(run_id: str) -> None:
    """The pod has a node: nothing of what kept it from being made or placed is true any more."""
    over = {diagnosis.QUOTA, diagnosis.REFUSED, diagnosis.UNSCHEDULABLE}
    if run_id in _seen and _seen[run_id].name in over and (run := await _pending(run_id)):
        _seen.pop(run_id, None)
        if run.state and run.state.name in over:
            state: State[Any] = InfrastructurePending(message="Kubernetes pod is pending.")
            await _client().set_flow_run_state(UUID(run_id), state)


async def _pending(run_id: str) -> FlowRun | None:
    """The run if it is waiting to start."""
    try:
        run: FlowRun = await _client().read_flow_run(UUID(run_id))
    except (ObjectNotFound, ValueError):
        return None
    return run if run.state and run.state.type == StateType.PENDING else None


async def _why_ended(run_id: str) -> str:
    """What is known of a run's end; empty when nothing is."""
    try:
        found = await _look(run_id)
    except Exception:  # the crash is reported in any case
        logging.getLogger(__name__).warning("no reason for the end of %s", run_id, exc_info=True)
        found = None
    return _with_seen(run_id, found)


def _with_seen(run_id: str, found: Diagnosis | None) -> str:
    """The end, and what the run had been waiting for, or its pod been taken away for."""
    seen = _seen.pop(run_id, None)
    return "; ".join(dict.fromkeys(one.message for one in (found, seen) if one))


async def _look(run_id: str) -> Diagnosis | None:
    jobs, pods = await _objects(run_id)
    job = jobs[-1] if jobs else None
    # A pod of a lost node is gone before a worker that was there, too, looks again.
    events = await _events(job) if job and not pods else []
    return diagnosis.ended(_status(job) if job else None, map(_status, reversed(pods)), events)


def _status(item: Mapping[str, Any]) -> Mapping[str, Any]:
    return item.get("status") or {}


async def _objects(run_id: str) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    """A run's Jobs and its pods, in the order of the API."""
    chosen = {"label_selector": f"{_RUN}={run_id}"}
    jobs: list[Mapping[str, Any]] = []
    pods: list[Mapping[str, Any]] = []
    api = await observer._get_kubernetes_client()
    try:
        for namespace in observer.settings.observer.namespaces:
            for listing, items in (
                (BatchV1Api(api).list_namespaced_job, jobs),
                (CoreV1Api(api).list_namespaced_pod, pods),
            ):
                found = await _asked(listing, namespace, **chosen) or {"items": []}
                items += found["items"]
    finally:
        await api.close()
    return jobs, pods


async def _events(job: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Reason and message of what was said about a Job's pods, which Kubernetes names after it."""
    name, namespace = job["metadata"]["name"], job["metadata"]["namespace"]
    api = await observer._get_kubernetes_client()
    try:
        listing = CoreV1Api(api).list_namespaced_event
        found = await _asked(listing, namespace, field_selector="involvedObject.kind=Pod")
    finally:
        await api.close()
    return [
        (event.get("reason") or "", event.get("message") or "")
        for event in (found or {"items": []})["items"]
        if event["involvedObject"].get("name", "").rpartition("-")[0] == name
    ]


async def _labels(kind: str, name: str, namespace: str) -> Mapping[str, str] | None:
    """The labels of a Job or pod of a flow run; None when it is gone, or something else."""
    api = await observer._get_kubernetes_client()
    try:
        if kind == "Job":
            found = await _asked(BatchV1Api(api).read_namespaced_job, name, namespace)
        else:
            found = await _asked(CoreV1Api(api).read_namespaced_pod, name, namespace)
    finally:
        await api.close()
    labels: Mapping[str, str] = found["metadata"].get("labels") or {} if found else {}
    return labels if _RUN in labels else None


async def _asked(call: Any, *arguments: str, **options: str) -> Mapping[str, Any] | None:
    """What the API says, None for 404: as it is, because the client's own classes refuse objects
    that lack what they expect.

    :raises ApiException: it refuses.
    """
    answer = await call(*arguments, **options, _preload_content=False)
    text = await answer.read()
    if answer.status == 404:
        return None
    if answer.status != 200:
        raise ApiException(status=answer.status, reason=text[:200].decode(errors="replace"))
    said: Mapping[str, Any] = json.loads(text)
    return said


def _client() -> Any:
    """The Prefect client that the observer has opened in its own loop."""
    return observer.orchestration_client
