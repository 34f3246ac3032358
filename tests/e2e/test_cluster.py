"""The whole on a real cluster: run with ``pytest -m cluster tests/e2e/test_cluster.py``.

Environment: ``KUBECONFIG`` (kind, k3s, minikube, anything with a default storage class) and
``HARNESS_CLUSTER_IMAGE`` (an image that its nodes can pull or already have, with a tag).
Optional: ``HARNESS_CLUSTER_NAMESPACE`` (default harness-e2e; is created, and deleted at the end
unless ``HARNESS_CLUSTER_KEEP`` is set), ``HARNESS_CLUSTER_STORAGE_CLASS``,
``HARNESS_CLUSTER_CHAT_MODEL`` and ``HARNESS_CLUSTER_EMBED_MODEL`` (small ones by default; the
cluster downloads them), ``HARNESS_CLUSTER_ENFORCES_POLICIES=1`` if its network plugin does.

The tests run in the order of this file: a release is installed once, used, and uninstalled last.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator

import pytest

from tests.e2e.cluster import Release, install, until, values
from tests.k8s.documents import ROOT

IMAGE = os.environ.get("HARNESS_CLUSTER_IMAGE", "")
KUBECONFIG = os.environ.get("KUBECONFIG", "")
pytestmark = [
    pytest.mark.cluster,
    pytest.mark.timeout(2400),
    pytest.mark.skipif(
        not (IMAGE and KUBECONFIG), reason="set KUBECONFIG and HARNESS_CLUSTER_IMAGE"
    ),
]
CHAT_MODEL = os.environ.get("HARNESS_CLUSTER_CHAT_MODEL", "qwen2.5-coder:0.5b")
EMBED_MODEL = os.environ.get("HARNESS_CLUSTER_EMBED_MODEL", "nomic-embed-text")
INDEX = "index-repository/index-repository"
TASK = "agent-task/agent-task"
# Enough files that an index run lasts longer than it takes to disturb it.
_MAKE_REPOSITORY = """
set -eu
mkdir -p /repos/{name} && cd /repos/{name}
for i in $(seq 1 {files}); do
    printf 'def handler_%s(request):\\n    \"\"\"Answer request kind %s.\"\"\"\\n    return %s\\n' \
        "$i" "$i" "$i" > "module_$i.py"
