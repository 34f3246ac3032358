"""What pip is told and given: the distribution's name, its dependencies, the wheel."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from email.parser import HeaderParser
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
