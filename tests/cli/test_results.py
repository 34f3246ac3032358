"""``harness results``: listing and fetching what tasks left."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.runs import Run, document

NAME = "20261127T101500Z-task-0a1b2c"


def test_results_of_this_machine(
    harness: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_RESULTS_DIR", str(tmp_path / "results"))
    assert document(harness("results", "list", "--json")) == {"results": []}
    folder = tmp_path / "results" / NAME
    folder.mkdir(parents=True)
    (folder / "patch.diff").write_text("--- a\n")
    (listed,) = document(harness("results", "list", "--json"))["results"]
    assert (listed["name"], listed["files"]) == (NAME, ["patch.diff"])
    assert NAME in harness("results", "list")[1]
    to = str(tmp_path / "out")
    assert document(harness("results", "get", NAME, "--to", to, "--json"))["path"] == to
    assert (tmp_path / "out/patch.diff").read_text() == "--- a\n"
    for name in (NAME, "none"):
        code, _, err = harness("results", "get", name, "--to", to)
        assert code == 2 and len(err.splitlines()) == 1


def test_settings_that_cannot_be_used(harness: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_RESULTS_KEY", "s3cret")
    for url in ("", "https://host/bucket"):
        monkeypatch.setenv("HARNESS_RESULTS_URL", url)
        code, _, err = harness("results", "list")
        assert code == 2 and "HARNESS_RESULTS_" in err
        assert "s3cret" not in err
