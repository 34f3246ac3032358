"""The image without a container engine: rules over the Dockerfile. Its steps are taken in a virtual
environment by tests/e2e/test_installed.py."""

from __future__ import annotations

import re

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
    assert installed[1].split() == ["ca-certificates", "git", "openssh-client", "ripgrep", "tini"]
    assert "rm -rf /var/lib/apt/lists/*" in run


def test_nothing_is_fetched_or_unpacked_from_elsewhere() -> None:
    for stage in STAGES:
        assert not stage.all("ADD")
        assert not any(re.search(r"\b(curl|wget|sudo)\b", run) for run in stage.all("RUN"))


def test_settings_are_not_baked_in() -> None:
    assert FINAL.all("ENV") == ["PATH=/opt/venv/bin:$PATH"]
    assert not any("SECRET" in a or "KEY" in a for s in STAGES for a in s.all("ARG"))


def test_flow_code_is_where_deployments_look_for_it() -> None:
    # It comes out of the installed package, so the image holds one version of it.
    assert re.search(r"^cp -R .*\bcode_dir\(\).* /opt/harness$", BUILD.all("RUN")[-1])
    assert "--from=build /opt/harness /opt/harness" in FINAL.all("COPY")
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
    assert {"prefect", "prefect-kubernetes", "qdrant-client", "ollama", "asyncpg", "boto3"} <= names
