"""The whole on a real cluster: ``pytest -m cluster tests/e2e/test_cluster.py``; one to two hours.

What it needs: a checkout in which tests have run (Helm and kubectl come with them), and a cluster
of Kubernetes 1.30 or later (kind, k3s, minikube or any other) whose administrator you are, with a
class of storage, 4 CPU and 10 GB of memory to spare, and nodes with Linux 5.19 and Landlock.
Nodes download Ollama, Qdrant and PostgreSQL (about 4 GB), and Ollama its models (0.7 GB). With two
nodes more is tested; the image of Harness has to be on both. On kind, for example:

    docker build --tag harness:0.1.0 . && kind load docker-image harness:0.1.0
    KUBECONFIG=~/.kube/config HARNESS_CLUSTER_IMAGE=harness:0.1.0 \\
        pytest -m cluster -rs tests/e2e/test_cluster.py

``KUBECONFIG`` and ``HARNESS_CLUSTER_IMAGE`` (with a tag) are necessary. Optional:

- ``HARNESS_CLUSTER_NAMESPACE`` (default harness-e2e): must not exist; it is made, and deleted at
  the end, unless ``HARNESS_CLUSTER_KEEP`` is set, and then the next run goes on with it.
- ``HARNESS_CLUSTER_STORAGE_CLASS``, where none is the default.
- ``HARNESS_CLUSTER_PLATFORM``: a preset of the chart.
- ``HARNESS_CLUSTER_CHAT_MODEL``, ``HARNESS_CLUSTER_EMBED_MODEL``: small ones by default.
- ``HARNESS_CLUSTER_ENFORCES_POLICIES=1`` if its network plugin does (kind's, k3s' and Calico do).
- ``HARNESS_CLUSTER_MAY_DRAIN=1`` if a node may be cordoned for some minutes.

The tests run in the order of this file: a release is installed once, used, and uninstalled last.
One alone needs what those before it have left: ``HARNESS_CLUSTER_KEEP=1``, and ``-k`` next time.
What is waited for in vain is named, with pods, claims and warnings. tests/k8s/test_cluster_tests.py
checks every command, label and name in here against the chart.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.cluster import Release, install, remove, values
from tests.k8s.documents import CHART

IMAGE = os.environ.get("HARNESS_CLUSTER_IMAGE", "")
KUBECONFIG = os.environ.get("KUBECONFIG", "")
pytestmark = [
    pytest.mark.cluster,
    # The first one installs, and so waits for images and models.
    pytest.mark.timeout(4500),
    pytest.mark.skipif(
        not (IMAGE and KUBECONFIG), reason="set KUBECONFIG and HARNESS_CLUSTER_IMAGE"
    ),
]
CHAT_MODEL = os.environ.get("HARNESS_CLUSTER_CHAT_MODEL", "qwen2.5-coder:0.5b")
EMBED_MODEL = os.environ.get("HARNESS_CLUSTER_EMBED_MODEL", "nomic-embed-text")
# What there is to reach, and on which port.
PORTS = {
    "qdrant": 6333, "ollama": 11434, "prefect-server": 4200, "postgres": 5432, "api": 4280,
    "webhook": 8080, "kubernetes.default.svc": 443,
}  # fmt: skip
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
def release() -> Iterator[Release]:
    namespace = os.environ.get("HARNESS_CLUSTER_NAMESPACE", "harness-e2e")
    installed = Release(namespace, KUBECONFIG, IMAGE)
    try:
        yield installed
    finally:
        if not os.environ.get("HARNESS_CLUSTER_KEEP"):
            remove(installed)


@pytest.fixture(scope="module", autouse=True)
def values_file(release: Release, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The release is there, with these values."""
    folder = tmp_path_factory.mktemp("values")
    return install(release, folder, values(IMAGE, CHAT_MODEL, EMBED_MODEL))


def _make_repository(release: Release, name: str, files: int) -> None:
    script = _MAKE_REPOSITORY.format(name=name, files=files)
    release.toolbox("sh", "-s", stdin=script)


