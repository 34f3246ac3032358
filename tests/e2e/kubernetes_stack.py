"""A Prefect server and our worker of a Kubernetes pool, against an imitation of Kubernetes."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import UUID

from harness.stack.ports import free_port
from tests.fakes.interrupted import Interrupted, interrupted
from tests.fakes.kubernetes_api import KubernetesImitation, Object
from tests.k8s.documents import ROOT

AUTH = "harness:not-a-secret"
_BIN = Path(sys.executable).parent
_SLEEPER = """
import time
from prefect import flow

@flow
def sleeper():
    for _ in range(600):
        time.sleep(0.2)

@flow
def quick(fail: bool = False):
    if fail:
        raise ValueError("as it was told")
"""


@dataclass(frozen=True, slots=True)
class Stack:
    """A Prefect server, a worker of our pool, the imitated cluster, and what was notified."""

    api_url: str
    kubernetes: KubernetesImitation
    notified: list[str]
    to_prefect: Interrupted
    to_kubernetes: Interrupted
    _workers: WorkerProcesses

    def replace_worker(self) -> None:
        """A lost node: the worker gets no signal that it could heed; another one is started."""
        self._workers.kill()
        self._workers.start()

    @contextlib.contextmanager
    def client(self) -> Iterator[Any]:
        from prefect.client.orchestration import SyncPrefectClient

        # A busy machine's server may take longer than the client's minute.
        patient = {"timeout": 300.0}
        with SyncPrefectClient(self.api_url, auth_string=AUTH, httpx_settings=patient) as client:
            yield client

    def start(self, deployment: str, **parameters: Any) -> UUID:
        with self.client() as client:
            found = client.read_deployment_by_name(deployment)
            run = client.create_flow_run_from_deployment(found.id, parameters=parameters)
            return UUID(str(run.id))

    def wait_for(self, run: UUID, *types: str, seconds: float = 400) -> Any:
        """The run's state once it has one of these types."""
        with self.client() as client:
            return until(
                lambda: (s := client.read_flow_run(run).state).type.value in types and s, seconds
            )

    def wait_for_name(self, run: UUID, name: str, seconds: float = 400) -> Any:
        """The run's state once it is called this."""
        with self.client() as client:
            return until(lambda: (s := client.read_flow_run(run).state).name == name and s, seconds)

    def wait_for_pending(self, run: UUID, job: Object) -> None:
        """Until Prefect's observer has dealt with the new pod: said later, that it is pending would
        hide what an event has told, which a real cluster repeats and this one does not."""
        name = job["metadata"]["name"]
        with self.client() as client:

            def said() -> bool:
                if client.read_flow_run(run).state.name == "InfrastructurePending":
                    return True
                # What failed on a busy machine is tried again with the pod's next change.
                self.kubernetes.cluster.report(name, {})
                return False

            until(said, 400)

    def running(self, run: UUID) -> None:
        """What the flow's process says when it starts."""
        from prefect.states import Running

        with self.client() as client:
            client.set_flow_run_state(run, Running(), force=True)

    @property
    def worker_runs(self) -> bool:
        """Whether the worker has not ended by itself."""
        return self._workers.is_running

    def jobs_of(self, run: UUID) -> list[str]:
        """The names of the Jobs that there are of a run."""
        found = self.kubernetes.cluster.listing("jobs", f"prefect.io/flow-run-id={run}")["items"]
        return [job["metadata"]["name"] for job in found]

    def wait_less(self, automation: str, seconds: float) -> None:
        """Let an automation that waits for nothing to happen wait only this long."""
        from prefect.events.schemas.automations import AutomationCore

        with self.client() as client:
            (found,) = client.read_automations_by_name(automation)
            core = AutomationCore.model_validate(found.model_dump(exclude={"id", "owner_resource"}))
            core.trigger.within = timedelta(seconds=seconds)  # type: ignore[union-attr]
            client.update_automation(found.id, core)

    def pause(self, automation: str) -> None:
        """Switch an automation off."""
        with self.client() as client:
            (found,) = client.read_automations_by_name(automation)
            client.pause_automation(found.id)

    def pause_schedules(self) -> None:
        """Let nothing start by itself: what is due cancels a run of the same deployment that a
        test starts a moment later."""
        with self.client() as client:
            for deployment in client.read_deployments():
                for schedule in deployment.schedules:
                    client.update_deployment_schedule(deployment.id, schedule.id, active=False)

    def job_of(self, run: UUID) -> tuple[Object, Object]:
        """What the worker sent for a run, and the Job that the cluster keeps."""
        label = str(run)

        def find(client: Any) -> tuple[Object, Object] | None:
            # Before the look at the Jobs: one that fails at once may be made in between.
            state = client.read_flow_run(run).state
            cluster = self.kubernetes.cluster
            for sent in list(cluster.created):
                if sent["metadata"]["labels"]["prefect.io/flow-run-id"] == label:
                    kept = cluster.listing("jobs", f"prefect.io/flow-run-id={label}")["items"]
                    return sent, kept[0]
            assert not state.is_final(), f"{state.name}: {state.message}"
            return None

        with self.client() as client:
            return until(lambda: find(client), 400)


