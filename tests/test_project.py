"""Truths that span files."""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
DEPLOYMENTS: list[dict[str, Any]] = yaml.safe_load((ROOT / "prefect.yaml").read_text())[
    "deployments"
]


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda deployment: deployment["name"])
def test_entrypoints_import_and_take_their_parameters(
    deployment: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from prefect.flows import load_flow_from_entrypoint
    from prefect.utilities.callables import parameter_schema

    from harness.stack.environment import CSRF_TOKEN_SECONDS

    monkeypatch.chdir(ROOT)
    flow = load_flow_from_entrypoint(deployment["entrypoint"], use_placeholder_flow=False)
    schema = parameter_schema(flow)
    parameters = deployment.get("parameters") or {}
    assert set(parameters) <= set(schema.properties)
    for name, described in schema.properties.items():
        assert described.get("description"), f"{flow.name}: {name} has no text in the UI's form"
    for schedule in deployment.get("schedules") or []:
        missing = set(schema.required) - set(parameters) - set(schedule.get("parameters") or {})
        assert not missing, "a scheduled run would lack parameters"
    assert deployment["work_pool"]["name"] == "harness"
    assert deployment["description"]
    assert flow.timeout_seconds is not None
    assert flow.timeout_seconds < CSRF_TOKEN_SECONDS, "its client would need another token"


def test_every_flow_file_is_deployed() -> None:
    entrypoints = {deployment["entrypoint"].split(":")[0] for deployment in DEPLOYMENTS}
    flow_files = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "flows").glob("*.py")
        if re.search(r"^@flow\b", path.read_text(), re.MULTILINE)
    }
    assert flow_files == entrypoints


def test_flow_files_shadow_no_module_of_the_standard_library() -> None:
    # An entrypoint's folder comes first on the import path.
    names = {path.stem for path in (ROOT / "flows").glob("*.py")} - {"__init__"}
    assert not names & set(sys.stdlib_module_names)


def test_no_change_is_told_twice() -> None:
    # Merges keep both sides of lists that grow at their end.
    entries = re.split(r"^- ", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    told = Counter(" ".join(entry.split()) for entry in entries)
    assert [entry for entry, times in told.items() if times > 1] == []


def test_make_help_lists_every_target() -> None:
    text = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)
    assert phony is not None
    documented = set(re.findall(r"^([a-z0-9-]+):.*## ", text, re.MULTILINE))
    assert documented == set(phony.group(1).split())


@pytest.mark.parametrize(
    "document",
    [
        "README.md",
        "CONTRIBUTING.md",
        *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")),
    ],
)
def test_documents_name_what_exists(document: str) -> None:
    from harness.cli.app import command_names

    text = (ROOT / document).read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    pieces = re.findall(r"```\w*\n(.*?)```|`([^`\n]+)`", text, re.DOTALL)
    code = "\n".join("".join(piece) for piece in pieces)
    assert set(re.findall(r"\bmake ([a-z0-9-]+)", code)) <= targets
    assert set(re.findall(r"^\s*harness ([a-z]+)", code, re.MULTILINE)) <= command_names()


def test_locks_hold_hashes_and_no_addresses() -> None:
    for lock in sorted(ROOT.glob("requirements*.lock")):
        text = lock.read_text()
        pinned = re.findall(r"^[a-z0-9._-]+==", text, re.MULTILINE)
        assert pinned, lock.name
        assert len(re.findall(r"^[a-z0-9._-]+==[^\n]*\\\n    --hash=", text, re.MULTILINE)) == len(
            pinned
        ), lock.name
        assert "://" not in text, lock.name


def test_the_architecture_names_every_module() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([a-z_]+)`", text))
    for package in ("harness", "flows"):
        modules = {
            path.stem
            for path in (ROOT / package).iterdir()
            if (path.suffix == ".py" or (path / "__init__.py").exists())
            and not path.stem.startswith("_")
        }
        assert modules <= named, f"{package}: {sorted(modules - named)}"


def test_every_command_is_documented() -> None:
    from harness.cli.app import command_names

    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    assert {name for name in command_names() if f"harness {name}" not in text} == set()
