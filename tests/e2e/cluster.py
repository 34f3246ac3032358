"""A release on a real cluster: Helm, kubectl, and Prefect from the toolbox pod."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.k8s import tools
from tests.k8s.documents import CHART, ROOT

# Runs inside the toolbox, where the API's address and password are.
_START = """
import json, sys
from prefect.client.orchestration import get_client
with get_client(sync_client=True) as client:
    deployment = client.read_deployment_by_name(sys.argv[1])
    run = client.create_flow_run_from_deployment(
        deployment.id, parameters=json.loads(sys.argv[2]), job_variables=json.loads(sys.argv[3])
    )
    print(json.dumps(str(run.id)))
"""
_STATE = """
import json, sys
from prefect.client.orchestration import get_client
with get_client(sync_client=True) as client:
    state = client.read_flow_run(sys.argv[1]).state
    print(json.dumps([state.type.value, state.message, state.name]))
"""
_AUTOMATIC = """
import json, sys
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    DeploymentFilter, DeploymentFilterId, FlowRunFilter, FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.sorting import FlowRunSort
with get_client(sync_client=True) as client:
    deployment = client.read_deployment_by_name(sys.argv[1])
    runs = client.read_flow_runs(
        deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment.id])),
        flow_run_filter=FlowRunFilter(
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[sys.argv[2]]))
        ),
        sort=FlowRunSort.EXPECTED_START_TIME_DESC,
    )
    print(json.dumps([str(run.id) for run in runs if run.auto_scheduled]))
"""
_SCHEDULE = """
import sys
from datetime import timedelta
from prefect.client.orchestration import get_client
from prefect.client.schemas.schedules import IntervalSchedule
with get_client(sync_client=True) as client:
    deployment = client.read_deployment_by_name(sys.argv[1])
    client.create_deployment_schedules(
        deployment.id, [(IntervalSchedule(interval=timedelta(seconds=60)), True)]
    )
