"""Prefect's own worker and observer with our template, against an imitation of Kubernetes.

Shown: the Jobs that the worker sends, and how a flow run ends when it is cancelled, when its pod
fails and when its Job vanishes. Not shown: anything that a real cluster would do.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.fakes.kubernetes_api import KubernetesImitation, Object
from tests.k8s import jobs
from tests.k8s.documents import ROOT

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(420)]
_BIN = Path(sys.executable).parent
_AUTH = "harness:not-a-secret"
# Enough for a flow run of each deployment to be made; the flows themselves do not run here.
_PARAMETERS: dict[str, dict[str, Any]] = {
    "index-repository": {"source": "/repos/example"},
    "agent-task": {"text": "Explain this repository.", "repository": "/repos/example"},
}
_SLEEPER = """
import time
from prefect import flow

@flow
def sleeper():
    for _ in range(600):
        time.sleep(0.2)
"""


@dataclass(frozen=True, slots=True)
class Stack:
    """A Prefect server, a worker of our pool, and the imitated cluster."""

    api_url: str
    kubernetes: KubernetesImitation

    @contextlib.contextmanager
    def client(self) -> Iterator[Any]:
        from prefect.client.orchestration import SyncPrefectClient

        with SyncPrefectClient(self.api_url, auth_string=_AUTH) as client:
            yield client

    def start(self, deployment: str, **parameters: Any) -> UUID:
        with self.client() as client:
            found = client.read_deployment_by_name(deployment)
            run = client.create_flow_run_from_deployment(found.id, parameters=parameters)
            return UUID(str(run.id))

    def wait_for(self, run: UUID, *types: str, seconds: float = 120) -> Any:
        """The run's state once it has one of these types."""
        with self.client() as client:
            return _until(
                lambda: (s := client.read_flow_run(run).state).type.value in types and s, seconds
            )

    def job_of(self, run: UUID) -> tuple[Object, Object]:
        """What the worker sent for a run, and the Job that the cluster keeps."""
        label = str(run)

        def find() -> tuple[Object, Object] | None:
            cluster = self.kubernetes.cluster
            for sent in list(cluster.created):
                if sent["metadata"]["labels"]["prefect.io/flow-run-id"] == label:
                    kept = cluster.listing("jobs", f"prefect.io/flow-run-id={label}")["items"]
                    return sent, kept[0]
            return None

        return _until(find, 90)


def _until(probe: Callable[[], Any], seconds: float) -> Any:
    deadline = time.monotonic() + seconds
    while not (value := probe()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.3)
    return value


