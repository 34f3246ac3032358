"""Our worker and Prefect's observer with our template, against an imitation of Kubernetes.

Shown: the Jobs that the worker sends, how a flow run ends when it is cancelled, when its pod fails
and when its Job vanishes, and what it says when it cannot start. Not shown: anything that a real
cluster would do.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from tests.e2e.kubernetes_reasons import TROUBLES, Trouble
from tests.e2e.kubernetes_stack import AUTH, Stack, running_stack, until
from tests.e2e.worker_faults import CREATES, HICCUPS, TRIES, Hiccup
from tests.fakes.interrupted import Fault
from tests.fakes.kubernetes_api import Object
from tests.k8s import jobs

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]
# Enough for a flow run of each deployment to be made; the flows themselves do not run here.
_PARAMETERS: dict[str, dict[str, Any]] = {
    "index-repository": {"source": "/repos/example"},
    "agent-task": {"text": "Explain this repository.", "repository": "/repos/example"},
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("kubernetes-worker")) as running:
        yield running


@pytest.fixture(scope="module")
def troubled(stack: Stack) -> dict[str, UUID]:
    """One run for each trouble: first, so that the notifications of those
    that wait are there when the last test asks."""
    stack.wait_less("harness-cannot-start", seconds=10)
    # It would start those again that have crashed.
    stack.pause("harness-restart-crashed")
    cluster = stack.kubernetes.cluster
    runs: dict[str, UUID] = {}
    made: dict[str, Object] = {}
    for behaviour in sorted({trouble.behaviour for trouble in TROUBLES}):
        cluster.behaviour = behaviour
        started = [trouble.name for trouble in TROUBLES if trouble.behaviour == behaviour]
        runs |= {name: stack.start("sleeper/sleeper") for name in started}
        made |= {name: stack.job_of(runs[name])[1] for name in started}
    for trouble in TROUBLES:
        run, job = runs[trouble.name], made[trouble.name]
        if trouble.running:
            stack.running(run)
        elif trouble.behaviour == "wait":
            stack.wait_for_pending(run, job)
        trouble.begin(cluster, job)
        if trouble.waits_as:
            stack.wait_for_name(run, trouble.waits_as)
        trouble.end(cluster, job)
    return runs


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda trouble: trouble.name)
def test_a_run_says_why_it_does_not_start_or_has_ended(
    stack: Stack, troubled: dict[str, UUID], trouble: Trouble
) -> None:
    state = stack.wait_for_name(troubled[trouble.name], trouble.state)
    assert trouble.words in state.message
    assert state.type.value == ("CRASHED" if trouble.state == "Crashed" else "PENDING")


def test_a_run_that_waited_in_vain_still_says_for_what(
    stack: Stack, troubled: dict[str, UUID]
) -> None:
    state = stack.wait_for_name(troubled["deadline"], "Crashed")
    assert "exceeded quota: harness" in state.message


def test_a_pod_that_has_got_a_node_waits_no_more(stack: Stack) -> None:
    cluster = stack.kubernetes.cluster
    cluster.behaviour = "wait"
    run = stack.start("sleeper/sleeper")
    _, job = stack.job_of(run)
    (scheduling,) = [trouble for trouble in TROUBLES if trouble.name == "scheduling"]
    scheduling.begin(cluster, job)
    stack.wait_for_name(run, "Unschedulable")
    scheduled = {"type": "PodScheduled", "status": "True"}
    cluster.report(job["metadata"]["name"], {"conditions": [scheduled]})
    stack.wait_for_name(run, "InfrastructurePending")


def _without_identity(job: Object) -> Object:
    """A Job without what differs between two runs: ids, names, and labels made of them."""
    text = json.loads(json.dumps(job))
    for metadata in (text["metadata"], text["spec"]["template"]["metadata"]):
        metadata["labels"] = {
            key: value
            for key, value in metadata["labels"].items()
            if not key.startswith("prefect.io/") and key != "app.kubernetes.io/name"
        }
    text["metadata"].pop("generateName")
    text["metadata"].pop("name", None)  # of the start
    container = text["spec"]["template"]["spec"]["containers"][0]
    varying = ("PREFECT__", "PREFECT_API_", "PREFECT_HOME", "PREFECT_CLIENT", "PREFECT_SERVER",
               "PREFECT_TEST", "PREFECT_INTEGRATIONS", "PREFECT_WORKER")  # fmt: skip
    container["env"] = sorted(
        (e for e in container["env"] if not e["name"].startswith(varying)),
        key=lambda entry: str(entry["name"]),
    )
    return dict(text)


@pytest.mark.parametrize("deployment", sorted(_PARAMETERS))
def test_the_worker_sends_exactly_the_expected_job(stack: Stack, deployment: str) -> None:
    if deployment not in jobs.deployments():
        pytest.skip(f"{deployment} is not in prefect.yaml yet")
    stack.kubernetes.cluster.behaviour = "hold"
    run = stack.start(f"{deployment}/{deployment}", **_PARAMETERS[deployment])
    sent, _ = stack.job_of(run)
    variables = jobs.deployments()[deployment]
    if "results_secret" in variables:  # the name is filled in on deploying
        variables["results_secret"] = "harness-results"
    expected = jobs.build(variables, deployment=deployment)
    assert _without_identity(sent) == _without_identity(expected)
    environment = {e["name"]: e for e in sent["spec"]["template"]["spec"]["containers"][0]["env"]}
    assert environment["PREFECT_API_AUTH_STRING"] == {
        "name": "PREFECT_API_AUTH_STRING",
        "valueFrom": {"secretKeyRef": {"name": "harness-prefect", "key": "auth-string"}},
    }
    assert environment["PREFECT_API_URL"]["value"] == f"{stack.to_prefect.url}/api"
    assert environment["PREFECT_HOME"]["value"] == "/home/harness/.prefect"
    assert AUTH not in json.dumps(sent)


@pytest.mark.parametrize("deployment", ["backup-index/nightly-backup", "check-stack/check-stack"])
def test_a_job_that_needs_the_backups_has_their_volume(stack: Stack, deployment: str) -> None:
    stack.kubernetes.cluster.behaviour = "hold"
    sent, _ = stack.job_of(stack.start(deployment))
    volumes = sent["spec"]["template"]["spec"]["volumes"]
    (backups,) = [volume for volume in volumes if volume["name"] == "backups"]
    assert backups["persistentVolumeClaim"] == {"claimName": "harness-backups"}


def test_a_run_of_the_workers_own_needs_no_job(stack: Stack) -> None:
    ended = {
        stack.start("quick/quick"): "COMPLETED",
        stack.start("quick/quick", fail=True): "FAILED",
    }
    for run, expected in ended.items():
        state = stack.wait_for(run, "COMPLETED", "FAILED", "CRASHED")
        assert state.type.value == expected, state.message
    labels = [job["metadata"]["labels"] for job in list(stack.kubernetes.cluster.created)]
    assert not {str(run) for run in ended} & {one["prefect.io/flow-run-id"] for one in labels}


def test_the_worker_asks_only_for_what_its_role_allows(stack: Stack) -> None:
    stack.kubernetes.cluster.behaviour = "hold"
    stack.job_of(stack.start("sleeper/sleeper"))
    named = {
        (verb, path.split("/namespaces/")[1].split("/")[1])
        for verb, path in list(stack.kubernetes.cluster.requests)
        if "/namespaces/" in path
    }
    assert named <= {
        ("GET", "pods"), ("GET", "jobs"), ("POST", "jobs"), ("DELETE", "jobs"), ("GET", "events"),
    }  # fmt: skip
    # Own namespace only: a list over all namespaces would need a ClusterRole.
    assert not [p for _, p in stack.kubernetes.cluster.requests if p in ("/api/v1/pods",)]


def test_a_failed_pod_and_a_vanished_job_are_crashes(stack: Stack) -> None:
    stack.kubernetes.cluster.behaviour = "hold"
    vanished = stack.start("sleeper/sleeper")
    _, job = stack.job_of(vanished)
    # Otherwise it would be taken for one that has not got a Job yet.
    stack.running(vanished)
    stack.kubernetes.cluster.behaviour = "fail"
    failed = stack.start("sleeper/sleeper")
    stack.job_of(failed)
    stack.kubernetes.cluster.delete_job(job["metadata"]["name"])
    assert "deleted" in stack.wait_for(vanished, "CRASHED").message
    assert "No active or succeeded pods" in stack.wait_for(failed, "CRASHED").message


def test_an_evicted_run_starts_again_in_a_new_job(stack: Stack) -> None:
    """Why flows need a timeout below the Job's deadline: the deadline, too, only sends SIGTERM."""
    from prefect.states import Cancelling

    cluster = stack.kubernetes.cluster
    cluster.behaviour = "run"
    run = stack.start("sleeper/sleeper")
    _, first = stack.job_of(run)
    stack.wait_for(run, "RUNNING")
    cluster.behaviour = "wait"
    cluster.evict(first["metadata"]["name"])

    def jobs_of_run() -> list[Object]:
        label = "prefect.io/flow-run-id"
        return [
            job for job in list(cluster.created) if job["metadata"]["labels"][label] == str(run)
        ]

    assert until(lambda: len(jobs_of_run()) == 2, 400)
    with stack.client() as client:
        names = {state.name for state in client.read_flow_run_states(run)}
    assert "AwaitingRetry" in names
    assert "Crashed" not in names, "it would be notified, and start again only once"
    # Its second pod does not start, so nothing in it would see this.
    kept = cluster.listing("jobs", f"prefect.io/flow-run-id={run}")["items"]
    kept_names = {job["metadata"]["name"] for job in kept}
    with stack.client() as client:
        until(
            lambda: (
                client.read_flow_run(run).infrastructure_pid.partition(":")[2]
                in kept_names - {first["metadata"]["name"]}
            ),
            400,
        )
        client.set_flow_run_state(run, Cancelling())
    state = stack.wait_for(run, "CANCELLED", "CRASHED", "FAILED", "COMPLETED")
    assert (state.type.value, state.message) == (
        "CANCELLED", "Flow run cancelled by worker before its next start.",
    )  # fmt: skip
    (left,) = cluster.listing("jobs", f"prefect.io/flow-run-id={run}")["items"]
    assert left["metadata"]["name"] == first["metadata"]["name"]


