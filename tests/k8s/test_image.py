"""The image without a container engine: rules over the Dockerfile, and the same steps in a venv."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.k8s.dockerfile import parse
from tests.k8s.documents import ROOT

ARGUMENTS, STAGES = parse(ROOT / "Dockerfile")
BUILD, FINAL = STAGES
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)


def test_base_is_pinned_to_a_patch_release() -> None:
    for stage in STAGES:
        assert re.fullmatch(r"python:3\.11\.\d+-slim(-\w+)?(@sha256:[0-9a-f]{64})?", stage.base)


def test_final_stage_is_not_root_and_has_a_numeric_user() -> None:
    # Kubernetes cannot tell that a named user is not root.
    assert FINAL.all("USER") == ["10001:10001"]
    assert FINAL.instructions[-3][0] == "USER"


def test_packages_come_from_the_locks_with_hashes() -> None:
    installs = [
        step
        for run in BUILD.all("RUN")
        for step in re.split(r"&&", run)
        if re.search(r"\bpip\b.*\binstall\b", step)
    ]
    assert len(installs) == 3
    for step in installs:
        assert "--no-deps" in step
        assert "--require-hashes" in step or "--no-index" in step
    assert not any("pip" in run for run in FINAL.all("RUN"))


def test_final_stage_has_git_and_ripgrep_but_no_build_tools() -> None:
    (run,) = FINAL.all("RUN")
    installed = re.search(r"--no-install-recommends ([a-z0-9 -]+?)\s*&&", run)
    assert installed is not None
    assert installed[1].split() == ["ca-certificates", "git", "ripgrep", "tini"]
    assert "rm -rf /var/lib/apt/lists/*" in run


def test_nothing_is_fetched_or_unpacked_from_elsewhere() -> None:
    for stage in STAGES:
        assert not stage.all("ADD")
        assert not any(re.search(r"\b(curl|wget|sudo)\b", run) for run in stage.all("RUN"))


def test_settings_are_not_baked_in() -> None:
    assert FINAL.all("ENV") == ["PATH=/opt/venv/bin:$PATH"]
    assert not any("SECRET" in a or "KEY" in a for s in STAGES for a in s.all("ARG"))


def test_flow_code_is_where_deployments_look_for_it() -> None:
    copied = [arguments.split()[-1] for arguments in FINAL.all("COPY")]
    for name in ("prefect.yaml", "harness", "flows", "deployments"):
        assert f"/opt/harness/{name}" in copied
    assert FINAL.all("WORKDIR") == ["/opt/harness"]


def test_entrypoint_forwards_signals_and_takes_any_command() -> None:
    # Prefect gives Jobs their command as arguments: an entrypoint "harness" would swallow it.
    assert FINAL.all("ENTRYPOINT") == ['["/usr/bin/tini", "--"]']


def test_labels_are_there() -> None:
    (labels,) = FINAL.all("LABEL")
    for name in ("title", "description", "licenses", "version", "revision"):
        assert f"org.opencontainers.image.{name}=" in labels


def _ignored(path: str) -> bool:
    """The .dockerignore's allow-list, for top-level names."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in lines, "an allow-list starts with everything ignored"
    return f"!{path}" not in lines


def test_build_context_holds_what_is_copied_and_nothing_else() -> None:
    wanted = {
        source.removeprefix("./")
        for stage in STAGES
        for arguments in stage.all("COPY")
        if "--from" not in arguments
        for source in arguments.split()[:-1]
    }
    assert not [name for name in wanted if _ignored(name)]
    for name in (".git", ".env", "tests", "k8s", ".venv"):
        assert _ignored(name)