def _running_pod(release: Release, run: str) -> str:
    found: list[str] = release.until(
        f"a running pod of run {run}", lambda: release.pods_of(run, "Running"), 300, pause=1
    )
    return found[0]


def test_bootstrap_registers_the_deployments(release: Release) -> None:
    def done() -> bool:
        # Those of earlier versions go with `helm upgrade`; the last one stays when it has ended.
        jobs = release.objects("jobs", "app.kubernetes.io/component=bootstrap")
        return bool(jobs) and all(job.get("status", {}).get("succeeded") for job in jobs)

    release.until("the end of the bootstrap Job", done, 900)
    listing = json.loads(release.toolbox("prefect", "deployment", "ls", "--output", "json"))
    names = {deployment["name"] for deployment in listing}
    assert {"index-repository", "agent-task", "pull-models", "nightly-index"} <= names


def test_every_claim_is_bound(release: Release) -> None:
    # Also those of a class that makes a volume for the first pod only.
    phases = {c["metadata"]["name"]: c["status"]["phase"] for c in release.objects("pvc")}
    assert {"harness-repositories", "harness-results", "harness-backups"} <= set(phases)
    assert set(phases.values()) == {"Bound"}, phases


def test_models_are_pulled(release: Release) -> None:
    def present() -> bool:
        listed = json.loads(release.toolbox("harness", "models", "--json"))["models"]
        return all(model["state"] != "missing" for model in listed if model["wanted"])

    run = release.start("pull-models/pull-models", models=[CHAT_MODEL, EMBED_MODEL])
    release.wait_for(run, "COMPLETED", seconds=1800)
    release.until("every wanted model", present, 120)


def test_the_checks_pass_from_a_pod_and_as_a_job(release: Release) -> None:
    release.helm("test", "harness", "--timeout", "10m")
    # What an agent's command may see is decided by the kernel of the node.
    checks = json.loads(release.toolbox("harness", "doctor", "--json"))["checks"]
    (isolation,) = (check for check in checks if check["name"] == "isolation of commands")
    assert isolation["ok"] is True, isolation


def test_a_repository_on_the_volume_is_indexed_and_found(release: Release) -> None:
    _make_repository(release, "small", files=20)
    run = release.start(INDEX, source="/repos/small")
    release.wait_for(run, "COMPLETED")
    (job,) = release.jobs_of(run)
    release.until(
        f"the end of the Job of run {run}",
        lambda: release.jobs_of(run)[0].get("status", {}).get("succeeded"),
        120,
    )
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
    release.until(
        "both tasks at the same time",
        lambda: all(release.pods_of(run, "Running") for run in runs),
        300,
        pause=1,
    )
    # Their claims can be on one node only, where the toolbox has them, too.
    ids = ",".join(runs)
    nodes = release.nodes_of(f"prefect.io/flow-run-id in ({ids})")
    assert nodes == release.nodes_of("app.kubernetes.io/component=toolbox")
    for run in runs:
        release.wait_for(run, "COMPLETED", "FAILED", seconds=1500)


def test_a_throw_away_pod_asks(release: Release) -> None:
    answer = release.throw_away(
        "toolbox", "harness", "search", "retry", "--repo", "small", "--json"
    )
    assert '"retrying.py"' in answer


def test_schedules_make_runs(release: Release) -> None:
    assert release.scheduled("index-all/nightly-index", "SCHEDULED")
    before = set(release.scheduled("check-stack/check-stack", "COMPLETED"))
    release.schedule_every_minute("check-stack/check-stack")
    release.until(
        "a run that a schedule started",
        lambda: set(release.scheduled("check-stack/check-stack", "COMPLETED")) - before,
        420,
        pause=10,
    )
    # Registering again removes the schedule that is not in prefect.yaml.
    release.toolbox("harness", "deploy", "--pool", "kubernetes", seconds=600)


