"""The Jobs of flow runs, built by the worker's own code from our template."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest
import yaml

from deployments.apply import without_backups_volume
from deployments.job_template import ADDITIONS, read_defaults, with_defaults, with_defaults_of
from tests.k8s import jobs
from tests.k8s.documents import (
    ROOT,
    VALUES_SETS,
    Document,
    job_defaults,
    kind,
    pods,
    rendered,
    with_versions,
)
from tests.k8s.pod_security import findings
from tests.k8s.test_references import EXISTING_CLAIMS

NEEDS_TOOLS = True
DEPLOYMENTS = jobs.deployments()
BACKUPS = {"name": "backups", "persistentVolumeClaim": {"claimName": "harness-backups"}}


def _container(job: Document) -> Document:
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert isinstance(container, dict)
    return container


def _environment(job: Document) -> dict[str, str]:
    return {entry["name"]: entry.get("value", "") for entry in _container(job)["env"]}


@pytest.mark.parametrize(("deployment", "version"), with_versions(sorted(DEPLOYMENTS)))
def test_every_deployments_job_is_a_valid_restricted_job(
    deployment: str,
    version: str,
    validate_schema: Callable[[dict[str, object], str], None],
) -> None:
    job = jobs.strict(jobs.build(DEPLOYMENTS[deployment], deployment=deployment))
    validate_schema(job, version)
    assert findings(job["spec"]["template"]["spec"]) == []


def test_results_in_object_storage_need_no_claim() -> None:
    """Neither a pool that the chart makes, nor one whose defaults are kept when it is made anew."""
    made = with_defaults(job_defaults(rendered("ha")))
    for template in (made, with_defaults_of(made)):
        volumes = jobs.pod(jobs.build(base=template))["volumes"]
        (results,) = [volume for volume in volumes if volume["name"] == "results"]
        assert results == {"name": "results", "emptyDir": {"sizeLimit": "1Gi"}}
    claims = {d["metadata"]["name"] for d in kind(rendered("ha"), "PersistentVolumeClaim")}
    assert "harness-repositories" in claims
    assert "harness-results" not in claims


def test_backups_in_object_storage_need_no_claim() -> None:
    document = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))
    without_backups_volume(document)
    for entry in document["deployments"]:
        volumes = jobs.pod(jobs.build(entry["work_pool"]["job_variables"]))["volumes"]
        (backups,) = [volume for volume in volumes if volume["name"] == "backups"]
        assert set(backups) == {"name", "emptyDir"}, entry["name"]


@pytest.mark.parametrize("values_set", sorted(VALUES_SETS))
def test_deployments_use_the_releases_own_volume_of_backups(values_set: str) -> None:
    documents = rendered(values_set)
    maps = {d["metadata"]["name"]: d["data"] for d in kind(documents, "ConfigMap")}
    mounted = {
        volume["persistentVolumeClaim"]["claimName"]
        for pod in pods(documents)
        for volume in pod.spec.get("volumes", [])
        if volume["name"] == "backups" and "persistentVolumeClaim" in volume
    }
    config = maps["harness-config"]
    in_storage = "HARNESS_BACKUP_URL" in config
    assert mounted == (set() if in_storage else {config["HARNESS_BACKUPS_CLAIM"]})
    claims = {d["metadata"]["name"] for d in kind(documents, "PersistentVolumeClaim")}
    assert not (in_storage and "harness-backups" in claims)


def test_each_secret_and_its_reach_are_known_to_the_jobs_that_need_it() -> None:
    backup = ("{{ $HARNESS_BACKUP_SECRET }}", None, "backup")
    results = (None, "{{ $HARNESS_RESULTS_SECRET }}", "results")
    expected = {
        **dict.fromkeys(("nightly-backup", "verify-restore", "restore-index"), backup),
        **dict.fromkeys(("agent-task", "clean-up", "check-volumes"), results),
    }
    for deployment, variables in DEPLOYMENTS.items():
        found = tuple(variables.get(n) for n in ("backup_secret", "results_secret", "reach"))
        assert found == expected.get(deployment, (None,) * 3), deployment
    job = jobs.build({"backup_secret": "team-backup", "reach": "backup"})
    assert {"secretRef": {"name": "team-backup", "optional": True}} in _container(job)["envFrom"]
    assert job["spec"]["template"]["metadata"]["labels"]["harness/reach"] == "backup"


@pytest.mark.parametrize("deployment", sorted(DEPLOYMENTS))
def test_deployments_set_only_variables_that_exist(deployment: str) -> None:
    jsonschema.validate(DEPLOYMENTS[deployment], jobs.template()["variables"])
    known = jobs.template()["variables"]["properties"]
    unknown = {name.partition(".")[0] for name in DEPLOYMENTS[deployment]} - set(known)
    assert not unknown, "the worker would ignore these"


@pytest.mark.parametrize("values_set", VALUES_SETS)
def test_release_defaults_make_a_valid_job(
    values_set: str, validate_schema: Callable[[dict[str, object], str], None]
) -> None:
    defaults = job_defaults(rendered(values_set))
    variables = jobs.template()["variables"]
    assert set(defaults) <= set(variables["properties"]) | set(ADDITIONS)
    jsonschema.validate(defaults, variables)
    job = jobs.strict(jobs.build(base=with_defaults(defaults)))
    validate_schema(job, "1.33")
    assert findings(job["spec"]["template"]["spec"]) == []
    _resolves(job, rendered(values_set))


def _resolves(job: Document, documents: tuple[Document, ...]) -> None:
    """Names in the Job exist in the release."""
    spec = job["spec"]["template"]["spec"]
    accounts = {d["metadata"]["name"] for d in kind(documents, "ServiceAccount")}
    assert spec["serviceAccountName"] in accounts
    claims = {d["metadata"]["name"] for d in kind(documents, "PersistentVolumeClaim")}
    for volume in spec["volumes"]:
        if claim := volume.get("persistentVolumeClaim"):
            assert claim["claimName"] in claims | EXISTING_CLAIMS
    (container,) = spec["containers"]
    maps = {d["metadata"]["name"] for d in kind(documents, "ConfigMap")}
    assert container["envFrom"][0]["configMapRef"]["name"] in maps
    mounting = [*spec.get("initContainers", []), container]
    used = {m["name"] for one in mounting for m in one["volumeMounts"]}
    assert used | {"ca"} == {v["name"] for v in spec["volumes"]}, "ca is for the init container"
    namespaces = {document["metadata"]["namespace"] for document in documents}
    assert namespaces == {job["metadata"]["namespace"]}


def test_the_job_is_exactly_this() -> None:
    job = jobs.build({"memory_limit": "4Gi"}, deployment="agent-task")
    spec = job["spec"]
    assert job["metadata"]["namespace"] == "harness"
    assert job["metadata"]["generateName"] == "curious-otter-"
    assert spec["backoffLimit"] == 0
    assert spec["ttlSecondsAfterFinished"] == 3600
    assert spec["activeDeadlineSeconds"] == 7200
    pod = jobs.pod(job)
    assert pod["restartPolicy"] == "Never"
    assert pod["automountServiceAccountToken"] is False
    assert pod["serviceAccountName"] == "harness-job"
    container = _container(job)
    assert container["args"] == ["prefect", "flow-run", "execute"]
    assert container["resources"] == {
        "requests": {"cpu": "500m", "memory": "512Mi"},
        "limits": {"cpu": "2", "memory": "4Gi"},
    }
    assert container["envFrom"] == [
        {"configMapRef": {"name": "harness-config"}},
        {"secretRef": {"name": "harness-qdrant", "optional": True}},
        # Of no existing Secret: only the deployments of backups and of results name theirs.
        {"secretRef": {"name": "harness-no-secret", "optional": True}},
        {"secretRef": {"name": "harness-no-secret", "optional": True}},
    ]
    assert job["spec"]["template"]["metadata"]["labels"]["harness/reach"] == "work"
    mounts = {mount["name"]: mount for mount in container["volumeMounts"]}
    assert mounts["repositories"] == {
        "name": "repositories",
        "mountPath": "/repos",
        "readOnly": True,
    }
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert volumes["workspace"]["emptyDir"] == {"sizeLimit": "10Gi"}
    assert volumes["results"]["persistentVolumeClaim"] == {"claimName": "harness-results"}
    assert "emptyDir" in volumes["backups"], "only backup deployments reach the backups"


def test_the_policies_label_survives_the_worker() -> None:
    labels = jobs.build()["spec"]["template"]["metadata"]["labels"]
    assert labels["app.kubernetes.io/component"] == "job"
    # Why no selector of ours uses these: the worker writes them.
    assert labels["app.kubernetes.io/part-of"] == "prefect"
    assert labels["app.kubernetes.io/name"] == "index-repository"


def test_the_workers_own_home_does_not_leak_in() -> None:
    environment = _environment(jobs.build())
    assert environment["PREFECT_HOME"] == "/home/harness/.prefect"
    assert environment["HOME"] == "/home/harness"
    # The agent copies repositories to the temporary folder: workspace_size is what bounds it.
    assert environment["TMPDIR"] == "/workspace"
    assert environment["PREFECT_API_URL"] == "http://prefect-server.harness.svc:4200/api"
    # Prefect starts the flow again after an eviction; Kubernetes does not.
    assert environment["PREFECT_FLOW_RUN_EXECUTE_SIGTERM_BEHAVIOR"] == "reschedule"


def test_a_deployments_environment_is_added_not_substituted() -> None:
    environment = _environment(jobs.build({"env": {"HARNESS_NUM_CTX": "8192"}}))
    assert environment["HARNESS_NUM_CTX"] == "8192"
    assert environment["HOME"] == "/home/harness"


def test_a_backup_reaches_its_volume() -> None:
    volumes = jobs.pod(jobs.build({"backups_volume": BACKUPS}))["volumes"]
    assert BACKUPS in volumes


@pytest.mark.parametrize(
    "variables",
    [
        pytest.param({"backoff_limit": 3}, id="retries by Kubernetes"),
        pytest.param({"finished_job_ttl": None}, id="kept for ever"),
        pytest.param({"active_deadline_seconds": 0}, id="no deadline"),
        pytest.param({"image_pull_policy": "Sometimes"}, id="pull policy"),
    ],
)
def test_variables_that_would_break_the_rules_are_refused(variables: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(variables, jobs.template()["variables"])


def test_every_variable_is_used_and_described() -> None:
    template = jobs.template()
    text = json.dumps(template["job_configuration"])
    for name, variable in template["variables"]["properties"].items():
        assert f"{{{{ {name} }}}}" in text, f"{name} is declared but not used"
        assert variable.get("description"), name


def test_the_password_is_replaced_by_a_reference() -> None:
    """The chart gives the worker the Secret's name; see PREFECT_…_AUTH_STRING_SECRET_NAME."""
    (worker,) = [pod for pod in pods(rendered("default")) if pod.component == "worker"]
    environment = {e["name"]: e.get("value") for e in worker.containers()[0]["env"]}
    prefix = "PREFECT_INTEGRATIONS_KUBERNETES_WORKER_API_AUTH_STRING_SECRET"
    assert environment[f"{prefix}_NAME"] == "harness-prefect"
    assert environment[f"{prefix}_KEY"] == "auth-string"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("not json", "not JSON", id="not-json"),
        pytest.param("[1]", "not a JSON object", id="a-list"),
    ],
)
def test_defaults_that_cannot_be_used_say_so(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read_defaults(text)


def test_a_default_for_no_variable_is_refused() -> None:
    with pytest.raises(ValueError, match="no_such_variable"):
        with_defaults({"no_such_variable": 1})
    assert read_defaults("") == {}
