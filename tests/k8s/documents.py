"""The rendered chart as data: rendering, and the questions that several tests ask of it."""

from __future__ import annotations

import functools
import json
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.k8s import tools

ROOT = Path(__file__).resolve().parents[2]
K8S = ROOT / "k8s"
CHART = K8S / "chart"
VALUES_SETS = ("default", *sorted(path.stem for path in (CHART / "ci").glob("*.yaml")))
PLATFORMS = tuple(yaml.safe_load((CHART / "files" / "platforms.yaml").read_text(encoding="utf-8")))
OVERLAYS = ("minikube", "gpu", "ha")
# From Chart.yaml's kubeVersion to the newest of which the validator has schemas.
KUBERNETES = ("1.30", "1.31", "1.32", "1.33", "1.34", "1.35", "1.36", "1.37")

Document = dict[str, Any]


def versions_of(number: int) -> tuple[str, str, str]:
    """The oldest and the newest version, and one between that is another one for the next number:
    validating everything against all of them takes long, and shows no more."""
    oldest, *between, newest = KUBERNETES
    return oldest, between[number % len(between)], newest


def with_versions(names: Sequence[str]) -> list[Any]:
    """Parameters of a test: each name with its versions."""
    return [
        pytest.param(name, version, id=f"{name}-{version}")
        for number, name in enumerate(names)
        for version in versions_of(number)
    ]


def values_arguments(values_set: str) -> list[str]:
    """Helm's arguments for one values set."""
    return [] if values_set == "default" else ["--values", str(CHART / "ci" / f"{values_set}.yaml")]


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    """One tool run; the caller looks at the exit code."""
    return subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, timeout=120, check=False
    )


@functools.cache
def template_text(values_set: str, helm_major: int = 4, *arguments: str) -> str:
    """`helm template` of one values set, hooks and tests included, once a session."""
    done = run(
        tools.helm(helm_major), "template", "harness", CHART, "--namespace", "harness",
        *values_arguments(values_set), *arguments,
    )  # fmt: skip
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return done.stdout


@functools.cache
def rendered(values_set: str, helm_major: int = 4, *arguments: str) -> tuple[Document, ...]:
    """The documents of one values set, and of further arguments of `helm template`."""
    return _documents(template_text(values_set, helm_major, *arguments))


def on(platform: str) -> tuple[Document, ...]:
    """The documents of the default values on one platform."""
    return rendered("default", 4, "--set", f"platform={platform}")


@functools.cache
def overlay(name: str) -> tuple[Document, ...]:
    """`kubectl kustomize` of an overlay, or of the manifests themselves (name "manifests")."""
    folder = K8S / name if name == "manifests" else K8S / "overlays" / name
    done = run(tools.kubectl(), "kustomize", folder)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return _documents(done.stdout)


def _documents(text: str) -> tuple[Document, ...]:
    # The C loader: ten times faster over a few hundred documents.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return tuple(document for document in yaml.load_all(text, Loader=loader) if document)


def kind(documents: tuple[Document, ...], name: str) -> list[Document]:
    """All documents of one kind."""
    return [document for document in documents if document["kind"] == name]


def job_defaults(documents: tuple[Document, ...]) -> dict[str, Any]:
    """HARNESS_JOB_DEFAULTS of the bootstrap Job."""
    (text,) = (
        entry["value"]
        for pod in pods(documents)
        for container in pod.containers()
        for entry in container.get("env", [])
        if entry["name"] == "HARNESS_JOB_DEFAULTS"
    )
    loaded: dict[str, Any] = json.loads(text)
    return loaded


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod that some document makes."""

    owner: str
    labels: dict[str, str]
    spec: Document
    claim_templates: tuple[str, ...] = ()

    @property
    def component(self) -> str:
        """The label that policies select by."""
        return self.labels["app.kubernetes.io/component"]

    def containers(self) -> list[Document]:
        """Init containers too."""
        return [*self.spec.get("initContainers", []), *self.spec["containers"]]


def pods(documents: tuple[Document, ...]) -> Iterator[Pod]:
    """Every pod, those of Jobs and of the helm test included."""
    for document in documents:
        owner = f"{document['kind']}/{document['metadata']['name']}"
        spec = document.get("spec") or {}
        if document["kind"] == "Pod":
            yield Pod(owner, document["metadata"].get("labels", {}), spec)
        elif "template" in spec:
            template = spec["template"]
            claims = tuple(c["metadata"]["name"] for c in spec.get("volumeClaimTemplates", []))
            yield Pod(owner, template["metadata"].get("labels", {}), template["spec"], claims)


def matches(selector: Document | None, labels: dict[str, str]) -> bool:
    """Kubernetes' label selector: an empty one matches everything, a missing one nothing."""
    if selector is None:
        return False
    for key, value in (selector.get("matchLabels") or {}).items():
        if labels.get(key) != value:
            return False
    for rule in selector.get("matchExpressions") or []:
        value, allowed = labels.get(rule["key"]), rule.get("values", [])
        holds = {
            "In": value in allowed,
            "NotIn": value not in allowed,
            "Exists": value is not None,
            "DoesNotExist": value is None,
        }[rule["operator"]]
        if not holds:
            return False
    return True
