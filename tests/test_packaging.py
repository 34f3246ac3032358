"""What pip is told and given: the distribution's name, its dependencies, the wheel."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator, Mapping
from email.parser import HeaderParser
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness import DISTRIBUTION, __version__

ROOT = Path(__file__).resolve().parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
OURS = ("harness", "flows", "deployments")


def test_name_and_version_are_the_same_everywhere() -> None:
    assert (PROJECT["name"], PROJECT["version"]) == (DISTRIBUTION, __version__)
    assert f"\nARG VERSION={__version__}\n" in (ROOT / "Dockerfile").read_text()


def test_nobody_is_told_to_install_somebody_elses_harness() -> None:
    """`harness` on the public package index is another project."""
    texts = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "Makefile", ROOT / "Dockerfile"]
    for folder in (*OURS, "docs", "k8s"):
        texts += [path for path in (ROOT / folder).rglob("*") if path.suffix in {".py", ".md"}]
    names: set[str] = set()
    for path in texts:
        hints = re.findall(r"pip install ([^\n`]*)", path.read_text(encoding="utf-8"))
        names |= {name for hint in hints for name in re.findall(r"\bharness[\w-]*", hint)}
    assert names <= {DISTRIBUTION}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _imported() -> Mapping[str, str]:
    """Top-level modules that are imported, here or there, and a file that does it."""
    found: dict[str, str] = {}
    for folder in OURS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    names = [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom) and node.level == 0:
                    names = [node.module or ""]
                else:
                    continue
                for name in names:
                    found.setdefault(name.split(".")[0], str(path.relative_to(ROOT)))
    return found


def test_what_is_imported_is_declared() -> None:
    extras = PROJECT["optional-dependencies"]
    requirements = [
        *PROJECT["dependencies"],
        *(one for extra in ("mcp", "chat", "minilm", "s3") for one in extras[extra]),
    ]
    declared = {_normal(re.split(r"[^A-Za-z0-9._-]", line)[0]) for line in requirements}
    distributions = packages_distributions()
    third_party = _imported().keys() - sys.stdlib_module_names - set(OURS)
    assert {"prefect", "yaml", "httpx", "mcp"} <= third_party
    undeclared = {
        module: _imported()[module]
        for module in third_party
        # One that is not installed (an extra's) is called like its distribution.
        if not {_normal(name) for name in distributions.get(module, [module])} & declared
    }
    assert undeclared == {}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    """The wheel as the image's build makes it, without an index."""
    folder = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "wheel"),
            *("--no-index", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, ROOT),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (file,) = folder.glob("*.whl")
    with zipfile.ZipFile(file) as archive:
        yield archive


def test_the_wheel_has_one_top_level_package(wheel: zipfile.ZipFile) -> None:
    metadata = f"{DISTRIBUTION.replace('-', '_')}-{__version__}.dist-info"
    assert {name.split("/")[0] for name in wheel.namelist()} == {"harness", metadata}
    headers = HeaderParser().parsestr(wheel.read(f"{metadata}/METADATA").decode())
    assert headers["Name"] == DISTRIBUTION
    assert "harness = harness.cli:main" in wheel.read(f"{metadata}/entry_points.txt").decode()


def test_the_wheel_holds_the_page(wheel: zipfile.ZipFile) -> None:
    folder = ROOT / "harness" / "service" / "page"
    files = {
        path.relative_to(ROOT).as_posix()
        for kind in ("templates", "static")
        for path in (folder / kind).iterdir()
    }
    assert {Path(name).suffix for name in files} == {".html", ".css", ".js", ".svg"}
    assert files <= set(wheel.namelist())


def test_the_wheel_holds_everything_that_is_deployed(wheel: zipfile.ZipFile) -> None:
    bundle = {
        name.removeprefix("harness/bundle/"): wheel.read(name)
        for name in wheel.namelist()
        if name.startswith("harness/bundle/")
    }
    checkout = {
        path.relative_to(ROOT).as_posix(): path.read_bytes()
        for folder in ("flows", "deployments")
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and path.parent.name != "__pycache__"
    }
    checkout["prefect.yaml"] = (ROOT / "prefect.yaml").read_bytes()
    assert bundle == checkout
    entrypoints = [d["entrypoint"] for d in yaml.safe_load(bundle["prefect.yaml"])["deployments"]]
    assert {entrypoint.partition(":")[0] for entrypoint in entrypoints} <= set(bundle)