def test_a_run_that_is_cancelled_ends_cancelled(stack: Stack) -> None:
    from prefect.states import Cancelling

    cluster = stack.kubernetes.cluster
    cluster.behaviour = "run"
    run = stack.start("sleeper/sleeper")
    _, job = stack.job_of(run)
    stack.wait_for(run, "RUNNING")
    with stack.client() as client:
        client.set_flow_run_state(run, Cancelling())
    state = stack.wait_for(run, "CANCELLED", "CRASHED", "FAILED", "COMPLETED")
    assert state.type.value == "CANCELLED"
    assert until(lambda: cluster.processes[job["metadata"]["name"]].poll() is not None, 400)
    assert len([j for j in cluster.created
                if j["metadata"]["labels"]["prefect.io/flow-run-id"] == str(run)]) == 1  # fmt: skip


def test_a_run_that_cannot_start_and_is_cancelled_leaves_no_job(stack: Stack) -> None:
    from prefect.states import Cancelling

    cluster = stack.kubernetes.cluster
    cluster.behaviour = "wait"
    run = stack.start("sleeper/sleeper")
    _, job = stack.job_of(run)
    (image,) = [trouble for trouble in TROUBLES if trouble.name == "image"]
    image.begin(cluster, job)
    stack.wait_for_name(run, image.waits_as or image.state)
    with stack.client() as client:
        client.set_flow_run_state(run, Cancelling())
    state = stack.wait_for(run, "CANCELLED", "CRASHED", "FAILED", "COMPLETED")
    assert (state.type.value, state.message) == (
        "CANCELLED", "Flow run cancelled by worker while pending.",
    )  # fmt: skip
    assert job["metadata"]["name"] not in cluster.objects["jobs"]


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda trouble: trouble.name)
def test_somebody_is_told(stack: Stack, troubled: dict[str, UUID], trouble: Trouble) -> None:
    with stack.client() as client:
        name = client.read_flow_run(troubled[trouble.name]).name

    def told() -> bool:
        of_run = [body for body in list(stack.notified) if name in body]
        return any(json.dumps(trouble.words)[1:-1] in body for body in of_run)

    until(told, 400)


