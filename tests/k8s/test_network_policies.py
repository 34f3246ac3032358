"""Who may reach whom, computed from the rendered policies, against the table in the docs."""

from __future__ import annotations

import itertools

import pytest

from tests.k8s.documents import ROOT, VALUES_SETS, Document, kind, overlay, pods, rendered
from tests.k8s.policies import Place, Policies, allowed, component, passes

NEEDS_TOOLS = True
DNS = Place("DNS", (("k8s-app", "kube-dns"),), namespace="kube-system")
KUBERNETES = Place("Kubernetes API", address="10.96.0.1")
INTERNET = Place("internet", address="203.0.113.9")
NEIGHBOUR = Place("other address inside", address="10.1.2.3")
STRANGER = Place("other namespace", namespace="default")
SOURCES = ("job", "toolbox", "api", "worker", "webhook", "bootstrap", "prefect-server", "postgres",
           "ollama", "qdrant")  # fmt: skip
PORTS = {
    "ollama": [11434], "qdrant": [6333, 6334, 6335], "prefect-server": [4200],
    "postgres": [5432], "api": [4280], "webhook": [8080],
}  # fmt: skip
# Every port that anything listens on or is allowed to, and some that nothing should be.
PROBED = [22, 80, 443, 4200, 4280, 5432, 5678, 6333, 6334, 6335, 6443, 8080, 8443, 11434]


def _policies(documents: tuple[Document, ...]) -> Policies:
    return tuple(kind(documents, "NetworkPolicy"))


def _cell(policies: Policies, source: Place, target: Place, ports: list[int]) -> str:
    return ", ".join(str(port) for port in ports if allowed(policies, source, target, port)) or "–"


def matrix(policies: Policies) -> list[list[str]]:
    """The table of docs/kubernetes.md, header first."""
    table = [["from \\ to", *PORTS, "DNS", "Kubernetes API", "internet"]]
    places = [component(name) for name in SOURCES]
    for source in [*places, STRANGER]:
        cells = [_cell(policies, source, component(target), PORTS[target]) for target in PORTS]
        if source is STRANGER:
            cells += ["", "", ""]
        else:
            dns = all(allowed(policies, source, DNS, 53, proto) for proto in ("UDP", "TCP"))
            cells += ["53" if dns else "–"]
            cells += [_cell(policies, source, KUBERNETES, [443, 6443, 8443])]
            cells += [_cell(policies, source, INTERNET, [80, 443])]
        table.append([source.name, *cells])
    return table


def test_the_table_in_the_docs_is_true() -> None:
    text = (ROOT / "docs" / "kubernetes.md").read_text(encoding="utf-8")
    block = text.split("<!-- network matrix -->")[1].split("<!-- end -->")[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in block.strip().splitlines()
        if not set(line) <= set("|- :")
    ]
    assert rows == matrix(_policies(rendered("default")))


@pytest.mark.parametrize("name", ["manifests", "minikube", "gpu"])
def test_kustomized_policies_give_the_same_table(name: str) -> None:
    assert matrix(_policies(overlay(name))) == matrix(_policies(rendered("default")))


def test_the_ha_overlay_adds_only_the_peers() -> None:
    usual, cluster = matrix(_policies(rendered("default"))), matrix(_policies(overlay("ha")))
    changed = [
        (usual[row][0], usual[0][column], cluster[row][column])
        for row in range(len(usual))
        for column in range(len(usual[0]))
        if usual[row][column] != cluster[row][column]
    ]
    # 6333: a peer that lacks a shard fetches it from another one as a snapshot.
    assert changed == [("qdrant", "qdrant", "6333, 6335")]


def _reached(
    policies: Policies, source: Place, documents: tuple[Document, ...]
) -> set[tuple[str, int]]:
    targets = {pod.component for pod in pods(documents)} | {"job"}
    inside = {(t, p) for t in targets for p in PROBED if allowed(policies, source, component(t), p)}
    outside = {
        (place.name, port)
        for place in (KUBERNETES, INTERNET, NEIGHBOUR)
        for port in PROBED
        if allowed(policies, source, place, port)
    }
    return inside | outside


def test_a_job_reaches_nothing_else() -> None:
    documents = rendered("default")
    assert _reached(_policies(documents), component("job"), documents) == {
        ("ollama", 11434), ("qdrant", 6333), ("qdrant", 6334), ("prefect-server", 4200),
    }  # fmt: skip


def test_jobs_of_external_services_reach_those_addresses_only() -> None:
    policies = _policies(rendered("external"))
    job = component("job")
    for address, port in (("192.0.2.11", 11434), ("192.0.2.12", 6333), ("192.0.2.13", 443)):
        assert allowed(policies, job, Place("outside", address=address), port)
        assert not allowed(policies, job, Place("outside", address=address), 22)
    assert not allowed(policies, job, INTERNET, 443)