done
printf 'def retry_with_backoff(call, n=5):\\n    \"\"\"Retry after a pause.\"\"\"\\n' > retrying.py
git init --quiet . && git add . && git -c user.name=t -c user.email=t@example.com commit -qm one
"""


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Release]:
    namespace = os.environ.get("HARNESS_CLUSTER_NAMESPACE", "harness-e2e")
    installed = Release(namespace, KUBECONFIG)
    try:
        install(
            installed, tmp_path_factory.mktemp("values"), values(IMAGE, CHAT_MODEL, EMBED_MODEL)
        )
        yield installed
    finally:
        if not os.environ.get("HARNESS_CLUSTER_KEEP"):
            installed.kubectl(
                "delete", "namespace", namespace, "--ignore-not-found", "--wait=false"
            )


def _make_repository(release: Release, name: str, files: int) -> None:
    script = _MAKE_REPOSITORY.format(name=name, files=files)
    release.toolbox("sh", "-s", stdin=script)


def test_bootstrap_registers_the_deployments(release: Release) -> None:
    def done() -> bool:
        jobs = release.objects("jobs", "app.kubernetes.io/component=bootstrap")
        # Removed ten minutes after its end: none is then a good sign too.
        return all(job.get("status", {}).get("succeeded") for job in jobs)

    until(done, 900)
    listing = json.loads(release.toolbox("prefect", "deployment", "ls", "--output", "json"))
    names = {deployment["name"] for deployment in listing}
    assert {"index-repository", "agent-task", "pull-models", "nightly-index"} <= names


def test_models_are_pulled(release: Release) -> None:
    def present() -> bool:
        listed = json.loads(release.toolbox("harness", "models", "--json"))["models"]
        return all(model["state"] != "missing" for model in listed if model["wanted"])

    run = release.start("pull-models/pull-models", models=[CHAT_MODEL, EMBED_MODEL])
    release.wait_for(run, "COMPLETED", seconds=1800)
    until(present, 120)


def test_the_checks_pass_from_a_pod_and_as_a_job(release: Release) -> None:
    release.helm("test", "harness", "--timeout", "10m")


def test_a_repository_on_the_volume_is_indexed_and_found(release: Release) -> None:
    _make_repository(release, "small", files=20)
    run = release.start(INDEX, source="/repos/small")
    release.wait_for(run, "COMPLETED")
    (job,) = release.jobs_of(run)
    assert until(lambda: release.jobs_of(run)[0].get("status", {}).get("succeeded"), 120)
    assert job["spec"]["backoffLimit"] == 0
    answer = json.loads(
        release.toolbox("harness", "search", "retry after a pause", "--repo", "small", "--json")
    )
    assert "retrying.py" in [result["path"] for result in answer["results"][:3]]


def test_an_agent_task_ends_with_a_result(release: Release) -> None:
    run = release.start(TASK, text="Explain what retrying.py does.", repository="small")
    # A small model may give up, which is a failed run; a crash would be ours.
    state, message = release.wait_for(run, "COMPLETED", "FAILED", seconds=1500)
    assert state in {"COMPLETED", "FAILED"}, message
    assert release.toolbox("find", "/results", "-type", "f").strip(), "no trajectory was kept"


def test_two_tasks_run_at_the_same_time(release: Release) -> None:
    runs = [
        release.start(TASK, text=f"Describe module_{number}.py.", repository="small")
        for number in (1, 2)
    ]
    until(lambda: all(release.pods_of(run, "Running") for run in runs), 300, pause=1)
    for run in runs:
        release.wait_for(run, "COMPLETED", "FAILED", seconds=1500)


def test_a_throw_away_pod_asks(release: Release) -> None:
    overrides = (ROOT / "k8s" / "chat-pod.json").read_text(encoding="utf-8")
    answer = release.kubectl(
        "run", "chat", "--stdin", "--rm", "--restart=Never", f"--image={IMAGE}", "--quiet",
        "--labels=app.kubernetes.io/component=toolbox", "--override-type=strategic",
        f"--overrides={overrides}", "--", "harness", "search", "retry", "--repo", "small", "--json",
        seconds=300,
    )  # fmt: skip
    assert '"retrying.py"' in answer


def test_schedules_make_runs(release: Release) -> None:
    assert release.scheduled("index-all/nightly-index", "SCHEDULED")
    before = set(release.scheduled("check-stack/check-stack", "COMPLETED"))
    release.schedule_every_minute("check-stack/check-stack")
    until(
        lambda: set(release.scheduled("check-stack/check-stack", "COMPLETED")) - before,
        420,
        pause=10,
    )
    # Registering again removes the schedule that is not in prefect.yaml.
    release.toolbox("harness", "deploy", "--pool", "kubernetes", seconds=600)


def test_a_killed_worker_loses_nothing(release: Release) -> None:
    _make_repository(release, "large", files=5_000)
    run = release.start(INDEX, source="/repos/large")
    until(lambda: release.pods_of(run, "Running"), 300, pause=1)
    release.kubectl(
        "delete", "pod", "--selector", "app.kubernetes.io/component=worker",
        "--force", "--grace-period=0",
    )  # fmt: skip
    release.wait_for(run, "COMPLETED")
    release.kubectl("rollout", "status", "deploy/prefect-worker", "--timeout=5m", seconds=330)
    release.wait_for(release.start(INDEX, source="/repos/small"), "COMPLETED")


def test_a_killed_pod_is_replaced_and_the_run_completes(release: Release) -> None:
    run = release.start(INDEX, source="/repos/large", full=True)
    (pod,) = until(lambda: release.pods_of(run, "Running"), 300, pause=1)
    # Not before the flow runs: a pod that ends earlier crashes the run instead.
    release.wait_for(run, "RUNNING", seconds=120)
    release.kubectl("delete", "pod", pod, seconds=180)
    release.wait_for(run, "COMPLETED", seconds=1200)
    assert len(release.jobs_of(run)) == 2


def test_a_check_of_the_stack_needs_no_job(release: Release) -> None:
    run = release.start("check-stack/check-stack")
    release.wait_for(run, "COMPLETED")
    assert not release.jobs_of(run)
    run = release.start("check-stack/check-volumes")
    release.wait_for(run, "COMPLETED")
    assert len(release.jobs_of(run)) == 1


@pytest.mark.parametrize(
    ("variables", "state", "words"),
    [
        ({"memory_request": "900Gi", "memory_limit": "900Gi"}, "Unschedulable", "memory"),
        ({"image": "harness:nobody-has-built-this"}, "ImagePullFailed", "nobody-has-built-this"),
        ({"workspace_size": "1Gi"}, "QuotaExceeded", "exceeded quota: none"),
    ],
)
def test_a_run_that_cannot_start_says_why(
    release: Release, variables: dict[str, str], state: str, words: str
) -> None:
    if state == "QuotaExceeded":
        release.kubectl("create", "quota", "none", "--hard=pods=0")
    try:
        run = release.start_as(INDEX, variables, source="/repos/small")
        assert words in release.wait_for_name(run, state)
        release.toolbox("prefect", "flow-run", "cancel", run)
    finally:
        release.kubectl("delete", "quota", "none", "--ignore-not-found")


def test_a_cancelled_run_ends_cancelled(release: Release) -> None:
    _make_repository(release, "endless", files=20_000)
    run = release.start(INDEX, source="/repos/endless")
    release.wait_for(run, "RUNNING", seconds=300)
    release.toolbox("prefect", "flow-run", "cancel", run)
    release.wait_for(run, "CANCELLED", seconds=300)
    until(lambda: not release.pods_of(run, "Running"), 180)


@pytest.mark.skipif(
    not os.environ.get("HARNESS_CLUSTER_ENFORCES_POLICIES"),
    reason="set HARNESS_CLUSTER_ENFORCES_POLICIES=1 if the network plugin enforces policies",
)
@pytest.mark.parametrize(
    ("host", "port", "open_"),
    [
        pytest.param("qdrant", 6333, True, id="qdrant"),
        pytest.param("ollama", 11434, True, id="ollama"),
        pytest.param("prefect-server", 4200, True, id="prefect"),
        pytest.param("postgres", 5432, False, id="postgres"),
        pytest.param("webhook", 8080, False, id="webhook"),
        pytest.param("kubernetes.default.svc", 443, False, id="kubernetes"),
    ],
)
def test_policies_hold(release: Release, host: str, port: int, open_: bool) -> None:
    script = (
        "import socket\n"
        "try:\n"
        f"    socket.create_connection(({host!r}, {port}), 5).close(); print('open')\n"
        "except OSError: print('closed')\n"
    )
    assert release.toolbox("python", "-c", script).strip() == ("open" if open_ else "closed")


def test_uninstalling_keeps_the_volumes(release: Release) -> None:
    before = {claim["metadata"]["name"] for claim in release.objects("pvc")}
    release.helm("uninstall", "harness", "--wait", "--timeout", "10m")
    time.sleep(5)
    left = {claim["metadata"]["name"] for claim in release.objects("pvc")}
    assert left == before
    assert {"harness-repositories", "ollama-models", "storage-qdrant-0"} <= left
    assert not release.objects("deployments")
