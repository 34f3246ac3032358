"""An installed Harness, used outside the checkout. It is made by the steps of the Dockerfile:
dependencies from the lock with their hashes, a wheel without an index, a read-only source tree."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from harness.stack.ports import free_port
from tests.repositories import make_repository

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(500)]

ROOT = Path(__file__).resolve().parents[2]
_FILES = ("pyproject.toml", "README.md", "LICENSE", "prefect.yaml",
          "requirements-image.lock", "requirements-build.lock")  # fmt: skip
_FOLDERS = ("harness", "flows", "deployments")


@dataclass(frozen=True, slots=True)
class Installed:
    """A virtual environment with Harness, and a folder to use it from."""

    programs: Path
    folder: Path
    environment: Mapping[str, str]

    def run(self, program: str, *arguments: str | Path) -> str:
        return _run(self.programs / program, *arguments, cwd=self.folder, env=self.environment)

    def json(self, *arguments: str | Path) -> Any:
        return json.loads(self.run("harness", *arguments, "--json"))


def _run(*command: str | Path, cwd: Path, env: Mapping[str, str]) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd, env=env, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout


def _read_only_copy(source: Path) -> None:
    source.mkdir()
    for name in _FILES:
        shutil.copy(ROOT / name, source)
    for name in _FOLDERS:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for folder, _, files in os.walk(source):
        for file in files:
            (Path(folder) / file).chmod(0o444)
        Path(folder).chmod(0o555)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    tmp = tmp_path_factory.mktemp("installed")
    source, venv, build, elsewhere = (tmp / n for n in ("src", "venv", "build", "elsewhere"))
    elsewhere.mkdir()
    # Nothing of the tests' own environment, PYTHONPATH above all.
    kept = ("PIP_", "SSL_", "HTTP")
    env = {key: value for key, value in os.environ.items() if key.startswith(kept)}
    env |= {"PATH": os.environ["PATH"], "HOME": str(tmp / "home")}
    _read_only_copy(source)
    try:
        _run(sys.executable, "-m", "venv", "--without-pip", venv, cwd=tmp, env=env)
        _run(sys.executable, "-m", "venv", build, cwd=tmp, env=env)
        pip = (build / "bin" / "python", "-m", "pip", "--quiet", "--disable-pip-version-check")
        into = (*pip, "--python", venv / "bin" / "python")
        locked = ("--no-deps", "--require-hashes", "--requirement")
        _run(*into, "install", "--no-compile", *locked, source / "requirements-image.lock",
             cwd=source, env=env)  # fmt: skip
        _run(*pip, "install", *locked, source / "requirements-build.lock", cwd=source, env=env)
        _run(*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", tmp / "wheels", ".",
             cwd=source, env=env)  # fmt: skip
        (wheel,) = (tmp / "wheels").glob("*.whl")
        _run(*into, "install", "--no-deps", "--no-index", wheel, cwd=tmp, env=env)
    finally:
        for folder, _, _ in os.walk(source):
            Path(folder).chmod(0o755)
    env |= {
        "PATH": f"{venv / 'bin'}:{env['PATH']}",
        "HARNESS_DATA_DIR": str(tmp / "data"),
        "HARNESS_PORT": str(free_port()),
        "HARNESS_SERVE_PORT": "0",
        "HARNESS_START_TIMEOUT_SECONDS": "300",
    }
    yield Installed(venv / "bin", elsewhere, env)


def test_it_holds_what_the_image_needs_and_no_build_tools(installed: Installed) -> None:
    assert "index" in installed.run("python", "-m", "harness", "--help")
    installed.run("python", "-c", "import prefect_kubernetes")
    packages = installed.programs.parent.glob("lib/python*/site-packages/*")
    assert not {"flows", "deployments", "pip", "hatchling"} & {path.name for path in packages}


def test_it_deploys_indexes_and_searches_outside_the_checkout(installed: Installed) -> None:
    # A package of the same name where the user happens to be.
    other = installed.folder / "deployments"
    other.mkdir()
    for name in ("__init__.py", "apply.py"):
        (other / name).write_text("raise SystemExit('this is not ours')\n")
    source = make_repository(
        installed.folder / "app", {"cookies.py": "def sign_cookie():\n    return 1\n"}
    )
    try:
        status = installed.json("up")
        kinds = {change["kind"] for change in status["changes"]}
        assert {"work-pool", "deployment", "automation"} <= kinds
        assert status["login_url"].startswith(f"{status['url']}/")
        page = httpx.get(f"{status['service_url']}/login", trust_env=False)
        assert (page.status_code, "Log in" in page.text) == (200, True)
        at_server = Installed(
            installed.programs,
            installed.folder,
            {
                **installed.environment,
                "PREFECT_PROFILES_PATH": status["prefect_profiles_path"],
            },
        )
        at_server.run("prefect", "deployment", "run", "index-repository/index-repository",
                      "--param", f"source={source}", "--watch")  # fmt: skip
        (hit, *_) = installed.json("search", "sign a cookie", "--repo", "app")["results"]
        assert (hit["path"], hit["symbol"]) == ("cookies.py", "sign_cookie")
        checks = {check["name"]: check for check in installed.json("doctor")["checks"]}
        assert checks["work pool"]["ok"], checks["work pool"]
    finally:
        assert installed.json("down") == {"stopped": True}
