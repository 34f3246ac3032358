"""The pages that are made from the code are those of this code, and say something of everything."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path

import jsonschema
import pytest

from docsite import commands, exit_codes, flows, http_api, json_documents, links
from docsite.pages import PAGES, ROOT
from harness.agent.envelope import Citation as Place
from harness.agent.envelope import Envelope, Passage
from harness.agent.status import EXIT_CODES, Status
from harness.types import IndexReport


@pytest.fixture(autouse=True)
def _a_data_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_DATA_DIR", str(tmp_path))


@pytest.mark.parametrize("name", PAGES)
def test_pages_are_made_from_this_code(name: str) -> None:
    page = PAGES[name]()
    assert (ROOT / name).read_text(encoding="utf-8") == page, "run `make reference`"
    if name != "docs/settings.md":
        assert [line for line in page.splitlines() if re.search(r"\|\s*\|$", line)] == []


def test_every_command_has_an_example() -> None:
    page = (ROOT / "docs/reference/commands.md").read_text(encoding="utf-8")
    paths = set(commands.command_paths())
    groups = {path[:-1] for path in paths}
    for path in paths - groups:
        section = page.partition(f"## harness {' '.join(path)}\n")[2].partition("\n## ")[0]
        assert "Example" in section, path


def test_every_end_has_a_meaning() -> None:
    codes = {*EXIT_CODES.values(), *(error.exit_code for error in exit_codes.errors())}
    assert codes <= set(exit_codes.MEANINGS)
    page = exit_codes.page()
    assert all(f"`{status}`" in page for status in Status)


def test_deployments_and_routes_are_all_there() -> None:
    page = (ROOT / "docs/reference/flows.md").read_text(encoding="utf-8")
    assert all(f"\n## {one['name']}\n" in page for one in flows.deployments())
    page = (ROOT / "docs/reference/http-api.md").read_text(encoding="utf-8")
    assert all(f" {path}\n" in page for path in http_api.document()["paths"])
    assert all(f"`{method} {path}`" in page for method, path, _ in http_api.page_routes())


def test_one_word_for_one_thing() -> None:
    # Those that are made from the code have the texts of commands, forms, tools and the API.
    for page in links.pages():
        text = page.read_text(encoding="utf-8").lower()
        assert re.findall(r"\b(snippets?|codebases?|data ?stores?|index jobs?)\b", text) == [], page


def test_documents_fit_their_schemas() -> None:
    report = IndexReport(
        *("web", "/web", "", 1, 1, 0, 0, {"binary": 1}, 1, 1, 0, 0, 1, 1.0, 0.5, "m"),
        failures=(("a.py", "why"),),
    )
    envelope = Envelope(
        status=Status.OK, passages=(Passage(Place("a.py", 1, 2, True, "web"), "text"),)
    )
    for command, document in (
        ("index", asdict(report)),
        ("ask, task", {**envelope.to_dict(), "applied": False}),
    ):
        schema = json_documents.schema(command)
        validator = jsonschema.Draft202012Validator(schema)
        validator.validate(_as_json(document))
        assert set(document) == set(schema["properties"])
        with pytest.raises(jsonschema.ValidationError):
            validator.validate({})


def _as_json(node: object) -> object:
    if isinstance(node, dict):
        return {str(key): _as_json(value) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [_as_json(item) for item in node]
    return node
