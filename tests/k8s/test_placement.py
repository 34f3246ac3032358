"""Several nodes and small ones: who has to share a node, what an idle release reserves."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

from deployments.job_template import with_defaults
from tests.k8s import jobs
from tests.k8s.documents import ROOT, Document, job_defaults, kind, matches, pods, rendered

NEEDS_TOOLS = True
GIB = 1024**3
_UNITS = {"": 1.0, "m": 0.001, "Ki": 1024.0, "Mi": 1024.0**2, "Gi": 1024.0**3}


def amount(text: str) -> float:
    """A quantity: cores or bytes."""
    match = re.fullmatch(r"([\d.]+)(m|Ki|Mi|Gi)?", text)
    assert match, text
    return float(match[1]) * _UNITS[match[2] or ""]


def _job(values_set: str) -> tuple[dict[str, str], Document]:
    job = jobs.build(base=with_defaults(job_defaults(rendered(values_set))))
    return job["spec"]["template"]["metadata"]["labels"], jobs.pod(job)


def _terms(spec: Document) -> list[Document]:
    affinity = spec.get("affinity", {}).get("podAffinity", {})
    found: list[Document] = affinity.get("requiredDuringSchedulingIgnoredDuringExecution", [])
    return found


def _shared_claims(documents: tuple[Document, ...]) -> set[str]:
    _, job = _job("default")
    return {
        volume["persistentVolumeClaim"]["claimName"]
        for volume in job["volumes"]
        if "persistentVolumeClaim" in volume
    } | {"harness-backups"}


def test_pods_that_share_a_claim_for_one_node_have_to_be_on_it() -> None:
    documents = rendered("default", 4, "--set", "toolbox.enabled=true")
    labels, job = _job("default")
    sharing = [(labels, job)]
    for pod in pods(documents):
        claims = {
            volume["persistentVolumeClaim"]["claimName"]
            for volume in pod.spec.get("volumes", [])
            if "persistentVolumeClaim" in volume
        }
        if claims & _shared_claims(documents):
            sharing.append((pod.labels, pod.spec))
        else:
            assert not _terms(pod.spec), f"{pod.owner} is bound to a node without need"
    chat = json.loads((ROOT / "k8s" / "chat-pod.json").read_text(encoding="utf-8"))["spec"]
    sharing.append(({"app.kubernetes.io/component": "toolbox"}, chat))
    assert len(sharing) == 5, "a Job, what binds the claims, the toolbox, a chat, the test's pod"
    for _, spec in sharing:
        (term,) = _terms(spec)
        assert term["topologyKey"] == "kubernetes.io/hostname"
        # Each selects all of them, itself included: otherwise the first one could start nowhere.
        assert all(matches(term["labelSelector"], other) for other, _ in sharing)


def test_volumes_for_many_nodes_bind_nobody() -> None:
    _, job = _job("ha")
    assert not _terms(job)
    assert job["topologySpreadConstraints"]
    # The operator's own affinity is kept beside ours.
    _, other = _job("scheduling")
    assert "nodeAffinity" in other["affinity"] and len(_terms(other)) == 1


def test_no_other_pods_share_a_claim() -> None:
    holders: dict[str, set[str]] = {}
    for pod in pods(rendered("default", 4, "--set", "toolbox.enabled=true")):
        for volume in pod.spec.get("volumes", []):
            if claim := volume.get("persistentVolumeClaim"):
                holders.setdefault(claim["claimName"], set()).add(pod.component)
    shared = {claim for claim, components in holders.items() if len(components) > 1}
    assert shared == {"harness-repositories", "harness-results", "harness-backups"}


@pytest.mark.parametrize("values_set", ["default", "ha", "external", "small"])
def test_every_claim_is_wanted_by_a_pod_from_the_start(values_set: str) -> None:
    """Classes with WaitForFirstConsumer bind no other, and `helm --wait` waits for all of them."""
    documents = rendered(values_set)
    wanted = {
        volume["persistentVolumeClaim"]["claimName"]
        for pod in pods(documents)
        if not pod.owner.startswith("Pod/")  # that of `helm test`
        for volume in pod.spec.get("volumes", [])
        if "persistentVolumeClaim" in volume
    }
    assert {
        claim["metadata"]["name"] for claim in kind(documents, "PersistentVolumeClaim")
    } <= wanted


@pytest.mark.parametrize(("lives", "has_volume"), [(True, False), (True, True), (False, False)])
def test_a_first_peer_that_lost_its_volume_begins_no_second_cluster(
    tmp_path: Path, lives: bool, has_volume: bool
) -> None:
    (script,) = next(
        pod.spec["containers"][0]["args"]
        for pod in pods(rendered("ha"))
        if pod.component == "qdrant"
    )
    assert "for other in qdrant-1 qdrant-2;" in script
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        if not lives:
            other.close()
        # Its peers are on this machine, and the program only says what it was given.
        local = re.sub(r"\$other\.qdrant-headless/6335", f"127.0.0.1/{port}", script)
        (tmp_path / "storage").mkdir()
        if has_volume:
            (tmp_path / "storage" / "raft_state.json").touch()
        (tmp_path / "entrypoint.sh").write_text('#!/bin/sh\necho "started $*"\n')
        (tmp_path / "entrypoint.sh").chmod(0o755)
        done = subprocess.run(
            ["/bin/bash", "-c", local], cwd=tmp_path, env=os.environ | {"POD_NAME": "qdrant-0"},
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    refused = lives and not has_volume
    assert done.returncode == (1 if refused else 0), done.stderr
    assert ("started --uri http://qdrant-0" in done.stdout) == (not refused)
    assert ("has an empty volume" in done.stderr) == refused


def _reserved(documents: tuple[Document, ...]) -> tuple[float, float, float]:
    """Cores, bytes of memory and bytes of disk that a release without work reserves."""
    cpu = memory = disk = 0.0
    for document in documents:
        if document["kind"] in {"Deployment", "StatefulSet"}:
            spec = document["spec"]
            for container in spec["template"]["spec"]["containers"]:
                requests = container["resources"]["requests"]
                cpu += spec["replicas"] * amount(requests["cpu"])
                memory += spec["replicas"] * amount(requests["memory"])
            disk += spec["replicas"] * _disk(spec.get("volumeClaimTemplates", []))
    return cpu, memory, disk + _disk(kind(documents, "PersistentVolumeClaim"))


def _disk(claims: Iterable[dict[str, Any]]) -> float:
    return sum(amount(claim["spec"]["resources"]["requests"]["storage"]) for claim in claims)


def test_an_idle_release_reserves_half_of_what_the_first_chart_did() -> None:
    cpu, memory, _ = _reserved(rendered("default"))
    assert cpu <= 3.45 / 2 and memory <= 10.6 * GIB / 2, (cpu, memory / GIB)


def test_the_small_set_leaves_room_for_a_job_on_one_node_with_8_gb() -> None:
    cpu, memory, disk = _reserved(rendered("small"))
    deployments = jobs.deployments()
    variables = deployments["index-repository"]
    # A kubelet keeps about a tenth for itself, and the cluster's own pods ask for about 400 Mi.
    free = 0.9 * 8e9 - 400 * 1024**2
    assert memory + amount(variables["memory_request"]) <= free, memory / GIB
    assert cpu + amount(variables["cpu_request"]) <= 2 * 0.9, cpu
    assert disk <= 30 * GIB
    # Whatever the model and a Job do, they do not take the node down.
    limit = sum(
        amount(container["resources"]["limits"]["memory"])
        for pod in pods(rendered("small"))
        if pod.component == "ollama"
        for container in pod.containers()
    )
    assert limit <= 3 * GIB


def test_what_an_idle_release_reserves_is_what_the_docs_say() -> None:
    text = (ROOT / "docs" / "kubernetes.md").read_text(encoding="utf-8")
    for name, values_set in (("default", "default"), ("`ci/small.yaml`", "small")):
        cpu, memory, disk = _reserved(rendered(values_set))
        row = f"| {name} | {cpu:.2f} | {memory / GIB:.1f} Gi | {disk / GIB:.0f} Gi |"
        assert row in text, row


def test_runs_at_the_same_time_are_limited_where_it_holds() -> None:
    (pod,) = (pod for pod in pods(rendered("default")) if pod.component == "bootstrap")
    at_once = re.search(r"--at-once (\d+)", pod.spec["containers"][0]["args"][0])
    assert at_once
    entries = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))["deployments"]
    limits = {e["name"]: (e.get("concurrency_limit") or {}).get("limit") for e in entries}
    # Those that wait for other runs of the pool must leave room for these.
    waiting = [limits[name] for name in ("nightly-index", "sync-repositories", "agent-batch")]
    assert None not in waiting and sum(waiting) < 6 <= int(at_once[1])
    assert limits["index-repository"] and limits["agent-task"]
