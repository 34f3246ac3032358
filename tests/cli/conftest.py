"""A command line of its own for each test, and a small repository."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.cli.main import run
from tests.cli.runs import ROUTING, SESSION, Run
from tests.repositories import make_repository


@pytest.fixture
def harness(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Run:
    for name in list(os.environ):
        if name.startswith(("HARNESS_", "OLLAMA_", "QDRANT_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HARNESS_DATA_DIR", str(tmp_path / "data"))

    def call(*arguments: str) -> tuple[int, str, str]:
        capfd.readouterr()
        code = run(list(arguments))
        out, err = capfd.readouterr()
        return code, out, err

    return call


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    files: dict[str, str | bytes] = {"app/routing.py": ROUTING, "app/session.py": SESSION}
    return make_repository(tmp_path / "web app", files)
