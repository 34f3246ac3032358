"""Every pod meets Pod Security "restricted", and only the worker may talk to Kubernetes."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

import pytest

from tests.k8s.documents import (
    K8S,
    OVERLAYS,
    ROOT,
    VALUES_SETS,
    kind,
    overlay,
    pods,
    rendered,
    run,
)
from tests.k8s.pod_security import findings

NEEDS_TOOLS = True
# Exactly what prefect-kubernetes 0.8 calls; Secrets are not among it.
WORKER_RULES = [
    ([""], ["pods", "pods/log", "pods/status", "events"], ["get", "list", "watch"]),
    (
        ["batch"], ["jobs"], ["get", "list", "watch", "create", "update", "patch", "delete"],
    ),
]  # fmt: skip


@pytest.mark.parametrize("values_set", VALUES_SETS)
def test_charts_pods_are_restricted(values_set: str) -> None:
    for pod in pods(rendered(values_set)):
        assert findings(pod.spec) == [], pod.owner


@pytest.mark.parametrize("name", ["manifests", *OVERLAYS])
def test_kustomized_pods_are_restricted(name: str) -> None:
    for pod in pods(overlay(name)):
        assert findings(pod.spec) == [], pod.owner


def test_namespace_enforces_the_level() -> None:
    (namespace,) = kind(overlay("manifests"), "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        pytest.param({"hostNetwork": True}, "hostNetwork", id="host network"),
        pytest.param(
            {"volumes": [{"name": "node", "hostPath": {"path": "/"}}]}, "volume node", id="hostPath"
        ),
        pytest.param({"securityContext": {}}, "runAsUser", id="root"),
    ],
)
def test_the_check_itself_finds(change: dict[str, Any], finding: str) -> None:
    pod = next(pod for pod in pods(rendered("default")) if pod.component == "api")
    spec = copy.deepcopy(pod.spec) | change
    assert any(finding in text for text in findings(spec))


def test_the_throw_away_chat_pod_is_restricted_and_fits_the_release() -> None:
    spec = json.loads((K8S / "chat-pod.json").read_text(encoding="utf-8"))["spec"]
    assert findings(spec) == []
    with_toolbox = rendered("default", 4, "--set", "toolbox.enabled=true")
    (toolbox,) = [pod for pod in pods(with_toolbox) if pod.component == "toolbox"]
    assert spec["serviceAccountName"] == toolbox.spec["serviceAccountName"]
    (chat,), (container,) = spec["containers"], toolbox.spec["containers"]
    # It makes and restores no backups, fetches no results, and does not know their Secrets.
    backup = {"secretRef": {"name": "harness-backup", "optional": True}}
    assert [*chat["envFrom"], backup] == container["envFrom"]
    assert not [e for e in chat["env"] if "harness-results" in json.dumps(e)]
    # A throw-away pod registers no repositories and makes no backups.
    folders = {mount["mountPath"] for mount in container["volumeMounts"]}
    folders -= {"/backups", "/etc/harness/repositories"}
    assert {mount["mountPath"] for mount in chat["volumeMounts"]} == folders
    assert _claims(spec) < _claims(toolbox.spec)


def test_the_throw_away_chat_pod_of_openshift_names_no_ids() -> None:
    text = (ROOT / "docs" / "kubernetes.md").read_text(encoding="utf-8")
    (script,) = re.findall(r"\$\(sed '([^']+)' k8s/chat-pod\.json\)", text)
    done = run("sed", script, K8S / "chat-pod.json")
    assert findings(json.loads(done.stdout)["spec"], fixed_ids=False) == []


def _claims(spec: dict[str, Any]) -> set[str]:
    sources = [volume.get("persistentVolumeClaim") for volume in spec["volumes"]]
    return {source["claimName"] for source in sources if source}


@pytest.mark.parametrize("values_set", VALUES_SETS)
def test_only_the_worker_has_a_token(values_set: str) -> None:
    documents = rendered(values_set)
    for account in kind(documents, "ServiceAccount"):
        assert account["automountServiceAccountToken"] is False
    mounted = {p.component for p in pods(documents) if p.spec["automountServiceAccountToken"]}
    # The hook exists for the moment of an uninstallation.
    assert mounted - {"uninstall"} == {"worker"}


@pytest.mark.parametrize("values_set", VALUES_SETS)
def test_rights_are_no_wider_than_the_list(values_set: str) -> None:
    documents = rendered(values_set)
    assert not kind(documents, "ClusterRole") and not kind(documents, "ClusterRoleBinding")
    role, *hooks = sorted(kind(documents, "Role"), key=lambda one: str(one["metadata"]["name"]))
    for hook in hooks:
        assert hook["metadata"]["annotations"]["helm.sh/hook"] == "post-delete"
        assert [rule["verbs"] for rule in hook["rules"]] == [["deletecollection"]]
    rules = [(rule["apiGroups"], rule["resources"], rule["verbs"]) for rule in role["rules"]]
    assert rules == WORKER_RULES
    binding, *_ = sorted(
        kind(documents, "RoleBinding"), key=lambda one: str(one["metadata"]["name"])
    )
    assert [subject["name"] for subject in binding["subjects"]] == ["prefect-worker"]
    users = {p.component for p in pods(documents)
             if p.spec["serviceAccountName"] == "prefect-worker"}  # fmt: skip
    assert users == {"worker"}


@pytest.mark.parametrize("values_set", VALUES_SETS)
def test_the_webhook_secret_stays_with_the_webhook(values_set: str) -> None:
    for pod in pods(rendered(values_set)):
        names = {entry["name"] for c in pod.containers() for entry in c.get("env", [])}
        if pod.component != "webhook":
            assert "HARNESS_WEBHOOK_SECRET" not in names, pod.owner
