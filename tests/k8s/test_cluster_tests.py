"""What tests/e2e/test_cluster.py asks of a cluster exists: only a cluster runs it, and rarely."""

from __future__ import annotations

import ast
import functools
import importlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from deployments.diagnosis import WAITING
from tests.e2e import cluster, test_cluster
from tests.fakes.kubernetes_api import KubernetesImitation
from tests.k8s import jobs, tools
from tests.k8s.documents import ROOT, Document, kind, pods, rendered, run
from tests.k8s.policies import Place, allowed, component

NEEDS_TOOLS = True
_FILES = ("tests/e2e/cluster.py", "tests/e2e/test_cluster.py")
_TREES = [ast.parse((ROOT / name).read_text(encoding="utf-8")) for name in _FILES]
_NODES = [node for tree in _TREES for node in ast.walk(tree)]
_TEXTS = [n.value for n in _NODES if isinstance(n, ast.Constant) and isinstance(n.value, str)]


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> tuple[Document, ...]:
    """What those tests install."""
    file = tmp_path_factory.mktemp("values") / "values.json"
    file.write_text(json.dumps(cluster.values("harness:0.1.0", "tiny:1b", "embed:1b")))
    return rendered("default", 4, "--values", str(file))


def _start(part: ast.expr) -> str:
    """The text that an argument begins with; of one that is computed, as much as is written."""
    if isinstance(part, ast.JoinedStr):
        part = part.values[0]
    if isinstance(part, ast.Constant) and isinstance(part.value, str):
        return part.value
    return ""


def _called(name: str) -> Iterator[list[str]]:
    """The arguments of each call of a method."""
    for node in _NODES:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr == name:
                yield [_start(part) for part in node.args]
        # Those of `situation` are in a table.
        elif name == "kubectl" and isinstance(node, ast.Tuple) and node.elts:
            parts = [_start(part) for part in node.elts]
            if parts[0] == "get":
                yield parts


@functools.cache
def _help(tool: Path, *verbs: str) -> str:
    done = run(tool, *verbs)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("tool", ["helm", "kubectl"])
def test_commands_have_the_flags(tool: str) -> None:
    binary = tools.helm(4) if tool == "helm" else tools.kubectl()
    seen = set()
    for arguments in _called(tool):
        if not (arguments and arguments[0]):
            continue  # a method that passes on what it is given
        own = arguments[: arguments.index("--")] if "--" in arguments else arguments
        verbs = own[: 2 if own[0] in {"create", "rollout"} else 1]
        offered = _help(binary, *verbs, "--help")
        if tool == "kubectl":
            offered += _help(binary, "options")
        seen.add(own[0])
        for flag in (part.partition("=")[0] for part in own if part.startswith("--")):
            assert re.search(rf"{flag}(?![\w-])", offered), (verbs, flag)
    expected = {
        "helm": {"upgrade", "test", "rollback", "uninstall"},
        "kubectl": {"get", "exec", "run", "delete", "drain", "uncordon", "rollout", "create"},
    }
    assert expected[tool] <= seen


def test_labels_and_names_are_the_releases(release: tuple[Document, ...]) -> None:
    components = {pod.component for pod in pods(release)}
    named = set()
    for text in _TEXTS:
        named |= set(re.findall(r"app\.kubernetes\.io/component=([a-z-]+)", text))
        for several in re.findall(r"app\.kubernetes\.io/component in \(([a-z,-]+)\)", text):
            named |= set(several.split(","))
    assert {"bootstrap", "worker", "toolbox", "qdrant", "job"} <= named <= components
    deployments = {d["metadata"]["name"] for d in kind(release, "Deployment")}
    asked = {name for text in _TEXTS for name in re.findall(r"deploy/([a-z-]+)", text)}
    assert {"toolbox", "prefect-worker", "api"} <= asked <= deployments
    labels = jobs.build()["spec"]["template"]["metadata"]["labels"]
    assert "prefect.io/flow-run-id" in labels


def test_claims_and_services_are_the_releases(release: tuple[Document, ...]) -> None:
    claims = {c["metadata"]["name"] for c in kind(release, "PersistentVolumeClaim")}
    for stateful in kind(release, "StatefulSet"):
        for template in stateful["spec"]["volumeClaimTemplates"]:
            claims.add(f"{template['metadata']['name']}-{stateful['metadata']['name']}-0")
    asked = {text for text in _TEXTS if re.fullmatch(r"(harness|ollama|storage)-[a-z0-9-]+", text)}
    asked -= {"harness-e2e"}
    assert {"harness-repositories", "ollama-models", "storage-qdrant-0"} <= asked <= claims
    ports = {
        service["metadata"]["name"]: {port["port"] for port in service["spec"]["ports"]}
        for service in kind(release, "Service")
    }
    for host, port in test_cluster.PORTS.items():
        assert host == "kubernetes.default.svc" or port in ports[host], host


def _parameters(test: Any) -> list[tuple[Any, ...]]:
    (mark,) = (mark for mark in test.pytestmark if mark.name == "parametrize")
    return [getattr(one, "values", one) for one in mark.args[1]]


