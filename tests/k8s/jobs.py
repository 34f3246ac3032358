"""Jobs as the worker builds them: prefect-kubernetes' own classes over our base job template."""

from __future__ import annotations

import asyncio
import copy
import uuid
from typing import Any

import yaml

from deployments.job_template import base_job_template as template
from tests.k8s.documents import ROOT, Document


def deployments() -> dict[str, dict[str, Any]]:
    """The job variables of every deployment in prefect.yaml, by name; `{}` if there is no file."""
    path = ROOT / "prefect.yaml"
    if not path.is_file():
        return {}
    entries = yaml.safe_load(path.read_text(encoding="utf-8"))["deployments"]
    return {
        entry["name"]: (entry.get("work_pool") or {}).get("job_variables") or {}
        for entry in entries
    }


def build(
    job_variables: dict[str, Any] | None = None,
    base: dict[str, Any] | None = None,
    deployment: str = "index-repository",
) -> Document:
    """The batch/v1 Job that the worker would create for one flow run."""
    from prefect.client.schemas.objects import Flow, FlowRun
    from prefect.client.schemas.responses import DeploymentResponse
    from prefect.settings import (
        PREFECT_API_AUTH_STRING,
        PREFECT_API_URL,
        PREFECT_HOME,
        temporary_settings,
    )
    from prefect_kubernetes.worker import KubernetesWorkerJobConfiguration

    flow = Flow(id=uuid.uuid4(), name=deployment)
    run = FlowRun(id=uuid.uuid4(), flow_id=flow.id, name="curious-otter")
    response = DeploymentResponse(id=uuid.uuid4(), name=deployment, flow_id=flow.id)

    async def configure() -> KubernetesWorkerJobConfiguration:
        return await KubernetesWorkerJobConfiguration.from_template_and_values(
            base_job_template=copy.deepcopy(base or template()),
            values=copy.deepcopy(job_variables or {}),
        )

    # A worker in the cluster has these in its own environment; they are copied into every Job.
    worker = {
        PREFECT_API_URL: "http://prefect-server.harness.svc:4200/api",
        PREFECT_API_AUTH_STRING: "harness:not-a-secret",
        PREFECT_HOME: "/somewhere/of/the/worker",
    }
    with temporary_settings(worker):
        configuration = asyncio.run(configure())
        configuration.prepare_for_flow_run(run, deployment=response, flow=flow)
    return configuration.job_manifest


def pod(job: Document) -> Document:
    """A Job's pod spec without two fields that only the worker's validation asks for.

    It wants `completions` and `parallelism` in the pod's spec, where Kubernetes has no such fields
    and drops them with a warning; on the Job their default is the same, 1.
    """
    spec = copy.deepcopy(job["spec"]["template"]["spec"])
    assert (spec.pop("completions"), spec.pop("parallelism")) == (1, 1)
    assert isinstance(spec, dict)
    return spec


def strict(job: Document) -> Document:
    """The Job as the API server keeps it."""
    kept = copy.deepcopy(job)
    kept["spec"]["template"]["spec"] = pod(job)
    return kept
