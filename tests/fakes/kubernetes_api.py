"""An imitation of the Kubernetes API on the loopback: what Prefect's worker and observer ask.

It is not Kubernetes: nothing is scheduled, admitted, isolated or limited. It keeps Jobs and one pod
for each, answers discovery, list, read, log, delete and watch, and, for behaviour "run", starts the
container's arguments as a local process with the container's environment. What a real cluster does
with a Job, only a real cluster shows (tests/e2e/test_cluster.py).
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import threading
import uuid
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

Object = dict[str, Any]
# run: a local process; fail: the pod fails at once; hold: it runs for ever and does nothing;
# wait: it is Pending until a test says more; refuse: there is no pod.
Behaviour = Literal["run", "fail", "hold", "wait", "refuse"]
_RESOURCES = {
    "/api/v1": ("v1", [("pods", "Pod"), ("events", "Event"), ("namespaces", "Namespace")]),
    "/apis/batch/v1": ("batch/v1", [("jobs", "Job")]),
}


@dataclass
class Cluster:
    """The state: objects by kind and name, and who watches them."""

    behaviour: Behaviour = "hold"
    # Values of Secrets by (name, key), for processes of behaviour "run".
    secrets: dict[tuple[str, str], str] = field(default_factory=dict)
    # Environment of such processes besides the container's.
    host_environment: dict[str, str] = field(default_factory=dict)
    created: list[Object] = field(default_factory=list)
    objects: dict[str, dict[str, Object]] = field(
        default_factory=lambda: {"jobs": {}, "pods": {}, "events": {}, "namespaces": {}}
    )
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    _watchers: list[tuple[str, queue.Queue[Object]]] = field(default_factory=list)
    _published: list[tuple[int, str, Object]] = field(default_factory=list)
    _version: int = 1
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def create_job(self, namespace: str, manifest: Object) -> Object | None:
        """Keep a Job as sent, name it, and make its pod; None if there is one of its name."""
        with self._lock:
            if manifest["metadata"].get("name") in self.objects["jobs"]:
                return None
            self.created.append(deepcopy(manifest))
            job = deepcopy(manifest)
            chosen = self._identity(manifest["metadata"].get("generateName", ""), namespace)
            job["metadata"] = chosen | job["metadata"]
            name = job["metadata"]["name"]
            job["status"] = {"active": 1}
            template = deepcopy(manifest["spec"]["template"])
            labels = template["metadata"].get("labels", {}) | {"job-name": name}
            metadata = self._identity(f"{name}-", namespace) | {"labels": labels}
            pod = {
                "apiVersion": "v1", "kind": "Pod", "metadata": metadata,
                "spec": template["spec"], "status": {"phase": "Pending"},
            }  # fmt: skip
            self._store("jobs", job, "ADDED")
            if self.behaviour != "refuse":
                self._store("pods", pod, "ADDED")
            # Read here: a test that has seen this Job may choose what the next one does.
            life = (name, metadata["name"], self.behaviour)
        threading.Thread(target=self._live, args=life, daemon=True).start()
        return job

    def delete_job(self, name: str) -> None:
        """The Job and its pod are gone; no process gets a signal (a node was lost)."""
        with self._lock:
            self._remove("jobs", name)
            for pod_name, pod in list(self.objects["pods"].items()):
                if pod["metadata"]["labels"]["job-name"] == name:
                    self._remove("pods", pod_name)

    def report(self, job_name: str, status: Object) -> None:
        """What scheduler, kubelet or garbage collector write into the status of a Job's pod."""
        with self._lock:
            pod = self.pod_of(job_name)
            self._update("pods", pod["metadata"]["name"], pod["status"] | status)

    def lose_pod(self, job_name: str) -> None:
        """What the pod garbage collector does once the node of a Job's pod is lost."""
        with self._lock:
            self._remove("pods", self.pod_of(job_name)["metadata"]["name"])

    def end(self, job_name: str, status: Object) -> None:
        """What the Job controller writes into a Job's status at its end."""
        self._update("jobs", job_name, status)

    def warn(self, about: Object, reason: str, message: str) -> None:
        """An event of the namespace about one of its objects."""
        namespace = about["metadata"]["namespace"]
        event = {
            "apiVersion": "v1", "kind": "Event", "type": "Warning",
            "reason": reason, "message": message,
            "metadata": self._identity("event-", namespace),
            "involvedObject": {
                "kind": about["kind"], "name": about["metadata"]["name"], "namespace": namespace,
            },
        }  # fmt: skip
        with self._lock:
            self._store("events", event, "ADDED")

    def pod_of(self, job_name: str) -> Object:
        """A Job's pod."""
        with self._lock:
            (pod,) = [
                pod
                for pod in self.objects["pods"].values()
                if pod["metadata"]["labels"]["job-name"] == job_name
            ]
            return deepcopy(pod)

    def evict(self, job_name: str) -> None:
        """What a drained node, a deleted pod or the Job's deadline do to a process: SIGTERM. The
        Job controller counts the pod as failed from then on, while it still runs."""
        self._update("jobs", job_name, {"failed": 1})
        self.processes[job_name].terminate()

    def watch(self, kind: str, since: int | None) -> Iterator[Object]:
        """Events after this resource version (None: from now on), as a list and a watch promise.

        An empty one every second, so that a closed peer is noticed.
        """
        events: queue.Queue[Object] = queue.Queue()
        with self._lock:
            for version, changed, event in self._published:
                if since is not None and changed == kind and version > since:
                    events.put(event)
            self._watchers.append((kind, events))
        try:
            while True:
                try:
                    yield events.get(timeout=1.0)
                except queue.Empty:
                    yield {}
        finally:
            with self._lock:
                self._watchers.remove((kind, events))

    def listing(self, kind: str, selector: str) -> Object:
        """A list object; `key`, `key=value` and comma are what the worker's selectors use."""
        with self._lock:
            found = [one for one in self.objects[kind].values() if _selected(one, selector)]
            return {
                "kind": "List", "apiVersion": "v1", "items": deepcopy(found),
                "metadata": {"resourceVersion": str(self._version)},
            }  # fmt: skip

    def close(self) -> None:
        """End the processes that this cluster started."""
        for process in self.processes.values():
            if process.poll() is None:
                process.kill()
            process.wait()

    def _live(self, job_name: str, pod_name: str, behaviour: Behaviour) -> None:
        if behaviour in ("wait", "refuse"):
            return
        if behaviour == "fail":
            self._finish(job_name, pod_name, exit_code=137)
            return
        running = {"state": {"running": {"startedAt": _now()}}, "name": "prefect-job"}
        self._update("pods", pod_name, {"phase": "Running", "containerStatuses": [running]})
        if behaviour == "run":
            process = self._start(job_name)
            self._finish(job_name, pod_name, process.wait())

    def _start(self, job_name: str) -> subprocess.Popen[bytes]:
        spec = self.objects["jobs"][job_name]["spec"]["template"]["spec"]
        (container,) = spec["containers"]
        environment = {}
        for entry in container["env"]:
            reference = entry.get("valueFrom", {}).get("secretKeyRef")
            environment[entry["name"]] = (
                self.secrets[reference["name"], reference["key"]] if reference else entry["value"]
            )
        process = subprocess.Popen(
            container["args"], env=environment | self.host_environment,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self.processes[job_name] = process
        return process

    def _finish(self, job_name: str, pod_name: str, exit_code: int) -> None:
        ended = {
            "name": "prefect-job",
            "state": {"terminated": {
                "exitCode": exit_code, "reason": "Completed" if exit_code == 0 else "Error",
                "finishedAt": _now(),
            }},
        }  # fmt: skip
        phase = "Succeeded" if exit_code == 0 else "Failed"
        self._update("pods", pod_name, {"phase": phase, "containerStatuses": [ended]})
        self._update("jobs", job_name, {"succeeded": 1} if exit_code == 0 else {"failed": 1})

    def _update(self, kind: str, name: str, status: Object) -> None:
        with self._lock:
            if name in self.objects[kind]:
                self._store(kind, self.objects[kind][name] | {"status": status}, "MODIFIED")

    def _store(self, kind: str, value: Object, change: str) -> None:
        self.objects[kind][value["metadata"]["name"]] = value
        self._publish(kind, change, value)

    def _remove(self, kind: str, name: str) -> None:
        self._publish(kind, "DELETED", self.objects[kind].pop(name))

    def _publish(self, kind: str, change: str, value: Object) -> None:
        self._version += 1
        value["metadata"]["resourceVersion"] = str(self._version)
        event = {"type": change, "object": deepcopy(value)}
        self._published.append((self._version, kind, event))
        for watched, events in self._watchers:
            if watched == kind:
                events.put(event)

    @staticmethod
    def _identity(prefix: str, namespace: str) -> Object:
        return {
            "name": f"{prefix}{uuid.uuid4().hex[:5]}", "namespace": namespace,
            "uid": str(uuid.uuid4()), "creationTimestamp": _now(),
        }  # fmt: skip


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _selected(value: Object, selector: str) -> bool:
    labels = value["metadata"].get("labels", {})
    for part in filter(None, selector.split(",")):
        key, equals, wanted = part.partition("=")
        if key not in labels or (equals and labels[key] != wanted):
            return False
    return True


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    cluster: Cluster

    def do_GET(self) -> None:
        kind, name, log, query = self._target("GET")
        if kind is None:
            self._discovery()
        elif log:
            self._send(200, b"the imitation has no logs\n", "text/plain")
        elif name:
            found = self.cluster.objects[kind].get(name)
            self._json(200, found) if found else self._missing(name)
        elif query.get("watch", [""])[0] in {"true", "True", "1"}:
            since = query.get("resourceVersion", [""])[0]
            self._watch(kind, query.get("labelSelector", [""])[0], int(since) if since else None)
        else:
            self._json(200, self.cluster.listing(kind, query.get("labelSelector", [""])[0]))

    def do_POST(self) -> None:
        kind, _, _, _ = self._target("POST")
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if kind != "jobs":
            self._json(403, {"kind": "Status", "message": "the worker may not make this"})
            return
        namespace = urlsplit(self.path).path.split("/namespaces/")[1].split("/")[0]
        if made := self.cluster.create_job(namespace, body):
            self._json(201, made)
        else:
            self._json(409, {"kind": "Status", "status": "Failure", "reason": "AlreadyExists",
                             "message": "jobs.batch already exists", "code": 409})  # fmt: skip

    def do_DELETE(self) -> None:
        # The options, which would otherwise be taken for the next request.
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        _, name, _, _ = self._target("DELETE")
        if name in self.cluster.objects["jobs"]:
            self.cluster.delete_job(name)
            self._json(200, {"kind": "Status", "status": "Success"})
        else:
            self._missing(name or "")

    def _target(self, verb: str) -> tuple[str | None, str | None, bool, dict[str, list[str]]]:
        """Kind, name, whether the log is meant, and the query."""
        url = urlsplit(self.path)
        self.cluster.requests.append((verb, url.path))
        parts = url.path.strip("/").split("/")
        if "namespaces" not in parts or len(parts) < parts.index("namespaces") + 3:
            return None, None, False, {}
        kind, *rest = parts[parts.index("namespaces") + 2 :]
        return kind, rest[0] if rest else None, rest[1:] == ["log"], parse_qs(url.query)

    def _discovery(self) -> None:
        path = urlsplit(self.path).path.rstrip("/")
        if path == "/api":
            self._json(200, {"kind": "APIVersions", "versions": ["v1"]})
        elif path == "/apis":
            version = {"groupVersion": "batch/v1", "version": "v1"}
            group = {"name": "batch", "versions": [version], "preferredVersion": version}
            self._json(200, {"kind": "APIGroupList", "groups": [group]})
        elif path in _RESOURCES:
            group_version, resources = _RESOURCES[path]
            listed = [
                {
                    "name": name, "singularName": name[:-1], "kind": kind,
                    "namespaced": name != "namespaces", "shortNames": [], "categories": [],
                    "verbs": ["get", "list", "watch", "create", "update", "patch", "delete"],
                }
                for name, kind in resources
            ]  # fmt: skip
            self._json(200, {"groupVersion": group_version, "resources": listed})
        elif path == "/version":
            self._json(200, {"major": "1", "minor": "33", "gitVersion": "v1.33.0-imitation"})
        else:
            self._missing(path)

    def _watch(self, kind: str, selector: str, since: int | None) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        try:
            for event in self.cluster.watch(kind, since):
                if event and _selected(event["object"], selector):
                    self.wfile.write(json.dumps(event).encode() + b"\n")
                    self.wfile.flush()
                elif self.server.stopping:  # type: ignore[attr-defined]
                    return
        except OSError:
            return

    def _missing(self, name: str) -> None:
        self._json(404, {"kind": "Status", "status": "Failure", "reason": "NotFound",
                         "message": f"{name} not found", "code": 404})  # fmt: skip

    def _json(self, status: int, value: Object) -> None:
        self._send(status, json.dumps(value).encode(), "application/json")

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


class KubernetesImitation:
    """The server; use as a context manager. ``kubeconfig()`` is what clients load."""

    def __init__(self) -> None:
        self.cluster = Cluster(host_environment={"PATH": os.environ["PATH"]})
        handler = type("Handler", (_Handler,), {"cluster": self.cluster})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._server.stopping = False  # type: ignore[attr-defined]
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def port(self) -> int:
        return self._server.server_port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def kubeconfig(self, url: str | None = None) -> Object:
        """A kubectl configuration (JSON is YAML) that names this server.

        :param url: of a proxy before it.
        """
        return {
            "apiVersion": "v1", "kind": "Config", "current-context": "imitation",
            "contexts": [{"name": "imitation", "context": {
                "cluster": "imitation", "user": "imitation", "namespace": "harness"}}],
            "clusters": [{"name": "imitation", "cluster": {"server": url or self.url}}],
            "users": [{"name": "imitation", "user": {"token": "imitation"}}],
        }  # fmt: skip

    def __enter__(self) -> KubernetesImitation:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._server.stopping = True  # type: ignore[attr-defined]
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self.cluster.close()
