"""Upgrades and rollbacks as Kubernetes judges them, restarts by settings, uninstallation."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.k8s.documents import CHART, VALUES_SETS, Document, kind, overlay, pods, rendered
from tests.k8s.immutable import immutable

NEEDS_TOOLS = True
RELEASED = sorted((Path(__file__).parent / "released").glob("*.json"))
# A kind is changed by deleting one object and making the other.
REPLACED = {"0.1.0": {"Deployment/webhook", "Deployment/toolbox"}}


@pytest.mark.parametrize("file", RELEASED, ids=lambda file: file.stem)
def test_an_upgrade_and_its_rollback_change_nothing_immutable(file: Path) -> None:
    before: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    after = immutable(rendered("default"))
    shared = before.keys() & after.keys()
    assert {"StatefulSet/qdrant", "StatefulSet/postgres", "Deployment/ollama"} <= shared
    for name in sorted(shared):
        assert after[name] == before[name], f"{name}: Kubernetes refuses this on {file.stem}"
    gone = {
        n for n in before.keys() - after.keys() if n.split("/")[0] in {"Deployment", "StatefulSet"}
    }
    assert gone <= REPLACED.get(file.stem, set())
    assert not [n for n in before.keys() - after.keys() if n.startswith("PersistentVolumeClaim")]


def _templates(*arguments: str, name: str = "default") -> dict[str, Document]:
    documents = rendered(name, 4, *arguments)
    return {
        f"{d['kind']}/{d['metadata']['name']}": d["spec"]["template"]
        for d in documents
        if d["kind"] in {"Deployment", "StatefulSet"}
    }


def _restarted(*arguments: str) -> set[str]:
    before, after = _templates(), _templates(*arguments)
    return {name.partition("/")[2] for name in before if before[name] != after[name]}


@pytest.mark.parametrize("values_set", VALUES_SETS)
def test_every_pod_has_a_checksum_of_what_it_reads(values_set: str) -> None:
    for name, template in _templates(name=values_set).items():
        assert len(template["metadata"]["annotations"]["checksum/config"]) == 64, name


def test_a_setting_restarts_who_reads_it_and_nobody_else() -> None:
    assert _restarted("--set", "harness.settings.HARNESS_MAX_STEPS=9") == {
        "api", "prefect-worker", "webhook",
    }  # fmt: skip
    mapping = '{"https://git.example.com/a.git":{"name":"a"}}'
    assert _restarted("--set-json", f"webhook.repositories={mapping}") == {"webhook"}
    listed = 'repositories=[{"url":"https://git.example.com/a.git"}]'
    assert _restarted("--set-json", listed) == set(), "Jobs read it when they start"


def _bootstrap(*arguments: str) -> str:
    (job,) = (
        d
        for d in kind(rendered("default", 4, *arguments), "Job")
        if d["metadata"]["name"].startswith("bootstrap-")
    )
    return str(job["metadata"]["name"])


@pytest.mark.parametrize(
    "change",
    [
        "harness.image=harness:0.1.1", "harness.settings.HARNESS_TIMEZONE=Europe/Berlin",
        "jobs.memoryLimit=3Gi", "ollama.models={qwen2.5-coder:7b}", "imageRegistry=mirror.lan",
        "notifications.existingSecret=team", "bootstrap.resources.limits.cpu=1500m",
        "pods.podAnnotations.build=two", "platform=openshift", "proxy.url=http://proxy:1",
    ],
)  # fmt: skip
def test_the_bootstrap_jobs_name_follows_all_that_it_reads(change: str) -> None:
    # Its fields are immutable: under the same name a change would be refused.
    assert _bootstrap("--set", change) != _bootstrap()


def test_the_bootstrap_job_is_the_same_until_something_changes_and_stays() -> None:
    assert _bootstrap("--set", "qdrant.storage=30Gi") == _bootstrap()
    for documents in (rendered("default"), overlay("manifests")):
        for job in kind(documents, "Job"):
            # Gone, it would be missing for Argo CD and Flux, and be started at every comparison.
            assert "ttlSecondsAfterFinished" not in job["spec"]


def test_waiting_for_models_is_no_failed_roll_out() -> None:
    by_name = {d["metadata"]["name"]: d["spec"] for d in kind(rendered("gpu"), "Deployment")}
    assert by_name["ollama"]["progressDeadlineSeconds"] == 21600
    assert by_name["api"]["progressDeadlineSeconds"] == 21600
    usual = {d["metadata"]["name"]: d["spec"] for d in kind(rendered("default"), "Deployment")}
    assert "progressDeadlineSeconds" not in usual["ollama"]


class _Kubernetes(BaseHTTPRequestHandler):
    asked: list[tuple[str, str]]
    status = 200

    def do_DELETE(self) -> None:
        self.asked.append((self.path, self.headers["Authorization"]))
        self.send_response(self.status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Nothing on stderr."""


@pytest.mark.parametrize("status", [200, 403])
def test_an_uninstallation_ends_the_jobs_of_flow_runs(tmp_path: Path, status: int) -> None:
    handler = type("Handler", (_Kubernetes,), {"asked": [], "status": status})
    server = HTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    (tmp_path / "token").write_text("abc\n")
    environment = {
        "NAMESPACE": "team", "ACCOUNT_DIR": str(tmp_path), "KUBERNETES_SCHEME": "http",
        "KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(server.server_port),
        # As proxy.url sets it.
        "HTTP_PROXY": "http://127.0.0.1:9",
    }  # fmt: skip
    try:
        done = subprocess.run(
            [sys.executable, str(CHART / "files" / "end_jobs.py")],
            env=os.environ | environment, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    finally:
        server.shutdown()
        server.server_close()
    ((path, authorization),) = handler.asked  # type: ignore[attr-defined]
    assert path.startswith("/apis/batch/v1/namespaces/team/jobs?labelSelector=prefect.io%2Fflow")
    assert authorization == "Bearer abc"
    assert done.returncode == (0 if status == 200 else 1)
    assert ("kubectl delete jobs" in done.stderr) == (status != 200)


def test_that_hook_comes_after_the_worker_is_gone_and_is_helms_alone() -> None:
    (hook,) = (d for d in kind(rendered("default"), "Job") if d["metadata"]["name"] == "uninstall")
    assert hook["metadata"]["annotations"]["helm.sh/hook"] == "post-delete"
    assert not [pod for pod in pods(overlay("manifests")) if pod.component == "uninstall"]