@pytest.mark.parametrize("lock", ["requirements-image.lock", "requirements-build.lock"])
def test_image_locks_agree_with_the_main_lock(lock: str) -> None:
    main = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    part = (ROOT / lock).read_text(encoding="utf-8")
    pins = set(_PIN.findall(part))
    assert pins and pins <= set(_PIN.findall(main)), "run `make lock`"
    assert set(re.findall(r"sha256:[0-9a-f]{64}", part)) <= set(
        re.findall(r"sha256:[0-9a-f]{64}", main)
    )


def test_image_lock_has_no_development_tools() -> None:
    names = {name for name, _ in _PIN.findall((ROOT / "requirements-image.lock").read_text())}
    assert not names & {"pytest", "mypy", "ruff", "hypothesis", "hatchling", "pip", "setuptools"}
    assert {"prefect", "prefect-kubernetes", "qdrant-client", "ollama", "asyncpg"} <= names


def _run(*command: str | Path, cwd: Path, env: dict[str, str]) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd, env=env, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout


@pytest.mark.e2e
def test_same_steps_work_in_a_clean_environment_with_a_read_only_tree(tmp_path: Path) -> None:
    source = tmp_path / "src"
    source.mkdir()
    skip = shutil.ignore_patterns("__pycache__", "*.pyc")
    for name in ("pyproject.toml", "README.md", "LICENSE", "prefect.yaml",
                 "requirements-image.lock", "requirements-build.lock"):  # fmt: skip
        shutil.copy(ROOT / name, source)
    for name in ("harness", "flows", "deployments"):
        shutil.copytree(ROOT / name, source / name, ignore=skip)
    for folder, _, files in os.walk(source):
        for file in files:
            (Path(folder) / file).chmod(0o444)
        Path(folder).chmod(0o555)
    env = {key: value for key, value in os.environ.items()
           if key.startswith(("PIP_", "SSL_", "HTTP")) or key == "PATH"}  # fmt: skip
    env |= {"HOME": str(tmp_path / "home"), "PREFECT_HOME": str(tmp_path / "home" / ".prefect")}
    venv, build = tmp_path / "venv", tmp_path / "build"
    try:
        _run(sys.executable, "-m", "venv", "--without-pip", venv, cwd=tmp_path, env=env)
        _run(sys.executable, "-m", "venv", build, cwd=tmp_path, env=env)
        pip = [build / "bin" / "python", "-m", "pip", "--quiet"]
        into = [*pip, "--python", venv / "bin" / "python"]
        locked = ["--no-deps", "--require-hashes", "--requirement"]
        _run(*into, "install", "--no-compile", *locked, source / "requirements-image.lock",
             cwd=source, env=env)  # fmt: skip
        _run(*pip, "install", *locked, source / "requirements-build.lock", cwd=source, env=env)
        _run(*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", tmp_path / "wheels",
             ".", cwd=source, env=env)  # fmt: skip
        (wheel,) = (tmp_path / "wheels").glob("*.whl")
        _run(*into, "install", "--no-deps", "--no-index", wheel, cwd=tmp_path, env=env)
        env["PATH"] = f"{venv / 'bin'}:{env['PATH']}"
        assert "index" in _run(venv / "bin" / "harness", "--help", cwd=source, env=env)
        assert "index" in _run(venv / "bin" / "python", "-m", "harness", "--help", cwd=source,
                               env=env)  # fmt: skip
        _run(venv / "bin" / "prefect", "worker", "start", "--help", cwd=source, env=env)
        _run(venv / "bin" / "prefect", "server", "start", "--help", cwd=source, env=env)
        _run(venv / "bin" / "python", "-c", "import flows.index_repository, prefect_kubernetes",
             cwd=source, env=env)  # fmt: skip
        template = next(venv.glob("lib/python*/site-packages/deployments/base-job-template.json"))
        assert template.read_bytes() == (source / "deployments/base-job-template.json").read_bytes()
        assert not (venv / "bin" / "pip").exists()
        assert not list(venv.glob("lib/python*/site-packages/hatchling"))
    finally:
        for folder, _, _ in os.walk(source):
            Path(folder).chmod(0o755)