"""

# How Python ends when a busy cluster's DNS gives no answer, or a server is being started again.
_UNREACHED = "httpx.ConnectError"
_TRIES = 4
# Of the namespace, so that no other one is ever deleted.
_OURS = "harness/tests=cluster"


@dataclass(frozen=True, slots=True)
class Release:
    """One installed chart."""

    namespace: str
    kubeconfig: str
    image: str

    def helm(self, *arguments: str, seconds: float = 1200) -> str:
        """Helm 4 on this cluster."""
        return self._run([str(tools.helm(4)), *arguments, "--namespace", self.namespace], seconds)

    def kubectl(self, *arguments: str, stdin: str | None = None, seconds: float = 300) -> str:
        """The pinned kubectl, in the release's namespace."""
        command = [str(tools.kubectl()), "--namespace", self.namespace, *arguments]
        return self._run(command, seconds, stdin)

    def objects(self, kind: str, selector: str = "") -> list[dict[str, Any]]:
        """Objects of a kind by label."""
        chosen = ["--selector", selector] if selector else []
        found = json.loads(self.kubectl("get", kind, *chosen, "--output", "json"))
        items: list[dict[str, Any]] = found["items"]
        return items

    def toolbox(self, *command: str, stdin: str | None = None, seconds: float = 300) -> str:
        """A command in the toolbox pod."""
        interactive = ["--stdin"] if stdin is not None else []
        return self.kubectl(
            "exec", *interactive, "deploy/toolbox", "--", *command, stdin=stdin, seconds=seconds
        )

    def start(self, deployment: str, **parameters: Any) -> str:
        """A flow run's id."""
        return self.start_as(deployment, {}, **parameters)

    def start_as(self, deployment: str, job_variables: dict[str, Any], **parameters: Any) -> str:
        """The same with variables of its Job."""
        run: str = self._prefect(
            _START, deployment, json.dumps(parameters), json.dumps(job_variables)
        )
        return run

    def completed(self, deployment: str, seconds: float = 900) -> str:
        """The id of a run that has completed, of a deployment that runs one at a time: Prefect
        cancels one that begins while a schedule's own run is there."""

        def tried() -> str | None:
            run = self.start(deployment)
            state, message = self.wait_for(run, "COMPLETED", "CANCELLED", seconds=seconds)
            assert state == "COMPLETED" or "concurrency limit" in message, (state, message)
            return run if state == "COMPLETED" else None

        run: str = self.until(f"a completed run of {deployment}", tried, seconds, pause=10)
        return run

    def state(self, run: str) -> tuple[str, str]:
        """Type and message of a run's state."""
        kind, message, _ = self._prefect(_STATE, run)
        return kind, message or ""

    def until(self, what: str, probe: Callable[[], Any], seconds: float, pause: float = 2) -> Any:
        """The probe's first true value; after that time the test fails, and says in what state the
        cluster is.

        :param what: what is waited for, for the message.
        """
        deadline = time.monotonic() + seconds
        while not (value := probe()):
            if time.monotonic() > deadline:
                pytest.fail(f"{what}: not within {seconds:.0f} s\n{self.situation()}")
            time.sleep(pause)
        return value

    def situation(self) -> str:
        """Pods, claims and the latest warnings, as far as the cluster answers."""
        parts = []
        for command in (
            ("get", "pods", "--output", "wide"),
            ("get", "pvc"),
            ("get", "events", "--field-selector", "type=Warning", "--sort-by", ".lastTimestamp"),
        ):
            try:
                said = self.kubectl(*command, seconds=60)
            except (AssertionError, subprocess.TimeoutExpired) as error:
                said = str(error)
            parts.append(f"$ kubectl {' '.join(command)}\n{said[-3000:]}")
        return "\n".join(parts)

    def wait_for_name(self, run: str, name: str, seconds: float = 300) -> str:
        """The message of the state once it is called this."""

        def reached() -> str | None:
            _, message, now = self._prefect(_STATE, run)
            return message if now == name else None

        message: str = self.until(f"state {name} of run {run}", reached, seconds, pause=3)
        return message

    def wait_for(self, run: str, *kinds: str, seconds: float = 900) -> tuple[str, str]:
        """The state once its type is one of these; fails at once on another final one."""
        final = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}

        def reached() -> tuple[str, str] | None:
            state = self.state(run)
            assert state[0] in kinds or state[0] not in final, state
            return state if state[0] in kinds else None

        what = f"{' or '.join(kinds)} of run {run}"
        reached_state: tuple[str, str] = self.until(what, reached, seconds, pause=3)
        return reached_state

    def scheduled(self, deployment: str, state: str) -> list[str]:
        """Runs that the scheduler made, latest first."""
        runs: list[str] = self._prefect(_AUTOMATIC, deployment, state)
        return runs

    def schedule_every_minute(self, deployment: str) -> None:
        """Add a schedule; `harness deploy` takes it away again."""
        self.toolbox("python", "-c", _SCHEDULE, deployment)

    def jobs_of(self, run: str) -> list[dict[str, Any]]:
        """The Jobs of a flow run; more than one after a pod was replaced."""
        return self.objects("jobs", f"prefect.io/flow-run-id={run}")

    def pods_of(self, run: str, phase: str) -> list[str]:
        """Names of a run's pods in one phase."""
        found = self.objects("pods", f"prefect.io/flow-run-id={run}")
        return [pod["metadata"]["name"] for pod in found if pod["status"]["phase"] == phase]

    def nodes_of(self, selector: str) -> set[str]:
        """Names of the nodes that pods have been given."""
        found = {pod["spec"].get("nodeName") for pod in self.objects("pods", selector)}
        return {name for name in found if name}

    def schedulable_nodes(self) -> dict[str, str]:
        """Nodes that take pods which tolerate nothing, with their label of the host's name."""
        return {
            node["metadata"]["name"]: node["metadata"]["labels"]["kubernetes.io/hostname"]
            for node in self.objects("nodes")
            if not node["spec"].get("unschedulable")
            and not any(
                taint["effect"] in {"NoSchedule", "NoExecute"}
                for taint in node["spec"].get("taints", [])
            )
        }

    def throw_away(self, component: str, *command: str, seconds: float = 600) -> str:
        """What a command prints in a pod of its own that policies take for a component's."""
        name = f"once-{component}-{time.monotonic_ns()}"
        text = (ROOT / "k8s" / "chat-pod.json").read_text(encoding="utf-8")
        # The container has the name of the pod that `kubectl run` makes.
        overrides = text.replace('"name": "chat"', f'"name": "{name}"')
        return self.kubectl(
            "run", name, "--stdin", "--rm", "--restart=Never", f"--image={self.image}", "--quiet",
            f"--labels=app.kubernetes.io/component={component}", "--override-type=strategic",
            "--pod-running-timeout=5m", f"--overrides={overrides}", "--", *command,
            seconds=seconds,
        )  # fmt: skip

    def _prefect(self, script: str, *arguments: str) -> Any:
        for patience in range(_TRIES):
            try:
                said = self.toolbox("python", "-c", script, *arguments)
                break
            except AssertionError as error:
                # Nothing was asked yet, so it can be asked again.
                if _UNREACHED not in str(error) or patience == _TRIES - 1:
                    raise
            time.sleep(10)
        return json.loads(said.splitlines()[-1])

    def _run(self, command: list[str], seconds: float, stdin: str | None = None) -> str:
        done = subprocess.run(
            command,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
            env=os.environ | {"KUBECONFIG": self.kubeconfig},
        )
        assert done.returncode == 0, f"{command[1:8]}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        return done.stdout