def test_git_servers_are_opened_by_name_only() -> None:
    job, server = component("job"), Place("git", address="192.0.2.10")
    assert allowed(_policies(rendered("ha")), job, server, 443)
    assert not allowed(_policies(rendered("default")), job, server, 443)
    assert not allowed(_policies(rendered("ha")), job, INTERNET, 443)


def test_without_pulls_nothing_leaves() -> None:
    documents = rendered("airgap")
    policies = _policies(documents)
    for pod in pods(documents):
        assert not allowed(policies, component(pod.component), INTERNET, 443), pod.owner
    assert allowed(policies, component("worker"), Place("API", address="10.0.0.1"), 6443)
    assert not allowed(policies, component("worker"), KUBERNETES, 443)


BACKUP = Place("backup job", (("app.kubernetes.io/component", "job"), ("harness/reach", "backup")))
RESULTS = Place("task", (("app.kubernetes.io/component", "job"), ("harness/reach", "results")))
STORAGE = Place("object storage", address="192.0.2.40")


def test_only_backups_reach_the_database_and_the_storage() -> None:
    policies = _policies(rendered("ha"))
    for source in (BACKUP, component("toolbox")):
        assert allowed(policies, source, component("postgres"), 5432)
        assert allowed(policies, source, STORAGE, 443)
        assert not allowed(policies, source, STORAGE, 80)
    for name in ("job", "api", "worker", "webhook", "bootstrap"):
        assert not allowed(policies, component(name), component("postgres"), 5432), name
        # The worker may go to any address on 443, where the Kubernetes API may be.
        assert name == "worker" or not allowed(policies, component(name), STORAGE, 443), name
    # Those of tasks reach the storage, where it keeps results, and no database.
    assert allowed(policies, RESULTS, STORAGE, 443)
    assert not allowed(policies, RESULTS, component("postgres"), 5432)
    without = rendered("ha", 4, "--set", "results.url=")
    assert not allowed(_policies(without), RESULTS, STORAGE, 443)
    assert not allowed(_policies(rendered("default")), BACKUP, STORAGE, 443)
    # Both ends.
    assert passes(policies, "Ingress", component("postgres"), BACKUP, 5432)
    assert not passes(policies, "Ingress", component("postgres"), component("job"), 5432)


def test_backups_reach_a_database_outside() -> None:
    documents = rendered("external-database")
    (database,) = [d for d in kind(documents, "NetworkPolicy") if d["metadata"]["name"] == "backup"]
    blocks = [
        block["ipBlock"]["cidr"] for rule in database["spec"]["egress"] for block in rule["to"]
    ]
    policies = _policies(documents)
    assert blocks
    for block in blocks:
        place = Place("database", address=block.partition("/")[0])
        assert allowed(policies, BACKUP, place, 5432)
        assert not allowed(policies, component("job"), place, 5432)


def test_a_model_server_does_not_reach_its_neighbours() -> None:
    policies = _policies(rendered("default"))
    assert allowed(policies, component("ollama"), INTERNET, 443)
    assert not allowed(policies, component("ollama"), NEIGHBOUR, 443)
    assert not allowed(policies, component("ollama"), KUBERNETES, 443)


@pytest.mark.parametrize("values_set", VALUES_SETS)
def test_strangers_come_in_only_where_a_namespace_is_named(values_set: str) -> None:
    documents = rendered(values_set)
    policies = _policies(documents)
    for pod in pods(documents):
        for port in PROBED:
            assert not allowed(policies, STRANGER, component(pod.component), port), pod.owner


@pytest.mark.parametrize("values_set", VALUES_SETS)
def test_default_deny_selects_everything(values_set: str) -> None:
    (deny,) = [
        policy["spec"]
        for policy in _policies(rendered(values_set))
        if policy["metadata"]["name"] == "default-deny"
    ]
    assert deny == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


@pytest.mark.parametrize("values_set", VALUES_SETS)
def test_neither_end_of_a_connection_allows_more_than_the_other(values_set: str) -> None:
    # A connection needs both ends, so the table does not see a rule that is too wide at one.
    documents = rendered(values_set)
    policies = _policies(documents)
    names = {pod.component for pod in pods(documents)} | {"job"}
    for source, target in itertools.product(names, names):
        for port in PROBED:
            out = passes(policies, "Egress", component(source), component(target), port)
            into = passes(policies, "Ingress", component(target), component(source), port)
            assert out == into, f"{source} -> {target}:{port}"
