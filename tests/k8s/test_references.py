"""What one document names in another exists: what no schema checks."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from tests.k8s.documents import (
    K8S,
    OVERLAYS,
    VALUES_SETS,
    Document,
    kind,
    matches,
    overlay,
    pods,
    rendered,
)

NEEDS_TOOLS = True
_QUANTITY = re.compile(r"^\d+(\.\d+)?(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$")
_EXAMPLES = list(yaml.safe_load_all((K8S / "secrets.example.yaml").read_text(encoding="utf-8")))
EXAMPLE_SECRETS = {secret["metadata"]["name"]: set(secret["stringData"]) for secret in _EXAMPLES}
# Named by a values set of the tests, or by an optional part; their keys are in values.yaml.
OTHER_SECRETS = {
    "qdrant-tls": {"tls.crt", "tls.key", "ca.crt"},
    "team-postgres": {"connection-url"},
    "harness-n8n": {"N8N_ENCRYPTION_KEY"},
    "team-ca": {"ca.crt"},
    "harness-results": {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "HARNESS_RESULTS_KEY"},
    "team-notifications": {"HARNESS_NOTIFY_URL"},
}
SECRETS = EXAMPLE_SECRETS | OTHER_SECRETS
# They load, replay or migrate first what has grown for years.
SLOW_STARTS = {"qdrant", "postgres", "prefect-server"}
EXISTING_CLAIMS = {"team-repositories", "team-backups"}


def _sources() -> list[Any]:
    sets = [pytest.param(rendered, name, id=name) for name in VALUES_SETS]
    overlays = [pytest.param(overlay, name, id=f"kustomize-{name}") for name in
                ("manifests", *OVERLAYS)]  # fmt: skip
    return [*sets, *overlays]


every_source = pytest.mark.parametrize(("source", "name"), _sources())


def _names(documents: tuple[Document, ...], wanted: str) -> set[str]:
    return {document["metadata"]["name"] for document in kind(documents, wanted)}


@every_source
def test_selectors_hit_their_pods(source: Any, name: str) -> None:
    documents = source(name)
    labels = [pod.labels for pod in pods(documents)]
    for document in documents:
        spec = document.get("spec") or {}
        if document["kind"] in {"Deployment", "StatefulSet"}:
            assert matches(spec["selector"], spec["template"]["metadata"]["labels"])
        elif document["kind"] == "Service":
            hit = [one for one in labels if matches({"matchLabels": spec["selector"]}, one)]
            assert hit, f"{document['metadata']['name']} selects nothing"
        elif document["kind"] == "PodDisruptionBudget":
            assert any(matches(spec["selector"], one) for one in labels)
            assert "minAvailable" not in spec
            assert spec["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
        elif document["kind"] == "NetworkPolicy":
            # Jobs of flow runs are not in the chart; the helm test pod stands for them.
            found = any(matches(spec["podSelector"], one) for one in labels)
            # The toolbox's also serves a pod that somebody starts to chat; others are Jobs, too.
            is_other = document["metadata"]["name"] in {"job", "backup", "results", "toolbox"}
            assert found or is_other, f"{document['metadata']['name']} selects nothing"


@every_source
def test_one_controller_owns_a_pod(source: Any, name: str) -> None:
    selectors = [
        document["spec"]["selector"]
        for document in source(name)
        if document["kind"] in {"Deployment", "StatefulSet"}
    ]
    for pod in pods(source(name)):
        assert sum(matches(selector, pod.labels) for selector in selectors) <= 1, pod.owner


@every_source
def test_every_reference_resolves(source: Any, name: str) -> None:
    documents = source(name)
    maps = {d["metadata"]["name"]: set(d["data"]) for d in kind(documents, "ConfigMap")}
    claims = _names(documents, "PersistentVolumeClaim") | EXISTING_CLAIMS
    accounts = _names(documents, "ServiceAccount")
    for pod in pods(documents):
        assert pod.spec["serviceAccountName"] in accounts, pod.owner
        volumes = {volume["name"]: volume for volume in pod.spec.get("volumes", [])}
        for volume in volumes.values():
            if "persistentVolumeClaim" in volume:
                assert volume["persistentVolumeClaim"]["claimName"] in claims, pod.owner
            if "configMap" in volume:
                assert volume["configMap"]["name"] in maps, pod.owner
            for one in volume.get("projected", {}).get("sources", []):
                keys = {item["key"] for item in one["secret"]["items"]}
                assert keys <= SECRETS[one["secret"]["name"]], pod.owner
            if "secret" in volume and not volume["secret"].get("optional"):
                assert volume["secret"]["secretName"] in SECRETS, pod.owner
        mountable = set(volumes) | set(pod.claim_templates)
        for container in pod.containers():
            mounts = {mount["name"] for mount in container.get("volumeMounts", [])}
            assert mounts <= mountable, pod.owner
            for entry in container.get("envFrom", []):
                if "configMapRef" in entry:
                    assert entry["configMapRef"]["name"] in maps
                else:
                    assert entry["secretRef"]["name"] in SECRETS
            for entry in container.get("env", []):
                if reference := entry.get("valueFrom", {}).get("secretKeyRef"):
                    assert reference["key"] in SECRETS[reference["name"]], (pod.owner, reference)
        used = {m["name"] for c in pod.containers() for m in c.get("volumeMounts", [])}
        assert used == mountable, f"{pod.owner} has a volume that nothing mounts"


@every_source
def test_ports_of_probes_and_services_exist(source: Any, name: str) -> None:
    documents = source(name)
    for pod in pods(documents):
        for container in pod.containers():
            ports = {port["name"] for port in container.get("ports", [])}
            for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                found = container.get(probe)
                if found is None:
                    continue
                if "httpGet" in found:
                    assert found["httpGet"]["port"] in ports, pod.owner
                if pod.component == "postgres":
                    # By the socket it is ready once for the server that makes the database.
                    assert "-h" in found["exec"]["command"], probe
                # Kubernetes' own second is too short for a busy node or a slow disk.
                assert found["timeoutSeconds"] >= 5, (pod.owner, probe)
                if probe == "livenessProbe":
                    assert found["periodSeconds"] * found["failureThreshold"] >= 60, pod.owner
                starts = probe == "startupProbe" and pod.component in SLOW_STARTS
                if starts:
                    assert found["periodSeconds"] * found["failureThreshold"] >= 1800, pod.owner
    for service in kind(documents, "Service"):
        selected = [
            pod
            for pod in pods(documents)
            if matches({"matchLabels": service["spec"]["selector"]}, pod.labels)
        ]
        for port in service["spec"]["ports"]:
            named = [
                offered["containerPort"]
                for pod in selected
                for container in pod.containers()
                for offered in container.get("ports", [])
                if offered["name"] == port["targetPort"]
            ]
            assert named == [port["port"]], (service["metadata"]["name"], port)


@every_source
def test_stateful_sets_have_their_headless_service(source: Any, name: str) -> None:
    documents = source(name)
    services = {service["metadata"]["name"]: service for service in kind(documents, "Service")}
    for stateful in kind(documents, "StatefulSet"):
        service = services[stateful["spec"]["serviceName"]]
        assert service["spec"]["clusterIP"] == "None"
        name = stateful["metadata"]["name"]
        # Prefect's server reaches its database by this name alone.
        if stateful["spec"]["replicas"] > 1 or name == "postgres":
            assert service["spec"]["publishNotReadyAddresses"] is True, name
        if stateful["spec"]["replicas"] > 1:
            assert stateful["spec"]["podManagementPolicy"] == "Parallel"


@every_source
def test_a_volume_for_one_node_is_never_rolled(source: Any, name: str) -> None:
    documents = source(name)
    single = {
        claim["metadata"]["name"]
        for claim in kind(documents, "PersistentVolumeClaim")
        if claim["spec"]["accessModes"] == ["ReadWriteOnce"]
    }
    for deployment in kind(documents, "Deployment"):
        volumes = deployment["spec"]["template"]["spec"].get("volumes", [])
        used = {v["persistentVolumeClaim"]["claimName"] for v in volumes
                if "persistentVolumeClaim" in v}  # fmt: skip
        if used & single:
            assert deployment["spec"]["strategy"] == {"type": "Recreate"}


@every_source
def test_quantities_parse_and_every_container_has_them(source: Any, name: str) -> None:
    for pod in pods(source(name)):
        for container in pod.containers():
            for side in ("requests", "limits"):
                amounts = container["resources"][side]
                assert {"cpu", "memory"} <= set(amounts), (pod.owner, container["name"])
                for amount in amounts.values():
                    assert _QUANTITY.match(str(amount)), (pod.owner, amount)
        for volume in pod.spec.get("volumes", []):
            if "emptyDir" in volume:
                assert _QUANTITY.match(volume["emptyDir"]["sizeLimit"]), pod.owner


@every_source
def test_lists_that_a_server_side_apply_merges_have_no_key_twice(source: Any, name: str) -> None:
    """`kubectl apply --server-side`, Argo CD and Helm 4: the API server refuses such a list.

    The keys are those of the API's schema (x-kubernetes-list-map-keys).
    """
    for pod in pods(source(name)):
        _once(pod.spec.get("volumes", []), pod.owner, "name")
        _once(pod.containers(), pod.owner, "name")
        for container in pod.containers():
            where = f"{pod.owner}/{container['name']}"
            _once(container.get("env", []), where, "name")
            _once(container.get("ports", []), where, "containerPort", "protocol")
            _once(container.get("volumeMounts", []), where, "mountPath")
    for service in kind(source(name), "Service"):
        _once(service["spec"]["ports"], service["metadata"]["name"], "port", "protocol")


def _once(entries: list[Document], where: str, *keys: str) -> None:
    found = [tuple(entry.get(key) for key in keys) for entry in entries]
    assert len(found) == len(set(found)), (where, found)


@every_source
def test_images_are_pinned(source: Any, name: str) -> None:
    for pod in pods(source(name)):
        for container in pod.containers():
            tag = container["image"].partition("@")[0].rpartition("/")[2].partition(":")[2]
            assert tag and tag != "latest", container["image"]


@every_source
def test_no_secret_value_is_in_a_document(source: Any, name: str) -> None:
    documents = source(name)
    assert not kind(documents, "Secret")
    for pod in pods(documents):
        for container in pod.containers():
            for entry in container.get("env", []):
                if re.search(r"(PASSWORD|API_KEY|AUTH_STRING|SECRET|ENCRYPTION_KEY)$",
                             entry["name"]):  # fmt: skip
                    assert "value" not in entry, (pod.owner, entry["name"])


@every_source
def test_services_are_reached_inside_the_cluster_only(source: Any, name: str) -> None:
    # A values set that asks for more, and only where it asks.
    if name == "scheduling":
        return
    for service in kind(source(name), "Service"):
        assert service["spec"].get("type", "ClusterIP") == "ClusterIP"


@every_source
def test_nothing_is_null(source: Any, name: str) -> None:
    # A template that renders an empty key leaves null, which a server may refuse or default.
    def walk(value: object, path: str) -> None:
        assert value is not None, path
        if isinstance(value, dict):
            for key, inner in value.items():
                walk(inner, f"{path}.{key}")
        elif isinstance(value, list):
            for index, inner in enumerate(value):
                walk(inner, f"{path}[{index}]")

    for document in source(name):
        walk(document, f"{document['kind']}/{document['metadata']['name']}")