def values(image: str, chat_model: str, embed_model: str) -> dict[str, Any]:
    """Small enough for a cluster in containers on one machine."""
    small = {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"cpu": "2", "memory": "2Gi"}}
    return {
        "harness": {
            "image": image,
            "chatModel": chat_model,
            "embedModel": embed_model,
            "storage": {"repositories": "1Gi", "results": "1Gi", "backups": "1Gi"},
            # A small model that does not find an end is stopped soon.
            "settings": {"HARNESS_MAX_STEPS": "4", "HARNESS_TASK_TIMEOUT_SECONDS": "300"},
        },
        "platform": os.environ.get("HARNESS_CLUSTER_PLATFORM", "generic"),
        "storageClass": os.environ.get("HARNESS_CLUSTER_STORAGE_CLASS", ""),
        "ollama": {
            "storage": "8Gi",
            "resources": {
                "requests": {"cpu": "200m", "memory": "1Gi"},
                "limits": {"cpu": "4", "memory": "6Gi"},
            },
        },
        "qdrant": {"storage": "2Gi", "snapshotStorage": "2Gi", "resources": small},
        "prefect": {
            "server": {"resources": small},
            "database": {"storage": "1Gi", "resources": small},
            "worker": {"resources": small},
        },
        "api": {"resources": small},
        "webhook": {"resources": small},
        # The tests run commands in it.
        "toolbox": {"enabled": True},
        "jobs": {"cpuRequest": "100m", "memoryRequest": "256Mi", "workspaceSize": "1Gi"},
    }


def install(release: Release, folder: Path, settings: dict[str, Any]) -> Path:
    """Namespace with Pod Security restricted, Secrets, chart; returns when every pod is ready,
    which includes the pull of the models.

    :returns: the file of the values.
    """
    own_namespace(release)
    file = folder / "values.json"
    file.write_text(json.dumps(settings), encoding="utf-8")
    environment = os.environ | {"KUBECONFIG": release.kubeconfig, "KUBECTL": str(tools.kubectl())}
    subprocess.run(
        [str(ROOT / "k8s" / "create-secrets.sh"), release.namespace],
        env=environment,
        check=True,
        timeout=300,
    )
    try:
        release.helm(
            "upgrade", "--install", "harness", str(CHART), "--values", str(file),
            "--wait", "--timeout", "40m", seconds=2500,
        )  # fmt: skip
    except AssertionError as error:
        pytest.fail(f"{error}\n{release.situation()}")
    return file


def own_namespace(release: Release) -> None:
    """Make the namespace, or take that of an earlier run; somebody else's would be deleted at the
    end with all that is in it."""
    named = f"kubernetes.io/metadata.name={release.namespace}"

    def gone() -> bool:
        found = release.objects("namespaces", named)
        return not any(one["status"]["phase"] == "Terminating" for one in found)

    release.until(f"the end of the former namespace {release.namespace}", gone, 600)
    if not release.objects("namespaces", named):
        release.kubectl("create", "namespace", release.namespace)
    else:
        assert release.objects("namespaces", f"{named},{_OURS}"), (
            f"the namespace {release.namespace} exists and is not of these tests, which would "
            "delete it; name another one with HARNESS_CLUSTER_NAMESPACE"
        )
    release.kubectl(
        "label", "--overwrite", "namespace", release.namespace, _OURS,
        "pod-security.kubernetes.io/enforce=restricted",
    )  # fmt: skip


def remove(release: Release) -> None:
    """Delete the namespace, if it is of these tests."""
    release.kubectl(
        "delete", "namespace", "--selector", _OURS,
        "--field-selector", f"metadata.name={release.namespace}", "--wait=false",
    )  # fmt: skip
