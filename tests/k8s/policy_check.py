"""checkov over the rendered output: ``python -m tests.k8s.policy_check`` (``make checkov``).

checkov is 291 MB with its dependencies, so it has a virtual environment of its own in the tools'
cache and is not part of `make test`. A failed check without a named reason below fails the run, and
so does a reason that no check needs any more.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from tests.k8s import jobs, tools
from tests.k8s.documents import PLATFORMS, ROOT, VALUES_SETS, template_text

_VERSION = "3.3.30"
EVERYWHERE = ""
# Check -> part of the resource's name -> why it may fail there.
EXCEPTIONS: dict[str, dict[str, str]] = {
    "CKV_K8S_15": {
        EVERYWHERE: "Images are pinned by version; pulling them always would tie every start to a "
        "registry, which an air-gapped cluster may not have. imagePullPolicy: Always is a value.",
    },
    "CKV_K8S_35": {
        EVERYWHERE: "Ollama, Qdrant, Postgres and Prefect take their passwords from the "
        "environment, and so do our settings; who gets which is tested.",
    },
    "CKV_K8S_38": {
        "prefect-worker": "The one pod that talks to the Kubernetes API.",
        "uninstall": "Ends the Jobs of flow runs, once, when everything else is gone.",
    },
    "CKV_K8S_40": {
        "postgres": "initdb needs a name for its uid: 999 is the image's own user.",
        "qdrant": "The unprivileged image's own user is 1000.",
        "n8n": "The image's own user is 1000.",
        "platform-openshift": "The cluster gives each namespace its uids.",
    },
    "CKV_K8S_43": {
        EVERYWHERE: "Digests belong to the registry that a cluster uses; image values take "
        "repository:tag@sha256:digest.",
    },
    "CKV_K8S_8": {
        "toolbox": "Serves nothing: it waits for kubectl exec.",
        "harness-test": "Runs once and ends.",
        "ollama": "The keeper beside the server, which has one itself, may pull for hours.",
    },
    "CKV_K8S_9": {
        "toolbox": "Serves nothing: it waits for kubectl exec.",
        "harness-test": "Runs once and ends.",
        "ollama": "The keeper has a readiness probe only where keeper.gateReadiness asks for one.",
    },
    "CKV_DOCKER_7": {
        "Dockerfile": "The tag is in ARG BASE, which checkov does not fill in; test_image.py does.",
    },
    "CKV_DOCKER_2": {
        "Dockerfile": "One image for several commands: the probes are in the pods that serve.",
    },
}


def _checkov() -> Path:
    venv = tools.cache_dir() / f"checkov-{_VERSION}"
    binary = venv / "bin" / "checkov"
    if not binary.is_file():
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        pip = [str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, f"checkov=={_VERSION}"], check=True)
    return binary


def _inputs(folder: Path) -> None:
    """Every values set and platform, the Job of every deployment, and the Dockerfile."""
    for values_set in VALUES_SETS:
        (folder / f"{values_set}.yaml").write_text(template_text(values_set), encoding="utf-8")
    for platform in PLATFORMS:
        text = template_text("default", 4, "--set", f"platform={platform}")
        (folder / f"platform-{platform}.yaml").write_text(text, encoding="utf-8")
    for name, variables in jobs.deployments().items():
        job = jobs.strict(jobs.build(variables, deployment=name))
        job["metadata"] |= {"name": f"job-{name}"}
        (folder / f"job-{name}.yaml").write_text(yaml.safe_dump(job), encoding="utf-8")
    (folder / "Dockerfile").write_bytes((ROOT / "Dockerfile").read_bytes())


def failures(folder: Path) -> tuple[int, list[dict[str, Any]]]:
    """How many checks passed, and those that failed."""
    done = subprocess.run(
        [str(_checkov()), "--directory", str(folder), "--framework", "kubernetes", "dockerfile",
         "--skip-download", "--compact", "--quiet", "--output", "json"],
        capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    reports = json.loads(done.stdout)
    reports = reports if isinstance(reports, list) else [reports]
    passed = sum(report["summary"]["passed"] for report in reports)
    return passed, [one for report in reports for one in report["results"]["failed_checks"]]


def main() -> int:
    """Print what fails without a reason, and reasons without a failure."""
    with tempfile.TemporaryDirectory() as scratch:
        _inputs(Path(scratch))
        passed, failed = failures(Path(scratch))
    unexplained, used = [], set()
    for one in failed:
        where = f"{one['resource']} {one['file_path']}"
        for part in EXCEPTIONS.get(one["check_id"], {}):
            if part in where:
                used.add((one["check_id"], part))
                break
        else:
            unexplained.append(f"{one['check_id']} {one['check_name']}: {where}")
    stale = {(c, part) for c, parts in EXCEPTIONS.items() for part in parts} - used
    for line in sorted(set(unexplained)):
        print(line)
    for check, part in sorted(stale):
        print(f"nothing fails {check} at {part or 'all'} any more: remove its exception")
    print(f"{passed} checks passed, {len(failed)} failed with a reason" if not unexplained else
          f"{len(unexplained)} failed without a reason")  # fmt: skip
    return 1 if unexplained or stale else 0


if __name__ == "__main__":
    sys.exit(main())
