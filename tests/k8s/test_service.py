"""The service's and the webhook's pods: who may call them, what they are given, what they keep."""

from __future__ import annotations

import hmac
import json
import os
import re
import subprocess
import sys
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.index.registry import Request, claim_of_url, register
from harness.service.callers import Scope
from harness.service.tokens import Tokens
from harness.settings import ServiceSettings, WebhookSettings
from harness.store.opening import open_store
from harness.store.options import QdrantOptions
from harness.webhook.routes import read_mapping
from tests.fakes.prefect_api import FakePrefect
from tests.fakes.qdrant_server import FakeQdrant
from tests.k8s.documents import K8S, ROOT, Document, Pod, kind, overlay, pods, rendered
from tests.k8s.policies import Place, allowed, component
from tests.webhook.lab import eventually, github_push

NEEDS_TOOLS = True
URL = "https://git.example.org/team/web.git"
# What `harness doctor` looks at, unless it is told that this pod has not got them.
FOLDERS = ("BACKUP_DIR", "RESULTS_DIR", "REPOS_ROOT")


def _pod(values_set: str, name: str) -> Pod:
    (pod,) = (pod for pod in pods(rendered(values_set)) if pod.component == name)
    return pod


def _environment(pod: Pod) -> dict[str, Any]:
    return {entry["name"]: entry.get("value") for entry in pod.spec["containers"][0]["env"]}


def _config_map(values_set: str, name: str) -> dict[str, str]:
    (found,) = (d for d in kind(rendered(values_set), "ConfigMap") if d["metadata"]["name"] == name)
    data: dict[str, str] = found["data"]
    return data


def test_the_service_is_called_by_its_own_names_only() -> None:
    names = _environment(_pod("tls", "api"))["HARNESS_SERVE_HOSTS"].split(",")
    inside = ["api", "api.harness", "api.harness.svc", "api.harness.svc.cluster.local"]
    assert names == [*inside, "code.example.com"]
    assert "" not in _environment(_pod("default", "api"))["HARNESS_SERVE_HOSTS"].split(",")


def test_the_checks_look_at_no_folder_whose_volume_the_pod_has_not() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("kube*.md"))
    told = set(re.findall(r"exec deploy/([a-z-]+) -- harness doctor", text))
    assert told == {"api"}
    settings = _config_map("default", "harness-config")
    named = {settings[f"HARNESS_{folder}"] for folder in FOLDERS}
    for name in told:
        pod = _pod("default", name)
        mounts = {mount["mountPath"] for mount in pod.spec["containers"][0]["volumeMounts"]}
        looks = _environment(pod).get("HARNESS_CHECK_FOLDERS") != "false"
        assert looks == (named <= mounts), f"{name} has {mounts & named} of {named}"


def test_the_probes_ask_what_needs_no_token() -> None:
    container = _pod("default", "api").spec["containers"][0]
    paths = {p: container[p]["httpGet"]["path"] for p in container if p.endswith("Probe")}
    assert paths == {
        "startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/readyz",
    }  # fmt: skip
    from harness.service.guard import OPEN_PATHS

    assert set(paths.values()) <= set(OPEN_PATHS)


def test_tokens_come_from_a_secret_and_without_it_nobody_is_let_in(tmp_path: Path) -> None:
    pod = _pod("default", "api")
    file = _environment(pod)["HARNESS_TOKENS_FILE"]
    (mount,) = (m for m in pod.spec["containers"][0]["volumeMounts"] if m["name"] == "tokens")
    (volume,) = (v for v in pod.spec["volumes"] if v["name"] == "tokens")
    assert file.startswith(mount["mountPath"] + "/") and mount["readOnly"]
    assert volume["secret"]["secretName"] == "harness-tokens" and volume["secret"]["optional"]
    assert Tokens(tmp_path / "missing.json").find("harness_ab_cd") is None


