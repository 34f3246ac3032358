"""The chart's list of repositories: from the values to the registry, by the code of the Jobs."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from harness.index.team_list import Change, read_list, take_list
from harness.store.edge import EdgeStore
from tests.k8s import jobs
from tests.k8s.documents import CHART, Document, kind, pods, rendered

NEEDS_TOOLS = True
SCHEMA = yaml.safe_load((CHART / "values.schema.json").read_text(encoding="utf-8"))
DEPLOYMENTS = jobs.deployments()
SETTING = "HARNESS_REPOSITORIES_FILE"


def _maps(documents: tuple[Document, ...]) -> dict[str, dict[str, str]]:
    return {d["metadata"]["name"]: d["data"] for d in kind(documents, "ConfigMap")}


def _mounted(spec: Document, path: str) -> list[str]:
    """ConfigMaps whose keys are files at that place in a pod."""
    names = {
        mount["name"]
        for container in spec["containers"]
        for mount in container["volumeMounts"]
        if mount["mountPath"] == path
    }
    return [v["configMap"]["name"] for v in spec["volumes"] if v["name"] in names]


def test_the_values_become_the_registry(tmp_path: Path) -> None:
    """The file of the release as a Job has it, and then that of a release without a list."""
    found = {}
    for values_set in ("ha", "default"):
        maps = _maps(rendered(values_set))
        path = Path(maps["harness-config"][SETTING])
        file = tmp_path / path.name
        file.write_text(maps["repository-list"][path.name])
        with closing(EdgeStore(tmp_path / "index")) as store:
            taken = take_list(read_list(file), store, tmp_path / "data")
            found[values_set] = {one.name: one.change for one in taken}
            records = {record.name: record for record in store.repositories()}
    assert found["ha"] == {"app": Change.ADDED, "oss": Change.ADDED}
    assert found["default"] == {"app": Change.DROPPED, "oss": Change.DROPPED}, "shown, not deleted"
    app, oss = records["app"], records["oss"]
    assert app.source == "https://git.example.com/team/app"
    assert (app.ref, app.credential, app.exclude) == ("main", "team", ("data/**",))
    assert (oss.path, oss.submodules, oss.lfs) == ("git@git.example.com:oss/app.git", True, True)


def test_only_jobs_of_the_registry_and_the_toolbox_have_the_list() -> None:
    folder = str(Path(_maps(rendered("ha"))["harness-config"][SETTING]).parent)
    for deployment, name in (
        ("nightly-index", "repository-list"),
        ("sync-repositories", "repository-list"),
        ("agent-task", "harness-no-list"),
    ):
        job = jobs.build(DEPLOYMENTS[deployment], deployment=deployment)
        assert _mounted(jobs.pod(job), folder) == [name], deployment
    wanted = {name for name, variables in DEPLOYMENTS.items() if "repository_list" in variables}
    assert wanted == {"nightly-index", "sync-repositories"}
    having = {pod.component for pod in pods(rendered("minimal")) if _mounted_in(pod.spec, folder)}
    assert having == {"toolbox"}


def _mounted_in(spec: Document, folder: str) -> bool:
    return any(
        mount["mountPath"] == folder
        for container in spec["containers"]
        for mount in container.get("volumeMounts", [])
    )


def test_the_bootstrap_job_starts_a_run_that_takes_the_list() -> None:
    scripts = {}
    for values_set in ("ha", "default"):
        (pod,) = [pod for pod in pods(rendered(values_set)) if pod.component == "bootstrap"]
        scripts[values_set] = pod.spec["containers"][0]["args"][0]
    wanted = "prefect deployment run index-all/sync-repositories --param only_register=true"
    assert wanted in scripts["ha"] and wanted not in scripts["default"]


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param({}, id="no URL"),
        pytest.param({"url": "/srv/web"}, id="a folder"),
        pytest.param({"url": "https://user:planted@git.example.com/web"}, id="a password"),
        pytest.param({"url": "https://token@git.example.com/web"}, id="a token"),
        pytest.param({"url": "https://git.example.com/web?token=planted"}, id="a query"),
        pytest.param({"url": "ssh://git:planted@git.example.com/web"}, id="a password for ssh"),
        pytest.param({"url": "https://git.example.com/web", "branch": "main"}, id="another key"),
        pytest.param({"url": "https://git.example.com/web", "credential": "a/b"}, id="a path"),
    ],
)
def test_what_is_no_entry(entry: dict[str, Any]) -> None:
    schema = SCHEMA["properties"]["repositories"]
    jsonschema.validate([{"url": "ssh://git@git.example.com:2222/group/sub/web.git"}], schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate([entry], schema)