def test_the_policies_let_through_what_is_expected(release: tuple[Document, ...]) -> None:
    policies = tuple(kind(release, "NetworkPolicy"))
    for source, expected in _parameters(test_cluster.test_policies_hold):
        reached = {
            host
            for host, port in test_cluster.PORTS.items()
            if allowed(policies, component(source), _place(host), port)
        }
        assert reached == expected, source


def _place(host: str) -> Place:
    if host == "kubernetes.default.svc":
        return Place(host, address="10.96.0.1")
    return component(host)


def test_runs_are_started_with_parameters_that_their_flows_take() -> None:
    entries = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))["deployments"]
    flows = {}
    for entry in entries:
        file, _, function = entry["entrypoint"].partition(":")
        flows[f"{function.replace('_', '-')}/{entry['name']}"] = (file, function)
    asked = {text for text in _TEXTS if re.fullmatch(r"[a-z]+(-[a-z]+)+/[a-z]+(-[a-z]+)+", text)}
    assert {"backup-index/nightly-backup", "agent-task/agent-task"} <= asked <= set(flows)
    names = {"INDEX": test_cluster.INDEX, "TASK": test_cluster.TASK}
    for node in _NODES:
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        if node.func.attr not in {"start", "start_as"}:
            continue
        first = node.args[0]
        name = names.get(first.id) if isinstance(first, ast.Name) else _start(first)
        if name in flows:
            given = {keyword.arg for keyword in node.keywords if keyword.arg}
            assert given <= _arguments(*flows[name]), name


@functools.cache
def _arguments(file: str, function: str) -> frozenset[str]:
    for node in ast.walk(ast.parse((ROOT / file).read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef) and node.name == function:
            return frozenset(one.arg for one in [*node.args.args, *node.args.kwonlyargs])
    raise AssertionError(f"{file} has no {function}")


def test_variables_and_states_of_runs_that_cannot_start_exist() -> None:
    known = set(jobs.template()["variables"]["properties"])
    for variables, state, _ in _parameters(test_cluster.test_a_run_that_cannot_start_says_why):
        assert set(variables) <= known
        assert state in WAITING


def test_scripts_for_the_toolbox_import_what_prefect_has() -> None:
    for script in (cluster._START, cluster._STATE, cluster._AUTOMATIC, cluster._SCHEDULE):
        for node in ast.walk(ast.parse(script)):
            if isinstance(node, ast.ImportFrom) and node.module:
                module = importlib.import_module(node.module)
                assert not [one.name for one in node.names if not hasattr(module, one.name)]


def test_commands_of_the_toolbox_exist() -> None:
    from typer.main import get_command

    from harness.cli.app import app

    commands = get_command(app).commands  # type: ignore[attr-defined]
    seen = set()
    for arguments in [*_called("toolbox"), *_called("throw_away"), *_called("kubectl")]:
        if "harness" not in arguments:
            continue
        name, *rest = arguments[arguments.index("harness") + 1 :]
        if name not in commands:
            assert "--" in arguments or name == "harness", arguments
            continue
        options = {flag for one in commands[name].params for flag in one.opts}
        assert {part for part in rest if part.startswith("--")} <= options, name
        seen.add(name)
    assert {"doctor", "search", "restore", "deploy", "models"} <= seen


def test_it_says_what_it_needs() -> None:
    text = test_cluster.__doc__ or ""
    read = {name for name in _TEXTS if re.fullmatch(r"HARNESS_CLUSTER_[A-Z_]+", name)}
    assert {"HARNESS_CLUSTER_IMAGE", "HARNESS_CLUSTER_MAY_DRAIN"} <= read
    assert not [name for name in read if name not in text]


def test_what_is_waited_for_in_vain_is_named_with_the_state_of_the_cluster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real kubectl against the imitation, which knows Jobs, pods and events only."""
    monkeypatch.setenv("HOME", str(tmp_path))
    with KubernetesImitation() as kubernetes:
        file = tmp_path / "kubeconfig"
        file.write_text(json.dumps(kubernetes.kubeconfig()))
        kubernetes.cluster.behaviour = "wait"
        kubernetes.cluster.create_job("harness", jobs.build())
        (job,) = kubernetes.cluster.objects["jobs"].values()
        run_id = job["metadata"]["labels"]["prefect.io/flow-run-id"]
        one = cluster.Release("harness", str(file), "harness:0.1.0")
        assert [found["metadata"]["name"] for found in one.jobs_of(run_id)] == [
            job["metadata"]["name"]
        ]
        (pod,) = one.pods_of(run_id, "Pending")
        assert one.pods_of("another-run", "Pending") == []
        with pytest.raises(pytest.fail.Exception) as failed:
            one.until("a running pod", lambda: one.pods_of(run_id, "Running"), 0)
    said = str(failed.value)
    assert said.startswith("a running pod: not within 0 s") and pod in said
    assert "get pvc" in said and "get events --field-selector type=Warning" in said
