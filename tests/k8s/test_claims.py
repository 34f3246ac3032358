"""Changes of claims that Kubernetes would refuse: the chart does so first, before Helm has changed
anything. Helm asks a small imitation of the Kubernetes API for what is there."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.k8s import tools
from tests.k8s.documents import CHART, run

NEEDS_TOOLS = True
_BYTES = {"storage": "20Gi", "snapshots": "20Gi"}


def _claim(size: str, capacity: str = "", mode: str = "ReadWriteOnce") -> dict[str, Any]:
    """As a cluster keeps it, with the class that it has chosen."""
    return {
        "spec": {
            "accessModes": [mode],
            "storageClassName": "standard",
            "resources": {"requests": {"storage": size}},
        },
        "status": {"capacity": {"storage": capacity or size}},
    }


def _templates(**sizes: str) -> dict[str, Any]:
    """A StatefulSet as far as its claims; Kubernetes writes no class into these."""
    templates = [
        {
            "metadata": {"name": name},
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": size}},
            },
        }
        for name, size in sizes.items()
    ]
    return {"spec": {"replicas": 1, "volumeClaimTemplates": templates}}


_THERE = {
    "/api/v1/namespaces/harness/persistentvolumeclaims/ollama-models": _claim("60Gi"),
    "/api/v1/namespaces/harness/persistentvolumeclaims/harness-results": _claim("10Gi", "5Gi"),
    "/apis/apps/v1/namespaces/harness/statefulsets/qdrant": _templates(**_BYTES),
}
_DISCOVERY = {
    "/version": {"major": "1", "minor": "33", "gitVersion": "v1.33.0"},
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {
        "kind": "APIGroupList",
        "groups": [
            {
                "name": "apps",
                "versions": [{"groupVersion": "apps/v1", "version": "v1"}],
                "preferredVersion": {"groupVersion": "apps/v1", "version": "v1"},
            }
        ],
    },
    "/api/v1": {
        "kind": "APIResourceList",
        "groupVersion": "v1",
        "resources": [
            {"name": "persistentvolumeclaims", "kind": "PersistentVolumeClaim", "namespaced": True}
        ],
    },
    "/apis/apps/v1": {
        "kind": "APIResourceList",
        "groupVersion": "apps/v1",
        "resources": [{"name": "statefulsets", "kind": "StatefulSet", "namespaced": True}],
    },
}


class _Kubernetes(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        path = self.path.partition("?")[0].rstrip("/")
        found = _DISCOVERY.get(path) or self._object(path)
        missing = {"kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404}
        body = json.dumps(found or missing).encode()
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _object(self, path: str) -> dict[str, Any] | None:
        if path not in _THERE:
            return None
        name = path.rpartition("/")[2]
        kind = "StatefulSet" if "/apps/" in path else "PersistentVolumeClaim"
        version = "apps/v1" if "/apps/" in path else "v1"
        return {"apiVersion": version, "kind": kind, "metadata": {"name": name}} | _THERE[path]

    def log_message(self, *_: object) -> None:
        """Nothing on stderr."""


@pytest.fixture(scope="module")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Kubernetes)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    file = tmp_path_factory.mktemp("cluster") / "config"
    address = f"http://127.0.0.1:{server.server_port}"
    file.write_text(
        json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "one",
            "contexts": [{"name": "one", "context": {"cluster": "one", "user": "one"}}],
            "clusters": [{"name": "one", "cluster": {"server": address}}],
            "users": [{"name": "one", "user": {"token": "one"}}],
        })
    )  # fmt: skip
    yield file
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        pytest.param(
            "qdrant.storage=20480Mi,ollama.storage=70Gi,ollama.storageClass=standard,"
            "harness.storage.results=6Gi",
            "",
            id="the same, growth, growth taken back",
        ),
        pytest.param("qdrant.storage=30Gi", "qdrant.storage is 20Gi, and cannot", id="template"),
        pytest.param("qdrant.replicas=3", "qdrant.replicas is 1, and cannot become 3", id="peers"),
        pytest.param("ollama.storage=60G", "ollama.storage is 60Gi, and cannot", id="shrinks"),
        pytest.param("harness.storage.results=4Gi", "results is 10Gi, and cannot", id="too far"),
        pytest.param("ollama.storageClass=fast", 'storage is of class "standard"', id="class"),
        pytest.param(
            "harness.storage.accessMode=ReadWriteMany", "results is ReadWriteOnce", id="access"
        ),
    ],
)
def test_what_a_claim_cannot_become_is_refused_first(
    kubeconfig: Path, change: str, refusal: str
) -> None:
    # Helm 4 also looks up every kind that it has rendered, which this imitation does not have.
    done = run(
        tools.helm(4 if refusal else 3), "template", "harness", CHART,
        "--namespace", "harness", "--dry-run=server", "--disable-openapi-validation",
        "--kubeconfig", kubeconfig, "--set", change,
    )  # fmt: skip
    assert (done.returncode != 0) == bool(refusal), done.stderr
    assert refusal in done.stderr
    assert not refusal or "nothing has been changed" in done.stderr
