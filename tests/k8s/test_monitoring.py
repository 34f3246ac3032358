"""Alerts, dashboard and logs name what exists; what is published agrees on its version."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import yaml

from deployments.job_template import with_defaults
from tests.k8s import jobs
from tests.k8s.documents import CHART, ROOT, job_defaults, kind, pods, rendered

NEEDS_TOOLS = True
# Of kube-state-metrics and the kubelet, as their documentation has them.
OTHERS = {
    "kube_deployment_status_replicas_available", "kube_pod_status_ready", "kube_pod_status_phase",
    "kube_job_status_failed", "kubelet_volume_stats_used_bytes",
    "kubelet_volume_stats_capacity_bytes",
}  # fmt: skip


def test_alerts_ask_for_metrics_that_exist_in_the_releases_namespace() -> None:
    (rule,) = kind(rendered("ha"), "PrometheusRule")
    (group,) = rule["spec"]["groups"]
    source = "".join(
        (ROOT / "harness" / part / "metrics.py").read_text(encoding="utf-8")
        for part in ("service", "webhook")
    )
    names = {alert["alert"] for alert in group["rules"]}
    assert {"HarnessIndexStale", "HarnessRunPending", "HarnessVolumeFillingUp"} <= names
    for alert in group["rules"]:
        metrics = re.findall(r"([a-z_]+)\{", alert["expr"])
        assert metrics, alert["alert"]
        for metric in metrics:
            assert metric in OTHERS or f'"{metric}"' in source, metric
        assert alert["expr"].count("{") == alert["expr"].count('namespace="harness"')
        assert alert["labels"]["severity"] in {"warning", "critical"}
        assert alert["annotations"]["summary"]


def test_the_dashboard_has_the_namespace_as_a_variable() -> None:
    arguments = ("--set", "grafanaDashboard.enabled=true", "--set", "namespace=team-a")
    (found,) = (
        d
        for d in kind(rendered("default", 4, *arguments), "ConfigMap")
        if d["metadata"]["name"] == "harness-dashboard"
    )
    board = json.loads(found["data"]["harness.json"])
    variables = {one["name"]: one for one in board["templating"]["list"]}
    assert variables["namespace"]["current"]["value"] == "team-a"
    for panel in board["panels"]:
        for target in panel["targets"]:
            braces = target["expr"].count("{")
            assert target["expr"].count('namespace="$namespace"') == braces, panel["title"]


def test_logs_are_json_where_asked_for(tmp_path: Path) -> None:
    variable = "PREFECT_LOGGING_HANDLERS_CONSOLE_FORMATTER"
    documents = rendered("ha")
    job = jobs.pod(jobs.build(base=with_defaults(job_defaults(documents))))
    specs = {pod.component: pod.spec for pod in pods(documents)} | {"job": job}
    for name in ("prefect-server", "worker", "job"):
        entries = {e["name"]: e.get("value") for e in specs[name]["containers"][0]["env"]}
        assert entries[variable] == "json", name
    code = (
        "from prefect.logging.configuration import setup_logging; setup_logging()\n"
        "from prefect.logging import get_logger\n"
        "get_logger('prefect.worker').warning('x' * 300, extra={'flow_run_id': 'abc'})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {variable: "json", "PREFECT_HOME": str(tmp_path)},
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    (line,) = [line for line in (done.stdout + done.stderr).splitlines() if '"xxx' in line]
    assert json.loads(line)["flow_run_id"] == "abc"


def test_what_is_published_agrees_on_its_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    bake = (ROOT / "docker-bake.hcl").read_text(encoding="utf-8")
    version = chart["appVersion"]
    assert f'\nversion = "{version}"\n' in project
    assert f'variable "VERSION" {{ default = "{version}" }}' in bake
    assert "linux/arm64" in bake and "type=sbom" in bake and "type=provenance" in bake
    changes = yaml.safe_load(chart["annotations"]["artifacthub.io/changes"])
    assert {one["kind"] for one in changes} <= {
        "added", "changed", "deprecated", "removed", "fixed", "security",
    }  # fmt: skip


def test_the_release_workflow_signs_by_digest_and_keeps_few_rights() -> None:
    text = (ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    (job,) = workflow["jobs"].values()
    # YAML 1.1 reads `on` as true.
    assert workflow[True]["push"]["tags"] == ["v*"]
    assert workflow["permissions"] == {"contents": "read"}
    assert job["permissions"] == {"contents": "read", "id-token": "write"}
    scripts = [step["run"] for step in job["steps"] if "run" in step]
    for script in scripts:
        # An expression in a script is text that somebody else may choose.
        assert "${{" not in script
        subprocess.run(["/bin/sh", "-n"], input=script, text=True, check=True)
    signed = [line for line in "\n".join(scripts).splitlines() if "cosign sign" in line]
    assert len(signed) == 2 and all("@$" in line for line in signed)


def test_every_complaint_in_the_docs_is_held_by_a_test_that_exists() -> None:
    text = (ROOT / "docs" / "kubernetes.md").read_text(encoding="utf-8")
    block = text.split("<!-- complaints -->")[1].split("<!-- end -->")[0]
    rows = block.strip().splitlines()[2:]
    assert len(rows) >= 12
    for row in rows:
        held = row.rstrip(" |").rpartition("|")[2]
        for name in re.findall(r"`(test_\w+\.py)`", held):
            assert list((ROOT / "tests").rglob(name)), name
        assert "test_" in held or "this line" in held, row