def test_groups_of_a_proxy_are_believed_from_its_networks_only(tmp_path: Path) -> None:
    environment = _environment(_pod("ha", "api"))
    file = tmp_path / "groups.json"
    file.write_text(_config_map("ha", "api-groups")["groups.json"], encoding="utf-8")
    settings = ServiceSettings.model_validate(
        {
            "HARNESS_PROXY_ADDRESSES": environment["HARNESS_PROXY_ADDRESSES"],
            "HARNESS_INGRESS_ADDRESSES": environment["HARNESS_INGRESS_ADDRESSES"],
            "HARNESS_PROXY_GROUPS": str(file),
        }
    )
    proxy = settings.proxy()
    assert proxy is not None
    assert proxy.forwarders == ("10.43.0.0/16",)
    assert environment["HARNESS_PROXY_GROUPS"].endswith("/groups.json")
    assert "HARNESS_PROXY_ADDRESSES" not in _environment(_pod("default", "api"))


@pytest.mark.parametrize("values_set", ["tls", "ha"])
def test_of_the_webhook_only_hooks_are_published(values_set: str) -> None:
    published: dict[str, list[tuple[str, str]]] = {}
    for ingress in kind(rendered(values_set), "Ingress"):
        for rule in ingress["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                service = path["backend"]["service"]["name"]
                published.setdefault(service, []).append((rule["host"], path["path"]))
    for route in kind(rendered(values_set), "HTTPRoute"):
        for rule in route["spec"]["rules"]:
            for match in rule["matches"]:
                place = (route["spec"]["hostnames"][0], match["path"]["value"])
                published.setdefault(rule["backendRefs"][0]["name"], []).append(place)
    assert published == {
        "prefect-server": [("prefect.example.com", "/")],
        "api": [("code.example.com", "/")],
        "webhook": [("hooks.example.com", "/hooks")],
    }


def test_the_webhook_knows_the_index_and_keeps_its_journal() -> None:
    pod = _pod("default", "webhook")
    container = pod.spec["containers"][0]
    assert {"configMapRef": {"name": "harness-config"}} in container["envFrom"]
    assert {"secretRef": {"name": "harness-qdrant"}} in container["envFrom"]
    assert pod.owner.startswith("StatefulSet/") and pod.claim_templates == ("data",)
    (mount,) = (m for m in container["volumeMounts"] if m["name"] == "data")
    assert _environment(pod)["HARNESS_DATA_DIR"] == mount["mountPath"]
    policies = tuple(kind(rendered("default"), "NetworkPolicy"))
    assert allowed(policies, component("webhook"), component("qdrant"), 6333)
    assert not allowed(policies, component("webhook"), component("ollama"), 11434)


def test_the_webhooks_environment_takes_a_push_and_a_run_starts(tmp_path: Path) -> None:
    """As a process that has what the pod gives it, but for addresses and folders."""
    container = _pod("default", "webhook").spec["containers"][0]
    assert container["args"][:2] == ["harness", "webhook"]
    given = dict(_config_map("default", "harness-config"))
    given |= {
        entry["name"]: entry.get("value", "harness:of-a-secret") for entry in container["env"]
    }
    with FakeQdrant() as qdrant, FakePrefect() as prefect:
        host, port = qdrant.url.removeprefix("http://").split(":")
        assert (given["QDRANT_HOST"], given["QDRANT_PORT"]) == ("qdrant", "6333")
        assert given["PREFECT_API_URL"].endswith("/api")
        given |= {"QDRANT_HOST": host, "QDRANT_PORT": port, "QDRANT_GRPC_PORT": "0"}
        given |= {"QDRANT_API_KEY": "of-a-secret", "PREFECT_API_URL": prefect.url}
        given |= {name: str(tmp_path) for name in ("HOME", "PREFECT_HOME", "HARNESS_DATA_DIR")}
        given |= {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
        with closing(open_store(QdrantOptions(url=qdrant.url, grpc_port=0))) as store:
            register(claim_of_url(URL), URL, Request(ref="main"), store, tmp_path)
        command = [sys.executable, "-m", *container["args"][:2], "--port", "0", "--json"]
        with subprocess.Popen(command, env=given, stdout=subprocess.PIPE) as process:
            try:
                assert process.stdout is not None
                lines = b"".join(iter(process.stdout.readline, b"}\n"))
                body = json.dumps(github_push(url=URL)).encode()
                digest = hmac.new(given["HARNESS_WEBHOOK_SECRET"].encode(), body, "sha256")
                request = urllib.request.Request(
                    f"{json.loads(lines + b'}')['url']}/hooks/github",
                    body,
                    {
                        "Content-Type": "application/json",
                        "X-GitHub-Event": "push",
                        "X-Hub-Signature-256": f"sha256={digest.hexdigest()}",
                    },
                )
                with urllib.request.urlopen(request, timeout=60) as answer:
                    assert answer.status == 202
                # An answer that does not wait for Prefect: the run is made a moment later.
                eventually(lambda: bool(prefect.runs), seconds=60)
            finally:
                process.terminate()
    (run,) = prefect.runs.values()
    assert (run["parameters"]["source"], run["parameters"]["name"]) == (URL, "web")


def test_the_webhooks_mapping_is_one_that_it_reads(tmp_path: Path) -> None:
    file = tmp_path / "repositories.json"
    file.write_text(_config_map("ha", "webhook-repositories")["repositories.json"])
    assert len(read_mapping(file)) == 1
    assert "HARNESS_WEBHOOK_REPOSITORIES" in _environment(_pod("ha", "webhook"))
    aliases = {str(f.validation_alias) for f in WebhookSettings.model_fields.values()}
    assert "HARNESS_WEBHOOK_REPOSITORIES" in aliases


def test_named_namespaces_call_the_service_and_others_do_not() -> None:
    policies = tuple(
        kind(rendered("default", 4, "--set", "networkPolicy.apiNamespaces={ci}"), "NetworkPolicy")
    )
    assert allowed(policies, Place("ci", namespace="ci"), component("api"), 4280)
    assert not allowed(policies, Place("ci", namespace="ci"), component("webhook"), 8080)
    assert not allowed(policies, Place("dev", namespace="dev"), component("api"), 4280)


def test_nothing_waits_for_people_by_default() -> None:
    documents: tuple[Document, ...] = (*rendered("default"), *overlay("manifests"))
    assert not [pod.owner for pod in pods(documents) if pod.component == "toolbox"]


# Runs what comes after `exec … --` here; keeps the Secret as a file.
_KUBECTL = """#!/bin/sh
case "$*" in
    *"get secret "*) cat "$STATE/secret" 2>/dev/null || true ;;
    *" exec -i "*) while [ "$1" != -- ]; do shift; done; shift; exec "$@" ;;
    *"apply -f -") sed -n 's/^  tokens.json: //p' | tr -d '\\n' > "$STATE/secret" ;;
    *) exit 2 ;;
esac
"""


def _tokens(state: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    for name, text in {
        "kubectl": _KUBECTL,
        "harness": f'#!/bin/sh\nexec {sys.executable} -m harness "$@"\n',
    }.items():
        (state / name).write_text(text, encoding="utf-8")
        (state / name).chmod(0o755)
    return subprocess.run(
        [str(K8S / "tokens.sh"), *arguments],
        env=os.environ | {
            "KUBECTL": str(state / "kubectl"), "STATE": str(state), "HOME": str(state),
            "PATH": f"{state}:{os.environ['PATH']}", "PYTHONPATH": str(K8S.parent),
        },
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_tokens_are_made_beside_those_that_exist_and_a_failure_loses_none(tmp_path: Path) -> None:
    import base64

    for name in ("ci", "me"):
        done = _tokens(tmp_path, "create", "--name", name, "--scope", "read")
        assert done.returncode == 0, done.stderr
    text = next(word for word in done.stderr.split() if word.startswith("harness_"))
    kept = tmp_path / "tokens.json"
    kept.write_bytes(base64.b64decode((tmp_path / "secret").read_text()))
    tokens = Tokens(kept)
    assert [token.name for token in tokens.listing()] == ["ci", "me"]
    caller = tokens.find(text)
    assert caller is not None and caller.grants[0].scope is Scope.READ
    before = (tmp_path / "secret").read_text()
    assert _tokens(tmp_path, "create", "--name", "ci", "--scope", "read").returncode != 0
    assert (tmp_path / "secret").read_text() == before
    assert text not in before and text not in json.dumps(yaml.safe_load(kept.read_text()))