def _healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def _process(
    environment: dict[str, str], log: Path, *command: str, cwd: Path = ROOT
) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=environment, cwd=cwd, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    home = tmp_path_factory.mktemp("kubernetes-worker")
    port = _free_port()
    api_url = f"http://127.0.0.1:{port}/api"
    common = {
        "PATH": f"{_BIN}:{os.environ['PATH']}",
        "HOME": str(home),
        "PREFECT_HOME": str(home / "prefect"),
        "PREFECT_API_URL": api_url,
        "PREFECT_API_AUTH_STRING": _AUTH,
        "DO_NOT_TRACK": "1",
    }
    server = common | {
        "PREFECT_SERVER_API_AUTH_STRING": _AUTH,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    }
    flow = home / "flow"
    flow.mkdir()
    (flow / "sleeper.py").write_text(_SLEEPER, encoding="utf-8")
    with contextlib.ExitStack() as cleanup:
        kubernetes = cleanup.enter_context(KubernetesImitation())
        kubernetes.cluster.secrets["harness-prefect", "auth-string"] = _AUTH
        # Folders of the pod that this machine does not have.
        kubernetes.cluster.host_environment |= {
            "HOME": str(home), "TMPDIR": str(home), "PREFECT_HOME": str(home / "pod"),
            "PATH": common["PATH"],
        }  # fmt: skip
        config = home / "kubeconfig"
        config.write_text(json.dumps(kubernetes.kubeconfig()), encoding="utf-8")
        cleanup.enter_context(
            _process(
                server,
                home / "server.log",
                "prefect",
                "server",
                "start",
                "--host",
                "127.0.0.1",
                "--port",
                str(port),
            )
        )
        _until(lambda: _healthy(f"{api_url}/health"), 150)
        for command in (
            [sys.executable, "-m", "deployments.apply", "--pool", "kubernetes"],
            [sys.executable, "-c", _DEPLOY_SLEEPER, str(flow)],
        ):
            environment = common | {"HARNESS_CODE_DIR": "/opt/harness"}
            done = subprocess.run(
                command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr[-3000:]
        worker = common | {
            "KUBECONFIG": str(config),
            "PREFECT_WORKER_QUERY_SECONDS": "1",
            "PREFECT_INTEGRATIONS_KUBERNETES_OBSERVER_NAMESPACES": "harness",
            "PREFECT_INTEGRATIONS_KUBERNETES_CLUSTER_UID": "harness",
            "PREFECT_INTEGRATIONS_KUBERNETES_WORKER_API_AUTH_STRING_SECRET_NAME": "harness-prefect",
            "PREFECT_INTEGRATIONS_KUBERNETES_WORKER_API_AUTH_STRING_SECRET_KEY": "auth-string",
        }
        cleanup.enter_context(
            _process(
                worker,
                home / "worker.log",
                "prefect",
                "worker",
                "start",
                "--pool",
                "harness",
                "--type",
                "kubernetes",
                "--install-policy",
                "never",
                "--no-create-pool-if-not-found",
            )
        )
        yield Stack(api_url, kubernetes)


_DEPLOY_SLEEPER = """
import sys
from prefect import flow
flow.from_source(source=sys.argv[1], entrypoint="sleeper.py:sleeper").deploy(
    name="sleeper", work_pool_name="harness", build=False, push=False, print_next_steps=False
)
"""


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
    expected = jobs.build(jobs.deployments()[deployment], deployment=deployment)
    assert _without_identity(sent) == _without_identity(expected)
    environment = {e["name"]: e for e in sent["spec"]["template"]["spec"]["containers"][0]["env"]}
    assert environment["PREFECT_API_AUTH_STRING"] == {
        "name": "PREFECT_API_AUTH_STRING",
        "valueFrom": {"secretKeyRef": {"name": "harness-prefect", "key": "auth-string"}},
    }
    assert environment["PREFECT_API_URL"]["value"] == stack.api_url
    assert environment["PREFECT_HOME"]["value"] == "/home/harness/.prefect"
    assert _AUTH not in json.dumps(sent)


@pytest.mark.parametrize("deployment", ["backup-index/nightly-backup", "check-stack/check-stack"])
def test_a_job_that_needs_the_backups_has_their_volume(stack: Stack, deployment: str) -> None:
    stack.kubernetes.cluster.behaviour = "hold"
    sent, _ = stack.job_of(stack.start(deployment))
    volumes = sent["spec"]["template"]["spec"]["volumes"]
    (backups,) = [volume for volume in volumes if volume["name"] == "backups"]
    assert backups["persistentVolumeClaim"] == {"claimName": "harness-backups"}


def test_the_worker_asks_only_for_what_its_role_allows(stack: Stack) -> None:
    stack.kubernetes.cluster.behaviour = "hold"
    stack.job_of(stack.start("sleeper/sleeper"))
    named = {
        (verb, path.split("/namespaces/")[1].split("/")[1])
        for verb, path in list(stack.kubernetes.cluster.requests)
        if "/namespaces/" in path
    }
    assert named <= {("GET", "pods"), ("GET", "jobs"), ("POST", "jobs"), ("GET", "events")}
    # Own namespace only: a list over all namespaces would need a ClusterRole.
    assert not [p for _, p in stack.kubernetes.cluster.requests if p in ("/api/v1/pods",)]


def test_a_failed_pod_and_a_vanished_job_are_crashes(stack: Stack) -> None:
    stack.kubernetes.cluster.behaviour = "hold"
    vanished = stack.start("sleeper/sleeper")
    _, job = stack.job_of(vanished)
    stack.kubernetes.cluster.behaviour = "fail"
    failed = stack.start("sleeper/sleeper")
    stack.job_of(failed)
    stack.kubernetes.cluster.delete_job(job["metadata"]["name"])
    assert "deleted" in stack.wait_for(vanished, "CRASHED").message
    assert "No active or succeeded pods" in stack.wait_for(failed, "CRASHED").message


def test_an_evicted_run_starts_again_in_a_new_job(stack: Stack) -> None:
    """Why flows need a timeout below the Job's deadline: the deadline, too, only sends SIGTERM."""
    cluster = stack.kubernetes.cluster
    cluster.behaviour = "run"
    run = stack.start("sleeper/sleeper")
    _, first = stack.job_of(run)
    stack.wait_for(run, "RUNNING")
    cluster.behaviour = "hold"
    cluster.evict(first["metadata"]["name"])

    def jobs_of_run() -> list[Object]:
        label = "prefect.io/flow-run-id"
        return [
            job for job in list(cluster.created) if job["metadata"]["labels"][label] == str(run)
        ]

    assert _until(lambda: len(jobs_of_run()) == 2, 90)


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
    assert _until(lambda: cluster.processes[job["metadata"]["name"]].poll() is not None, 60)
    assert len([j for j in cluster.created
                if j["metadata"]["labels"]["prefect.io/flow-run-id"] == str(run)]) == 1  # fmt: skip