def test_a_killed_worker_loses_nothing(release: Release) -> None:
    _make_repository(release, "large", files=5_000)
    run = release.start(INDEX, source="/repos/large")
    _running_pod(release, run)
    release.kubectl(
        "delete", "pod", "--selector", "app.kubernetes.io/component=worker",
        "--force", "--grace-period=0",
    )  # fmt: skip
    release.wait_for(run, "COMPLETED")
    release.kubectl("rollout", "status", "deploy/prefect-worker", "--timeout=5m", seconds=330)
    release.wait_for(release.start(INDEX, source="/repos/small"), "COMPLETED")


def test_a_killed_pod_is_replaced_and_the_run_completes(release: Release) -> None:
    run = release.start(INDEX, source="/repos/large", full=True)
    pod = _running_pod(release, run)
    # Not before the flow runs: a pod that ends earlier crashes the run instead.
    release.wait_for(run, "RUNNING", seconds=120)
    release.kubectl("delete", "pod", pod, seconds=180)
    release.wait_for(run, "COMPLETED", seconds=1200)
    assert len(release.jobs_of(run)) == 2


def test_a_check_of_the_stack_needs_no_job(release: Release) -> None:
    assert not release.jobs_of(release.completed("check-stack/check-stack"))
    assert len(release.jobs_of(release.completed("check-stack/check-volumes"))) == 1


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
        release.wait_for(run, "CANCELLED", seconds=300)
        release.until(f"the end of the Job of run {run}", lambda: not release.jobs_of(run), 120)
    finally:
        release.kubectl("delete", "quota", "none", "--ignore-not-found")


def test_a_cancelled_run_ends_cancelled(release: Release) -> None:
    _make_repository(release, "endless", files=20_000)
    run = release.start(INDEX, source="/repos/endless")
    release.wait_for(run, "RUNNING", seconds=300)
    release.toolbox("prefect", "flow-run", "cancel", run)
    release.wait_for(run, "CANCELLED", seconds=300)
    release.until(
        f"the end of the pod of run {run}", lambda: not release.pods_of(run, "Running"), 180
    )


def test_a_backup_is_made_and_would_restore(release: Release) -> None:
    for deployment in ("backup-index/nightly-backup", "verify-restore/verify-restore"):
        release.wait_for(release.start(deployment), "COMPLETED", seconds=1200)
    # Prefect's database with it, which only these Jobs and the toolbox reach.
    said = json.loads(release.toolbox("harness", "restore", "--check", "--json", seconds=900))
    assert said, "nothing was checked"


@pytest.mark.skipif(
    not os.environ.get("HARNESS_CLUSTER_MAY_DRAIN"),
    reason="set HARNESS_CLUSTER_MAY_DRAIN=1 if a node may be cordoned for some minutes",
)
def test_a_drained_node_costs_no_run(release: Release) -> None:
    run = release.start(INDEX, source="/repos/large", full=True)
    _running_pod(release, run)
    release.wait_for(run, "RUNNING", seconds=120)
    (node,) = release.nodes_of(f"prefect.io/flow-run-id={run}")
    try:
        release.kubectl(
            "drain", node, f"--pod-selector=prefect.io/flow-run-id={run}", "--force",
            "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=5m", seconds=330,
        )  # fmt: skip
    finally:
        release.kubectl("uncordon", node)
    release.wait_for(run, "COMPLETED", seconds=1200)
    assert len(release.jobs_of(run)) == 2


def test_pods_that_share_no_claim_spread_over_nodes(release: Release) -> None:
    nodes = release.schedulable_nodes()
    if len(nodes) < 2:
        pytest.skip(f"one node takes pods: {sorted(nodes)}")
    # A Job on another node would hang in ContainerCreating: all have to be on one of them.
    runs = [release.start(INDEX, source="/repos/small") for _ in range(4)]
    for run in runs:
        release.wait_for(run, "COMPLETED")
    jobs_on = release.nodes_of("app.kubernetes.io/component in (job,toolbox)")
    assert len(jobs_on) == 1, jobs_on
    # What shares none may be anywhere, and reaches everything from there.
    hosts = [host for name, host in nodes.items() if name not in jobs_on]
    _place(release, "api", hosts[0])
    try:
        checks = json.loads(
            release.kubectl("exec", "deploy/api", "--", "harness", "doctor", "--json")
        )
        assert checks["ok"], checks
    finally:
        _place(release, "api", None)


