"""What the worker does besides making Jobs: checks in its pod, and Jobs that fit their tasks."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import yaml

from harness.errors import UsageError
from harness.settings import WorkerSettings, load
from tests.k8s import jobs
from tests.k8s.documents import ROOT, Document, Pod, kind, pods, rendered
from tests.k8s.policies import allowed, component

NEEDS_TOOLS = True
_AGENT = (
    "--set", "imageRegistry=registry.lan", "--set", "agent.images.app=app-tools:1",
    "--set", "agent.runtimeClassName=gvisor", "--set", "agent.qdrantSecret=harness-qdrant-read",
)  # fmt: skip


def _pod(documents: tuple[Document, ...], name: str) -> Pod:
    (found,) = (pod for pod in pods(documents) if pod.component == name)
    return found


def _environment(pod: Pod) -> dict[str, Any]:
    return {entry["name"]: entry for entry in pod.spec["containers"][0]["env"]}


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> WorkerSettings:
    for name, entry in _environment(_pod(rendered("default", 4, *_AGENT), "worker")).items():
        if name.startswith("HARNESS_"):
            monkeypatch.setenv(name, entry["value"])
    return load(WorkerSettings)


def test_checks_run_in_the_workers_pod() -> None:
    documents = rendered("default")
    worker = _pod(documents, "worker")
    environment = _environment(worker)
    entries = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))["deployments"]
    often = {
        entry["name"]
        for entry in entries
        for schedule in entry.get("schedules", ())
        if schedule["cron"].startswith("*/") and schedule.get("active", True)
    }
    assert set(environment["HARNESS_WORKER_RUNS"]["value"].split(",")) == often
    # Claims for one node would keep every Job where the worker is.
    assert not [v for v in worker.spec["volumes"] if "persistentVolumeClaim" in v]
    assert environment["HARNESS_CHECK_FOLDERS"]["value"] == "false"
    # What is not checked there is checked from a Job, daily and by `helm test`.
    (volumes,) = [entry for entry in entries if entry["name"] == "check-volumes"]
    assert volumes["schedules"] and volumes["entrypoint"].endswith(":check_stack")
    (test,) = kind(documents, "Pod")
    assert "check-stack/check-volumes" in test["spec"]["containers"][0]["args"][0]


def test_a_worker_that_only_makes_jobs_has_no_key_and_no_way() -> None:
    documents = rendered("default", 4, "--set-json", "prefect.worker.runs=[]")
    worker = _pod(documents, "worker")
    assert "envFrom" not in worker.spec["containers"][0]
    assert not [name for name in _environment(worker) if name.startswith("HARNESS_")]
    policies = tuple(kind(documents, "NetworkPolicy"))
    for target, port in (("qdrant", 6333), ("ollama", 11434)):
        assert not allowed(policies, component("worker"), component(target), port)
        assert allowed(policies, component("job"), component(target), port)


@pytest.mark.parametrize(
    "repository", ["app", "https://git.example.org/team/app.git", "/repos/app/"]
)
def test_the_job_of_a_task_fits_its_repository(settings: WorkerSettings, repository: str) -> None:
    from deployments.kubernetes_worker import fit_task

    job = jobs.build(jobs.deployments()["agent-task"], deployment="agent-task")
    fit_task(job, repository, settings)
    pod = job["spec"]["template"]["spec"]
    assert pod["containers"][0]["image"] == "registry.lan/app-tools:1"
    assert pod["runtimeClassName"] == "gvisor"
    secrets = [s["secretRef"] for s in pod["containers"][0]["envFrom"] if "secretRef" in s]
    assert secrets == [{"name": "harness-qdrant-read"}]
    job = jobs.build({"results_secret": settings.results_secret}, deployment="agent-task")
    fit_task(job, repository, settings)
    sources = job["spec"]["template"]["spec"]["containers"][0]["envFrom"]
    secrets = [s["secretRef"] for s in sources if "secretRef" in s]
    assert [s["name"] for s in secrets] == ["harness-results", "harness-qdrant-read"]


def test_another_repository_has_the_image_of_all(settings: WorkerSettings) -> None:
    from deployments.kubernetes_worker import fit_task

    job = jobs.build(jobs.deployments()["agent-task"], deployment="agent-task")
    before = copy.deepcopy(job)
    fit_task(job, "app-of-others", settings)
    image = before["spec"]["template"]["spec"]["containers"][0]["image"]
    assert job["spec"]["template"]["spec"]["containers"][0]["image"] == image


def test_qdrant_lets_the_key_of_tasks_read_only() -> None:
    qdrant = _environment(_pod(rendered("default", 4, *_AGENT), "qdrant"))
    key = {"secretKeyRef": {"name": "harness-qdrant-read", "key": "QDRANT_API_KEY"}}
    assert qdrant["QDRANT__SERVICE__READ_ONLY_API_KEY"]["valueFrom"] == key
    assert "QDRANT__SERVICE__READ_ONLY_API_KEY" not in _environment(
        _pod(rendered("default"), "qdrant")
    )


@pytest.mark.parametrize("text", ["app", "app=", "=image:1"])
def test_images_that_name_nothing_are_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_AGENT_IMAGES", text)
    with pytest.raises(UsageError, match="HARNESS_AGENT_IMAGES"):
        _ = load(WorkerSettings).images


def test_a_run_in_the_workers_pod_is_no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    from deployments.kubernetes_worker import own_environment

    monkeypatch.setenv("PREFECT_WORKER_QUERY_SECONDS", "1")
    monkeypatch.setenv("PREFECT_API_URL", "http://prefect-server:4200/api")
    environment = own_environment()
    assert "PREFECT_WORKER_QUERY_SECONDS" not in environment
    assert environment["PREFECT_API_URL"] == "http://prefect-server:4200/api"
