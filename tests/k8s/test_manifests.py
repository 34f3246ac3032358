"""The rendered manifests are the chart's, and kustomize accepts them and every overlay."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.k8s import render
from tests.k8s.documents import K8S, OVERLAYS, kind, overlay

NEEDS_TOOLS = True


def test_manifests_are_up_to_date() -> None:
    wanted, found = render.manifests(), render.committed()
    assert sorted(found) == sorted(wanted)
    for name, text in wanted.items():
        assert found[name] == text, f"{name} differs from the chart: run `make manifests`"


@pytest.mark.parametrize("name", ["manifests", *OVERLAYS])
@pytest.mark.parametrize("version", ["1.30", "1.37"])
def test_kustomized_documents_fit_the_schemas(
    name: str, version: str, validate_schema: Callable[[dict[str, object], str], None]
) -> None:
    documents = overlay(name)
    assert len(documents) > 30
    for document in documents:
        validate_schema(document, version)


def test_overlays_are_small() -> None:
    for name in OVERLAYS:
        lines = sum(
            len(path.read_text(encoding="utf-8").splitlines())
            for path in (K8S / "overlays" / name).glob("*.yaml")
        )
        assert lines <= 80, f"{name}: what is this long belongs in the chart"


def test_the_minikube_claim_binds_to_its_volume() -> None:
    documents = overlay("minikube")
    (volume,) = kind(documents, "PersistentVolume")
    (claim,) = [
        claim
        for claim in kind(documents, "PersistentVolumeClaim")
        if claim["metadata"]["name"] == volume["spec"]["claimRef"]["name"]
    ]
    assert claim["spec"]["volumeName"] == volume["metadata"]["name"]
    assert claim["spec"]["storageClassName"] == volume["spec"]["storageClassName"] == ""
    assert claim["metadata"]["namespace"] == volume["spec"]["claimRef"]["namespace"]
    assert claim["spec"]["accessModes"] == volume["spec"]["accessModes"]


def test_the_ha_overlay_makes_a_qdrant_cluster_as_the_chart_does() -> None:
    from tests.k8s.documents import rendered

    def server(documents: tuple[dict[str, object], ...]) -> dict[str, object]:
        (found,) = [d for d in kind(documents, "StatefulSet") if d["metadata"]["name"] == "qdrant"]
        container = found["spec"]["template"]["spec"]["containers"][0]
        return {
            "replicas": found["spec"]["replicas"],
            "command": container["command"] + container["args"],
            "cluster": {"name": "QDRANT__CLUSTER__ENABLED", "value": "true"} in container["env"],
            "ports": sorted(port["containerPort"] for port in container["ports"]),
        }

    assert server(overlay("ha")) == server(rendered("ha"))