def _place(release: Release, deployment: str, host: str | None) -> None:
    selector = {"kubernetes.io/hostname": host}
    patch = {"spec": {"template": {"spec": {"nodeSelector": selector}}}}
    release.kubectl("patch", "deployment", deployment, f"--patch={json.dumps(patch)}")
    release.kubectl("rollout", "status", f"deploy/{deployment}", "--timeout=10m", seconds=630)


def test_an_upgrade_and_its_rollback_restart_only_who_reads_the_setting(
    release: Release, values_file: Path
) -> None:
    def qdrant() -> list[str]:
        found = release.objects("pods", "app.kubernetes.io/component=qdrant")
        return [pod["metadata"]["uid"] for pod in found]

    before = qdrant()
    release.helm(
        "upgrade", "harness", str(CHART), "--values", str(values_file),
        "--set", "harness.settings.HARNESS_MAX_STEPS=5", "--wait", "--timeout", "15m",
    )  # fmt: skip
    assert release.toolbox("printenv", "HARNESS_MAX_STEPS").strip() == "5"
    release.helm("rollback", "harness", "--wait", "--timeout", "15m")
    assert release.toolbox("printenv", "HARNESS_MAX_STEPS").strip() == "4"
    assert qdrant() == before


@pytest.mark.skipif(
    not os.environ.get("HARNESS_CLUSTER_ENFORCES_POLICIES"),
    reason="set HARNESS_CLUSTER_ENFORCES_POLICIES=1 if the network plugin enforces policies",
)
@pytest.mark.parametrize(
    ("component", "open_to"),
    [
        # A restore fills Prefect's database from the toolbox; a task may not even reach it.
        pytest.param("toolbox", {"qdrant", "ollama", "prefect-server", "postgres"}, id="toolbox"),
        pytest.param("job", {"qdrant", "ollama", "prefect-server"}, id="job"),
    ],
)
def test_policies_hold(release: Release, component: str, open_to: set[str]) -> None:
    # Some plugins open a new pod's way only seconds after its start: those that have to be open are
    # waited for, and the others looked at afterwards.
    script = (
        "import socket, sys, time\n"
        "def reached(name):\n"
        "    host, _, port = name.partition(':')\n"
        "    try: socket.create_connection((host, int(port)), 5).close()\n"
        "    except OSError: return False\n"
        "    return True\n"
        "wanted, others = (names.split(',') for names in sys.argv[1:])\n"
        "until = time.monotonic() + 120\n"
        "while not all(map(reached, wanted)) and time.monotonic() < until: time.sleep(2)\n"
        "print(','.join(filter(reached, wanted + others)))\n"
    )
    wanted = sorted(f"{host}:{PORTS[host]}" for host in open_to)
    others = sorted(f"{host}:{port}" for host, port in PORTS.items() if host not in open_to)
    said = release.throw_away(component, "python", "-c", script, ",".join(wanted), ",".join(others))
    assert said.strip().rpartition("\n")[2].split(",") == wanted


def test_uninstalling_keeps_the_volumes(release: Release) -> None:
    before = {claim["metadata"]["name"] for claim in release.objects("pvc")}
    run = release.start(INDEX, source="/repos/endless", full=True)
    _running_pod(release, run)
    release.helm("uninstall", "harness", "--wait", "--timeout", "10m")
    release.until("the end of running Jobs", lambda: not release.pods_of(run, "Running"), 300)
    left = {claim["metadata"]["name"] for claim in release.objects("pvc")}
    assert left == before
    assert {"harness-repositories", "ollama-models", "storage-qdrant-0"} <= left
    assert not release.objects("deployments")
