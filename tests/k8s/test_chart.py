"""The chart renders, lints and refuses wrong values, with both major versions of Helm."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import yaml

from tests.k8s import tools
from tests.k8s.documents import (
    CHART,
    KUBERNETES,
    VALUES_SETS,
    kind,
    pods,
    rendered,
    run,
    values_arguments,
    versions_of,
    with_versions,
)

NEEDS_TOOLS = True
# Kinds of custom resources: no schema of Kubernetes itself covers them.
CUSTOM_KINDS = {"ServiceMonitor", "HTTPRoute", "PrometheusRule", "CiliumNetworkPolicy"}


@pytest.mark.parametrize("helm_major", [3, 4])
@pytest.mark.parametrize("values_set", VALUES_SETS)
def test_lint_is_clean(values_set: str, helm_major: int) -> None:
    done = run(
        tools.helm(helm_major), "lint", "--strict", CHART, "--namespace", "harness",
        *values_arguments(values_set),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[WARNING]" not in done.stdout


@pytest.mark.parametrize("values_set", VALUES_SETS)
def test_both_helm_versions_render_the_same(values_set: str) -> None:
    by_name = [
        {(d["kind"], d["metadata"]["name"]): d for d in rendered(values_set, helm)}
        for helm in (3, 4)
    ]
    assert by_name[0] == by_name[1]
    assert len(by_name[0]) == len(rendered(values_set)), "two objects have one name"


def test_versions_go_from_the_charts_oldest_to_the_validators_newest() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    assert chart["kubeVersion"] == f">={KUBERNETES[0]}.0-0"
    folders = tools.schema_package().glob("*/kubernetes-json-schema/v*-local-strict")
    known = {tuple(map(int, re.findall(r"\d+", folder.name)[:2])) for folder in folders}
    oldest = tuple(map(int, KUBERNETES[0].split(".")))
    named = tuple(".".join(map(str, one)) for one in sorted(known) if one >= oldest)
    assert named == KUBERNETES
    # Between them each has its turn.
    turns = {version for number, _ in enumerate(VALUES_SETS) for version in versions_of(number)}
    assert turns == set(KUBERNETES)


@pytest.mark.parametrize(("values_set", "version"), with_versions(VALUES_SETS))
def test_documents_fit_the_schemas(
    values_set: str, version: str, validate_schema: Callable[[dict[str, object], str], None]
) -> None:
    for document in rendered(values_set):
        if document["kind"] not in CUSTOM_KINDS:
            validate_schema(document, version)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        pytest.param(["ollama.image=ollama/ollama:latest"], "ollama", id="latest"),
        pytest.param(["qdrant.image=qdrant/qdrant"], "qdrant", id="no tag"),
        pytest.param(["ollama.storage=10GB"], "storage", id="quantity"),
        pytest.param(["qdrant.replicas=0"], "replicas", id="no replicas"),
        pytest.param(["ollama.modles={a}"], "modles", id="misspelt key"),
        pytest.param(["harness.storage.accessMode=ReadWriteSometimes"], "accessMode", id="mode"),
        pytest.param(["prefect.database.kind=mysql"], "kind", id="database"),
        pytest.param(["networkPolicy.apiServer.cidr=everywhere"], "cidr", id="cidr"),
        pytest.param(["harness.settings.QDRANT_API_KEY=x"], "QDRANT_API_KEY", id="secret"),
        # The pods of tasks hold credentials; without isolation a command could read them.
        pytest.param(
            ["harness.settings.HARNESS_COMMAND_ISOLATION=none"], "COMMAND_ISOLATION", id="isolation"
        ),
        pytest.param(["agent.images.a\\,b=c:1"], "a,b", id="name of a repository"),
        pytest.param(["ollama.models={two words}"], "models", id="model name"),
        pytest.param(["prefect.server.uiApiUrl=localhost"], "uiApiUrl", id="url"),
        pytest.param(["imagePullPolicy=Sometimes"], "imagePullPolicy", id="pull policy"),
        pytest.param(["ollama.enabled=false"], "ollama.external.url", id="no external url"),
    ],
)
def test_wrong_values_are_refused(arguments: list[str], named: str) -> None:
    settings = [part for argument in arguments for part in ("--set", argument)]
    done = run(tools.helm(4), "template", "harness", CHART, *settings)
    assert done.returncode != 0
    assert named in done.stderr


def test_images_come_from_the_mirror_when_one_is_named() -> None:
    images = re.findall(r"image: (\S+)", yaml.safe_dump_all(rendered("airgap")))
    assert images
    assert all(image.startswith("registry.lan:5000/") for image in images)


@pytest.mark.parametrize(
    ("values_set", "arguments", "address"),
    [
        pytest.param("default", (), "http://127.0.0.1:4200/api", id="port-forward"),
        pytest.param("tls", (), "https://prefect.example.com/api", id="ingress"),
        pytest.param("ha", (), "https://prefect.example.com/api", id="route"),
        pytest.param(
            *("default", ("--set", "ingress.enabled=true"), "http://prefect.example.com/api"),
            id="ingress without TLS",
        ),
    ],
)
def test_browsers_call_prefect_where_it_is_published(
    values_set: str, arguments: tuple[str, ...], address: str
) -> None:
    entries = {
        entry["name"]: entry.get("value")
        for pod in pods(rendered(values_set, 4, *arguments))
        if pod.component in {"prefect-server", "worker"}
        for entry in pod.spec["containers"][0]["env"]
    }
    assert entries["PREFECT_SERVER_UI_API_URL"] == address
    # What is inside the cluster never takes that way.
    assert entries["PREFECT_API_URL"] == "http://prefect-server.harness.svc:4200/api"


def test_release_namespace_is_used_everywhere() -> None:
    done = run(tools.helm(4), "template", "team", CHART, "--namespace", "team-a")
    documents = [d for d in yaml.safe_load_all(done.stdout) if d]
    assert {d["metadata"].get("namespace") for d in documents} == {"team-a"}
    assert "harness.svc" not in done.stdout
    assert "prefect-server.team-a.svc" in done.stdout


def test_uninstalling_keeps_the_data() -> None:
    for claim in kind(rendered("default"), "PersistentVolumeClaim"):
        assert claim["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"


def test_several_model_servers_have_a_volume_and_a_keeper_each() -> None:
    (server,) = [
        d for d in kind(rendered("ha"), "StatefulSet") if d["metadata"]["name"] == "ollama"
    ]
    assert server["spec"]["replicas"] == 2
    assert [c["metadata"]["name"] for c in server["spec"]["volumeClaimTemplates"]] == ["models"]
    assert "keeper" in [c["name"] for c in server["spec"]["template"]["spec"]["containers"]]


def test_original_values_keys_are_kept() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    assert isinstance(values["namespace"], str)
    assert {"image", "resources", "storage", "models"} <= set(values["ollama"])
    assert {"image", "resources", "storage"} <= set(values["qdrant"])
    assert {"image", "chatModel", "embedModel"} <= set(values["harness"])
