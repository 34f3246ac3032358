"""The file of the audit log: private, bounded, and nobody else's."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from starlette.requests import Request

from harness.service import audit
from harness.service.audit import Audit
from harness.service.callers import OWNER


def note(log: Audit, query: str = "") -> None:
    state = {"query": query, "tool": "search\n{}"}
    scope = {"type": "http", "method": "POST", "path": "/mcp", "headers": [], "state": state}
    log.note(OWNER, Request(scope), 200, 0.1)


def test_it_is_cut_into_private_files_of_bounded_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "_MAX_BYTES", 30_000)
    log = Audit(tmp_path / "audit.jsonl", log_queries=True)
    for _ in range(60):
        note(log, "ä\n" * 5_000)
    log.close()
    files = sorted(tmp_path.iterdir())
    assert len(files) == 6
    for file in files:
        assert file.stat().st_size <= 30_000
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        # Whatever was asked, a request is a line.
        for line in file.read_text().splitlines():
            entry = json.loads(line)
            assert entry["what"] == "POST /mcp search\n{}"
            assert len(entry["query"]) == 1_000


def test_it_is_written_through_no_link(tmp_path: Path) -> None:
    (tmp_path / "audit.jsonl").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"):
        note(Audit(tmp_path / "audit.jsonl"))
    assert not (tmp_path / "elsewhere").exists()
