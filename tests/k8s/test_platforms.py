"""Each platform lints, fits the schemas, is restricted, and reaches its DNS and API, no more."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from deployments.job_template import with_defaults
from tests.k8s import jobs, tools
from tests.k8s.documents import (
    CHART,
    PLATFORMS,
    ROOT,
    Document,
    job_defaults,
    kind,
    on,
    pods,
    rendered,
    run,
    versions_of,
)
from tests.k8s.pod_security import findings
from tests.k8s.policies import Place, Policies, allowed, component
from tests.k8s.test_network_policies import matrix

NEEDS_TOOLS = True
_Dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
each_platform = pytest.mark.parametrize("platform", PLATFORMS)
API = [443, 6443, 8443, 16443]


def _pod(name: str, namespace: str, label: str) -> Place:
    key, _, value = label.partition("=")
    return Place(name, ((key, value),), namespace=namespace)


KUBE_DNS = _pod("kube-dns", "kube-system", "k8s-app=kube-dns")
NODE_DNS = _pod("node-local-dns", "kube-system", "k8s-app=node-local-dns")
OPENSHIFT_DNS = _pod(
    "dns-default", "openshift-dns", "dns.operator.openshift.io/daemonset-dns=default"
)
CACHE = Place("NodeLocal DNSCache", address="169.254.20.10")
METADATA = Place("metadata server", address="169.254.169.254")
LOCAL_DNS = Place("AKS LocalDNS", address="169.254.10.10")
# Where DNS answers, and on which port its pods listen.
DNS = {
    "gke": [(KUBE_DNS, 53), (NODE_DNS, 53), (CACHE, 53), (METADATA, 53)],
    "aks": [(KUBE_DNS, 53), (CACHE, 53), (LOCAL_DNS, 53)],
    "openshift": [(OPENSHIFT_DNS, 53), (OPENSHIFT_DNS, 5353)],
}
API_PORTS = {
    "generic": [443, 6443, 8443], "eks": [443], "gke": [443], "aks": [443],
    "openshift": [443, 6443], "k3s": [443, 6443], "kind": [443, 6443], "minikube": [443, 8443],
}  # fmt: skip


def _policies(platform: str) -> Policies:
    return tuple(kind(on(platform), "NetworkPolicy"))


@each_platform
def test_it_lints_and_fits_the_schemas(
    platform: str, validate_schema: Callable[[dict[str, object], str], None]
) -> None:
    done = run(tools.helm(4), "lint", "--strict", CHART, "--set", f"platform={platform}")
    assert done.returncode == 0 and "[WARNING]" not in done.stdout, done.stdout + done.stderr
    # The values sets are validated against the oldest one, too.
    for version in versions_of(PLATFORMS.index(platform))[1:]:
        for document in on(platform):
            validate_schema(document, version)


@each_platform
def test_pods_and_jobs_are_restricted_and_name_a_uid_where_they_may(platform: str) -> None:
    fixed = platform != "openshift"
    documents = on(platform)
    for pod in pods(documents):
        assert findings(pod.spec, fixed_ids=fixed) == [], pod.owner
    job = jobs.pod(jobs.build(base=with_defaults(job_defaults(documents))))
    assert findings(job, fixed_ids=fixed) == []


@each_platform
def test_dns_and_the_kubernetes_api_are_reached(platform: str) -> None:
    policies = _policies(platform)
    for place, port in DNS.get(platform, [(KUBE_DNS, 53), (CACHE, 53)]):
        for protocol in ("UDP", "TCP"):
            assert allowed(policies, component("job"), place, port, protocol), place.name
            assert not allowed(policies, component("postgres"), place, port, protocol)
    for address in ("10.96.0.1", "203.0.113.4", "fd00::1"):
        server = Place("API", address=address)
        found = [port for port in API if allowed(policies, component("worker"), server, port)]
        assert found == API_PORTS[platform]
        assert not any(allowed(policies, component("job"), server, port) for port in API)


@each_platform
def test_nothing_else_changes_in_the_matrix(platform: str) -> None:
    # DNS and the worker's ways out are the platform's; every other cell is the generic one.
    usual, found = matrix(_policies("generic")), matrix(_policies(platform))
    dns, api = usual[0].index("DNS"), usual[0].index("Kubernetes API")
    for one, other in zip(usual, found, strict=True):
        assert one[:dns] == other[:dns]
        assert one[api + 1 :] == other[api + 1 :]
        assert (one[api] in ("–", "")) == (other[api] in ("–", ""))


@each_platform
def test_nothing_else_is_rendered_differently(platform: str) -> None:
    usual, found = ({_name(d): _without_facts(d) for d in on(one)} for one in ("generic", platform))
    assert found == usual


def _name(document: Document) -> str:
    # The names of Jobs hold a digest of what they are.
    name = re.sub(r"-[0-9a-f]{8}$", "", document["metadata"]["name"])
    return f"{document['kind']}/{name}"


def _without_facts(document: Document) -> str:
    """A document without what the presets decide and other tests of this file look at."""
    if _name(document) in {"NetworkPolicy/dns", "NetworkPolicy/worker"}:
        return ""
    text = yaml.dump(document | {"metadata": {}}, Dumper=_Dumper, width=10**6)
    for pattern in (
        r" *(?:runAsUser|runAsGroup|fsGroup|fsGroupChangePolicy): .*\n",
        r" *checksum/config: .*\n",
        r"codestral|qwen2\.5-coder:1\.5b",
        r'"pod_security_context":\{[^}]*\},?',
    ):
        text = re.sub(pattern, "", text)
    return text


def test_a_metadata_server_is_never_reached_beyond_dns() -> None:
    policies = _policies("gke")
    for pod in pods(on("gke")):
        if pod.component != "worker":
            assert not allowed(policies, component(pod.component), METADATA, 80), pod.owner
            assert not allowed(policies, component(pod.component), METADATA, 443), pod.owner


def test_ipv6_listens_where_the_kubelet_asks() -> None:
    documents = rendered("default", 4, "--set", "ipFamily=IPv6")
    containers = {pod.component: pod.spec["containers"][0] for pod in pods(documents)}
    environment = {
        name: {entry["name"]: entry.get("value") for entry in container.get("env", [])}
        for name, container in containers.items()
    }
    assert environment["ollama"]["OLLAMA_HOST"] == "[::]:11434"
    assert environment["qdrant"]["QDRANT__SERVICE__HOST"] == "::"
    assert environment["worker"]["PREFECT_WORKER_WEBSERVER_HOST"] == "::"
    for name in ("prefect-server", "webhook", "api"):
        arguments = containers[name]["args"]
        assert arguments[arguments.index("--host") + 1] == "::", name


def test_a_model_server_reaches_public_ipv6_addresses_only() -> None:
    policies = _policies("generic")
    ollama = component("ollama")
    assert allowed(policies, ollama, Place("registry", address="2606:4700::1"), 443)
    for inside in ("fd00::5", "fe80::1"):
        assert not allowed(policies, ollama, Place("neighbour", address=inside), 443)


def test_small_clusters_get_a_model_that_fits() -> None:
    for platform in PLATFORMS:
        (config,) = (
            d for d in kind(on(platform), "ConfigMap") if d["metadata"]["name"] == "harness-config"
        )
        small = platform in {"kind", "minikube"}
        wanted = "qwen2.5-coder:1.5b" if small else "codestral"
        assert config["data"]["CHAT_MODEL"] == wanted, platform


@pytest.mark.parametrize(
    ("source", "address", "port"),
    [
        pytest.param("prefect-server", "192.0.2.30", 443, id="notifications"),
        pytest.param("prefect-server", "192.0.2.40", 3128, id="notifications by proxy"),
        pytest.param("job", "192.0.2.40", 3128, id="git by proxy"),
        pytest.param("ollama", "192.0.2.40", 3128, id="pulls by proxy"),
        pytest.param("job", "192.0.2.50", 8081, id="extra"),
    ],
)
def test_named_ways_out_are_open_for_who_needs_them(source: str, address: str, port: int) -> None:
    place = Place("outside", address=address)
    wide, narrow = (tuple(kind(rendered(s), "NetworkPolicy")) for s in ("tls", "default"))
    assert allowed(wide, component(source), place, port)
    assert not allowed(narrow, component(source), place, port)
    assert not allowed(wide, component("qdrant"), place, port)


def test_cilium_lets_the_worker_reach_an_api_server_on_a_node() -> None:
    (policy,) = kind(rendered("tls"), "CiliumNetworkPolicy")
    assert policy["spec"]["egress"] == [{"toEntities": ["kube-apiserver"]}]
    assert policy["spec"]["endpointSelector"]["matchLabels"] == dict(component("worker").labels)


def test_a_private_authority_is_added_to_the_public_ones(tmp_path: Path) -> None:
    job = jobs.pod(jobs.build(base=with_defaults(job_defaults(rendered("tls")))))
    (script,) = job["initContainers"][0]["args"]
    for name in ("etc/ssl/certs", "etc/harness/ca", "etc/harness/trust"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "etc/ssl/certs/ca-certificates.crt").write_text("public\n")
    (tmp_path / "etc/harness/ca/private.crt").write_text("private")
    (tmp_path / "etc/harness/ca/qdrant.crt").write_text("qdrant\n")
    local = script.replace("/etc/", f"{tmp_path}/etc/")
    subprocess.run(["/bin/sh", "-ec", local], check=True)
    bundle = (tmp_path / "etc/harness/trust/ca-bundle.crt").read_text()
    assert bundle.split() == ["public", "private", "qdrant"]


def test_everything_that_leaves_a_pod_uses_that_trust_store_and_the_proxy() -> None:
    documents = rendered("tls")
    bundle = "/etc/harness/trust/ca-bundle.crt"
    job = jobs.pod(jobs.build(base=with_defaults(job_defaults(documents))))
    specs = {pod.component: pod.spec for pod in pods(documents)} | {"job": job}
    for name, spec in specs.items():
        entries = {e["name"]: e.get("value") for e in spec["containers"][0].get("env", [])}
        if name in {"qdrant", "postgres", "uninstall"}:
            assert "SSL_CERT_FILE" not in entries
            continue
        for variable in ("SSL_CERT_FILE", "GIT_SSL_CAINFO", "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"):
            assert entries[variable] == bundle, name
        assert "trust" in [one["name"] for one in spec["initContainers"]], name
        if name != "job":
            assert "git.example.com" in entries["NO_PROXY"].split(","), name
    (config,) = (
        d for d in kind(documents, "ConfigMap") if d["metadata"]["name"] == "harness-config"
    )
    assert config["data"]["HTTPS_PROXY"] == "http://proxy.example.com:3128"


def test_the_address_of_notifications_is_a_secret() -> None:
    done = run(tools.helm(4), "template", "harness", CHART,
               "--set", "harness.settings.HARNESS_NOTIFY_URL=slack://x")  # fmt: skip
    assert done.returncode != 0 and "HARNESS_NOTIFY_URL" in done.stderr
    (pod,) = (pod for pod in pods(rendered("tls")) if pod.component == "bootstrap")
    sources = pod.spec["containers"][0]["envFrom"]
    assert {"secretRef": {"name": "team-notifications"}} in sources


def test_the_table_of_platforms_in_the_docs_is_whole_and_true() -> None:
    text = (ROOT / "docs" / "kubernetes.md").read_text(encoding="utf-8")
    block = text.split("<!-- platforms -->")[1].split("<!-- end -->")[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in block.strip().splitlines()[2:]
    ]
    assert [row[0].strip("`") for row in rows] == list(PLATFORMS)
    facts = yaml.safe_load((CHART / "files" / "platforms.yaml").read_text(encoding="utf-8"))
    usual = facts["generic"]
    for name, dns, api, otherwise, _ in rows:
        own = usual | facts[name.strip("`")]
        assert api == ", ".join(map(str, own["apiPorts"])), name
        differs = any(own[key] != usual[key] for key in ("dnsPods", "dnsAddresses", "dnsPorts"))
        if name != "`generic`":
            assert (dns not in {"the same", "as generic"}) == differs, name
        for port in set(own["dnsPorts"]) - set(usual["dnsPorts"]):
            assert str(port) in dns, name
        for pod in own["dnsPods"]:
            said = pod["namespace"] in dns or all(label in dns for label in pod["labels"].values())
            assert said or pod in usual["dnsPods"], name
        for address in own["dnsAddresses"]:
            # The last part of one that follows another of the same network.
            host = address.partition("/")[0]
            known = address in usual["dnsAddresses"]
            assert known or host in dns or f".{host.rpartition('.')[2]}" in dns, (name, host)
        assert ("uid" in otherwise) == (not own["fixedIds"]), name
        assert ("chat model" in otherwise) == (own["chatModel"] != usual["chatModel"]), name


def test_each_column_of_that_table_names_the_test_that_holds_it() -> None:
    text = (ROOT / "docs" / "kubernetes.md").read_text(encoding="utf-8")
    block = text.split("<!-- platform tests -->")[1].split("<!-- end -->")[0]
    named = re.findall(r"`(test_\w+)`", block)
    assert len(named) >= 5
    assert [name for name in named if not callable(globals().get(name))] == []