def until(probe: Callable[[], Any], seconds: float) -> Any:
    """The probe's first true value."""
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


@contextlib.contextmanager
def _process(
    environment: dict[str, str], log: Path, *command: str, cwd: Path = ROOT
) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=environment, cwd=cwd, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


class WorkerProcesses:
    """The worker, one at a time."""

    def __init__(self, environment: dict[str, str], home: Path) -> None:
        self._environment = environment
        self._home = home
        self._stack = contextlib.ExitStack()
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Start one; its log is numbered."""
        log = self._home / f"worker-{len(self._running)}.log"
        command = (
            *(sys.executable, "-m", "deployments.worker", "--pool", "harness"),
            *("--install-policy", "never", "--no-create-pool-if-not-found"),
        )
        process = self._stack.enter_context(_process(self._environment, log, *command))
        self._running.append(process)

    def kill(self) -> None:
        """End the one that runs, with SIGKILL."""
        self._running[-1].kill()
        self._running[-1].wait()

    @property
    def is_running(self) -> bool:
        """Whether the last one has not ended."""
        return self._running[-1].poll() is None

    def __enter__(self) -> WorkerProcesses:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


@contextlib.contextmanager
def _notified() -> Iterator[tuple[str, list[str]]]:
    """An Apprise URL, and the bodies that were sent to it."""
    bodies: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"json://127.0.0.1:{server.server_port}", bodies
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextlib.contextmanager
def running_stack(home: Path) -> Iterator[Stack]:
    """Everything started, and the deployments registered; logs are below ``home``."""
    port = free_port()
    api_url = f"http://127.0.0.1:{port}/api"
    common = {
        "PATH": f"{_BIN}:{os.environ['PATH']}",
        "HOME": str(home),
        "PREFECT_HOME": str(home / "prefect"),
        "PREFECT_API_URL": api_url,
        "PREFECT_API_AUTH_STRING": AUTH,
        "DO_NOT_TRACK": "1",
    }
    server = common | {
        "PREFECT_SERVER_API_AUTH_STRING": AUTH,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    }
    flow = home / "flow"
    flow.mkdir()
    (flow / "sleeper.py").write_text(_SLEEPER, encoding="utf-8")
    with contextlib.ExitStack() as cleanup:
        kubernetes = cleanup.enter_context(KubernetesImitation())
        notify_url, notified = cleanup.enter_context(_notified())
        kubernetes.cluster.secrets["harness-prefect", "auth-string"] = AUTH
        # Folders of the pod that this machine does not have.
        kubernetes.cluster.host_environment |= {
            "HOME": str(home), "TMPDIR": str(home), "PREFECT_HOME": str(home / "pod"),
            "PATH": common["PATH"],
        }  # fmt: skip
        config = home / "kubeconfig"
        to_kubernetes = cleanup.enter_context(interrupted(kubernetes.port))
        to_prefect = cleanup.enter_context(interrupted(port))
        config.write_text(json.dumps(kubernetes.kubeconfig(to_kubernetes.url)), encoding="utf-8")
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
        until(lambda: _healthy(f"{api_url}/health"), 400)
        for command in (
            [sys.executable, "-m", "deployments.apply", "--pool", "kubernetes"],
            [sys.executable, "-c", _DEPLOY_SLEEPER, str(flow)],
        ):
            environment = common | {
                "HARNESS_CODE_DIR": "/opt/harness",
                "HARNESS_NOTIFY_URL": notify_url,
            }
            done = subprocess.run(
                command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr[-3000:]
        worker = common | {
            "KUBECONFIG": str(config),
            "PREFECT_API_URL": f"{to_prefect.url}/api",
            "PREFECT_WORKER_QUERY_SECONDS": "1",
            # A worker is called offline, and what it had taken is put back, after some of these.
            "PREFECT_WORKER_HEARTBEAT_SECONDS": "2",
            "HARNESS_WORKER_RUNS": "quick",
            "PREFECT_INTEGRATIONS_KUBERNETES_OBSERVER_NAMESPACES": "harness",
            "PREFECT_INTEGRATIONS_KUBERNETES_CLUSTER_UID": "harness",
            "PREFECT_INTEGRATIONS_KUBERNETES_WORKER_API_AUTH_STRING_SECRET_NAME": "harness-prefect",
            "PREFECT_INTEGRATIONS_KUBERNETES_WORKER_API_AUTH_STRING_SECRET_KEY": "auth-string",
            "PREFECT_INTEGRATIONS_KUBERNETES_WORKER_CREATE_JOB_RETRY_DELAY_SECONDS": "0",
            "PREFECT_INTEGRATIONS_KUBERNETES_WORKER_CREATE_JOB_RETRY_JITTER_MAX_SECONDS": "0",
        }
        workers = cleanup.enter_context(WorkerProcesses(worker, home))
        stack = Stack(api_url, kubernetes, notified, to_prefect, to_kubernetes, workers)
        stack.pause_schedules()
        yield stack


_DEPLOY_SLEEPER = """
import sys
from prefect import flow
for name in ("sleeper", "quick"):
    flow.from_source(source=sys.argv[1], entrypoint=f"sleeper.py:{name}").deploy(
        name=name, work_pool_name="harness", build=False, push=False, print_next_steps=False
    )
"""