@pytest.mark.parametrize("hiccup", HICCUPS, ids=lambda hiccup: hiccup.name)
def test_a_hiccup_costs_no_run(stack: Stack, hiccup: Hiccup) -> None:
    stack.kubernetes.cluster.behaviour = "wait"
    proxy = stack.to_kubernetes if hiccup.kubernetes else stack.to_prefect
    for fault in hiccup.faults:
        proxy.next(hiccup.request, fault)
    run = stack.start("sleeper/sleeper")
    with stack.client() as client:

        def names() -> set[str]:
            """Of all its states, once it waits for its pod with nothing more to go wrong."""
            states = sorted(client.read_flow_run_states(run), key=lambda state: state.timestamp)
            found = {state.name for state in states}
            assert "Crashed" not in found
            waits = states[-1].type.value == "PENDING" and stack.jobs_of(run)
            return found if waits and found >= hiccup.names and not proxy.planned else set()

        assert until(names, 400)
    assert len(stack.jobs_of(run)) == 1
    assert stack.worker_runs


def test_what_is_wrong_for_good_ends_a_run_at_once(stack: Stack) -> None:
    for _ in range(TRIES):
        stack.to_kubernetes.next(CREATES, Fault.INVALID)
    run = stack.start("sleeper/sleeper")
    assert "a fault" in stack.wait_for(run, "CRASHED").message
    with stack.client() as client:
        assert "Resubmitting" not in {state.name for state in client.read_flow_run_states(run)}


def test_the_runs_of_a_lost_worker_go_on_or_can_be_cancelled(stack: Stack) -> None:
    from prefect.states import Cancelling

    stack.kubernetes.cluster.behaviour = "hold"
    runs = []
    for fault in (Fault.HOLD_BEFORE, Fault.HOLD_AFTER):
        stack.to_kubernetes.next(CREATES, fault)
        runs.append(stack.start("sleeper/sleeper"))
        until(lambda: not stack.to_kubernetes.planned, 400)
    without, with_job = runs
    _, job = stack.job_of(with_job)
    stack.replace_worker()
    stack.job_of(without)
    assert stack.jobs_of(with_job) == [job["metadata"]["name"]]
    with stack.client() as client:
        assert "Resubmitting" in {state.name for state in client.read_flow_run_states(without)}
        client.set_flow_run_state(with_job, Cancelling())
    assert stack.wait_for(with_job, "CANCELLED")
    assert not stack.jobs_of(with_job)
