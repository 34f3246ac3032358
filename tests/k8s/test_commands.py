"""Commands that the chart runs or tells people to run exist, with those arguments."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from harness.stack.options import StackOptions
from tests.k8s.documents import CHART, ROOT, Document, pods, rendered, template_text

NEEDS_TOOLS = True
PREFECT_FILE = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))


def _arguments(component: str) -> list[str]:
    (pod,) = [pod for pod in pods(rendered("default")) if pod.component == component]
    found: list[str] = pod.spec["containers"][0]["args"]
    return found


def _deployments() -> dict[str, Document]:
    """Deployments of prefect.yaml by `flow/deployment`; Prefect's flow names have dashes."""
    return {
        f"{entry['entrypoint'].partition(':')[2].replace('_', '-')}/{entry['name']}": entry
        for entry in PREFECT_FILE["deployments"]
    }


def test_deployments_that_templates_start_exist() -> None:
    text = "".join(
        path.read_text(encoding="utf-8")
        for path in (CHART / "templates").rglob("*")
        if path.is_file()
    )
    started = set(re.findall(r"deployment run ([a-z-]+/[a-z-]+)", text))
    assert {"pull-models/pull-models", "check-stack/check-volumes"} <= started
    assert started <= set(_deployments())


def _help(*command: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *command, "--help"],
        # Wide enough that the help breaks no flag over two lines.
        env=os.environ | {"COLUMNS": "250"},
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_bootstrap_registers_with_arguments_that_exist() -> None:
    (script,) = _arguments("bootstrap")
    match = re.search(r"python -m deployments\.apply (.*)", script)
    assert match is not None
    offered = _help("deployments.apply")
    for flag in re.findall(r"--[a-z-]+", match[1]):
        assert flag in offered


@pytest.mark.parametrize(
    ("component", "module"),
    [("prefect-server", "deployments.server"), ("worker", "deployments.worker")],
)
def test_prefect_has_the_arguments(component: str, module: str) -> None:
    arguments = _arguments(component)
    assert arguments[:3] == ["python", "-m", module]
    offered = _help(module)
    for flag in (argument for argument in arguments if argument.startswith("--")):
        assert flag in offered, flag


def test_the_worker_polls_the_pool_that_is_deployed_to() -> None:
    arguments = _arguments("worker")
    assert arguments[arguments.index("--pool") + 1] == StackOptions().work_pool
    text = template_text("default", 4, "--set", "harness.settings.HARNESS_WORK_POOL=team-a")
    assert '--pool, "team-a", --with' in text
    assert '\n  HARNESS_WORK_POOL: "team-a"\n' in text, "the bootstrap Job would use another one"


def test_deployments_are_started_with_arguments_that_exist() -> None:
    offered = _help("prefect", "deployment", "run")
    texts = [path.read_text(encoding="utf-8") for path in (CHART / "templates").rglob("*")
             if path.is_file()]  # fmt: skip
    texts.append((ROOT / "docs" / "kubernetes.md").read_text(encoding="utf-8"))
    used = {
        flag
        for text in texts
        for line in re.findall(r"prefect deployment run ([^\n`]*)", text)
        for flag in re.findall(r"(?<!\S)--[a-z-]+", line)
    }
    assert {"--param", "--watch", "--watch-timeout"} <= used
    for flag in used:
        assert re.search(rf"{flag}\b(?!-)", offered), flag


def test_jobs_find_the_flow_code_where_the_image_has_it() -> None:
    (pod,) = [pod for pod in pods(rendered("default")) if pod.component == "bootstrap"]
    (container,) = pod.spec["containers"]
    folder = {e["name"]: e.get("value") for e in container["env"]}["HARNESS_CODE_DIR"]
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert f"\nCOPY --from=build {folder} {folder}\n" in dockerfile
    (step,) = PREFECT_FILE["pull"]
    assert step == {
        "prefect.deployments.steps.set_working_directory": {"directory": "{{ $HARNESS_CODE_DIR }}"}
    }


@pytest.mark.parametrize(
    ("target", "given", "wanted"),
    [
        pytest.param(
            "k8s-task",
            {"TASK": 'fix `x`; say "$(HOME)" $HOME', "REPO": "app"},
            ["run", "agent-task", "--param", "repository=app",
             "--param", 'text=fix `x`; say "$(HOME)" $HOME'],
            id="task",
        ),
        pytest.param(
            "k8s-index",
            {"SOURCE": "https://git.example.org/team/app.git"},
            ["run", "index-repository", "--param", "source=https://git.example.org/team/app.git"],
            id="index",
        ),
    ],
)  # fmt: skip
def test_make_starts_a_flow_run_with_the_text_as_it_is(
    target: str, given: dict[str, str], wanted: list[str], tmp_path: Path
) -> None:
    stand_in = tmp_path / "kubectl"
    stand_in.write_text('#!/bin/sh\nfor one; do printf "%s\\n" "$one"; done\n', encoding="utf-8")
    stand_in.chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}

    def make(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["make", "--no-print-directory", target, *arguments],
            cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    done = make(*(f"{name}={value}" for name, value in given.items()))
    assert done.returncode == 0, done.stderr
    called = done.stdout.splitlines()
    assert called[called.index("--") + 1 :] == ["harness", *wanted]
    nothing = make()
    assert nothing.returncode == 2 and f"make {target} " in nothing.stderr
    assert set(wanted[1:2]) <= {name.partition("/")[2] for name in _deployments()}
