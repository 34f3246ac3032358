"""What operators set on every pod reaches every pod, Jobs too; nothing of ours gives way."""

from __future__ import annotations

import json

import pytest

from deployments.job_template import with_defaults, with_defaults_of
from tests.k8s import jobs, tools
from tests.k8s.documents import CHART, Pod, job_defaults, kind, pods, rendered, run

NEEDS_TOOLS = True
COMPONENTS = (
    "ollama", "qdrant", "prefect.server", "prefect.database", "prefect.worker", "api", "webhook",
    "toolbox", "bootstrap", "n8n", "jobs",
)  # fmt: skip


def _all_pods() -> list[Pod]:
    """Those of the chart, and a flow run's as the worker makes it."""
    documents = rendered("scheduling")
    job = jobs.build(base=with_defaults(job_defaults(documents)))
    labels = job["spec"]["template"]["metadata"]["labels"]
    return [*pods(documents), Pod("a flow run", labels, jobs.pod(job))]


def test_what_is_set_for_all_pods_reaches_every_one() -> None:
    for pod in _all_pods():
        assert pod.spec["nodeSelector"]["kubernetes.io/os"] == "linux", pod.owner
        assert pod.spec["priorityClassName"].startswith("team"), pod.owner
        assert pod.spec["tolerations"] and "nodeAffinity" in pod.spec["affinity"], pod.owner
        assert pod.labels["team"] == "platform", pod.owner
        main = pod.spec["containers"][0]
        assert {"name": "TZ", "value": "Europe/Berlin"} in main["env"], pod.owner
        assert {"name": "extra", "mountPath": "/extra"} in main["volumeMounts"], pod.owner


def test_annotations_reach_pods_and_their_jobs() -> None:
    documents = rendered("scheduling")
    job = jobs.build(base=with_defaults(job_defaults(documents)))
    templates = [d["spec"]["template"] for d in documents if "template" in (d.get("spec") or {})]
    for template in [*templates, job["spec"]["template"]]:
        annotations = template["metadata"]["annotations"]
        assert annotations["cluster-autoscaler.kubernetes.io/safe-to-evict"] == "false"
    for metadata in (job["metadata"], job["spec"]["template"]["metadata"]):
        assert metadata["annotations"]["karpenter.sh/do-not-disrupt"] == "true"


def test_a_components_own_knobs_go_first() -> None:
    by_component = {pod.component: pod for pod in _all_pods()}
    qdrant, job = by_component["qdrant"].spec, by_component["job"].spec
    assert qdrant["nodeSelector"] == {"disk": "ssd", "kubernetes.io/os": "linux"}
    assert qdrant["tolerations"] == [{"key": "disk", "operator": "Exists"}]
    assert (job["priorityClassName"], job["runtimeClassName"]) == ("team-batch", "gvisor")
    assert job["topologySpreadConstraints"][0]["topologyKey"] == "topology.kubernetes.io/zone"
    node = {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}
    assert node in job["containers"][0]["env"]
    assert "runtimeClassName" not in qdrant
    for side, amounts in job["containers"][0]["resources"].items():
        assert amounts["ephemeral-storage"] == "10Gi", side


def test_services_take_type_and_annotations() -> None:
    services = {one["metadata"]["name"]: one for one in kind(rendered("scheduling"), "Service")}
    assert services["qdrant"]["spec"]["type"] == "LoadBalancer"
    assert services["qdrant"]["metadata"]["annotations"] == {"example.com/internal": "true"}
    assert services["prefect-server"]["spec"]["type"] == "NodePort"
    assert services["qdrant-headless"]["spec"]["clusterIP"] == "None"
    assert "annotations" not in services["qdrant-headless"]["metadata"]


def test_jobs_are_spread_unless_told_otherwise() -> None:
    (constraint,) = jobs.pod(jobs.build())["topologySpreadConstraints"]
    assert constraint["topologyKey"] == "kubernetes.io/hostname"
    assert constraint["whenUnsatisfiable"] == "ScheduleAnyway"


@pytest.mark.parametrize("component", COMPONENTS)
def test_the_schema_knows_every_knob_of_every_component(component: str) -> None:
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))["properties"]
    known = schema["pods"]["properties"]
    place = {"properties": schema}
    for part in component.split("."):
        place = place["properties"][part]
    assert set(known) <= set(place["properties"]), component


def test_a_label_that_policies_select_by_is_refused() -> None:
    done = run(
        tools.helm(4), "template", "harness", CHART,
        "--set-json", 'pods.podLabels={"app.kubernetes.io/component":"job"}',
    )  # fmt: skip
    assert done.returncode != 0
    assert "app.kubernetes.io/component" in done.stderr


def test_pull_secrets_reach_every_pod() -> None:
    documents = rendered("airgap")
    wanted = [{"name": "registry-lan"}]
    for pod in pods(documents):
        assert pod.spec["imagePullSecrets"] == wanted, pod.owner
    job = jobs.build(base=with_defaults(job_defaults(documents)))
    assert jobs.pod(job)["imagePullSecrets"] == wanted


def test_a_persons_deploy_keeps_what_the_release_added() -> None:
    added = {
        "extra_env": [{"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}],
        "extra_volumes": [{"name": "extra", "emptyDir": {}}],
        "extra_volume_mounts": [{"name": "extra", "mountPath": "/extra"}],
        "priority_class_name": "batch",
    }
    registered = with_defaults(added)
    assert with_defaults_of(registered) == registered
    assert with_defaults_of({}) == with_defaults({})


def test_none_removes_a_key_of_an_objects_default() -> None:
    template = with_defaults({"env": {"TMPDIR": None, "TZ": "UTC"}})
    default = template["variables"]["properties"]["env"]["default"]
    assert "TMPDIR" not in default
    assert (default["TZ"], default["HOME"]) == ("UTC", "/home/harness")
