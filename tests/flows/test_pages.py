"""What runs leave to be read in a browser: nothing in it is loaded, followed or secret."""

from __future__ import annotations

from pathlib import Path

import pytest
from prefect.states import Failed

from flows import agent_task
from flows.outcomes import paragraph
from flows.summary import markdown
from harness.agent.envelope import Citation, Envelope
from harness.agent.result import report, write_results
from harness.agent.status import Status
from harness.types import IndexReport
from tests.repository.planted.making import rand
from tests.test_markdown import PARSER, active

HOSTILE = "![x](http://e.org/?q=1) <img src=http://e.org> [a](http://e.org)"
FENCES = "```\n````\n`````\n![x](http://e.org)\n~~~\n<script>alert(1)</script>\n"


def envelope(**fields: object) -> Envelope:
    return Envelope(status=Status.OK, **fields)  # type: ignore[arg-type]


def test_a_report_is_inert() -> None:
    result = envelope(
        answer=f"{HOSTILE}\n\n{FENCES}",
        error=HOSTILE,
        citations=(Citation(f"a`{HOSTILE}", 1, 2, True),),
        patch=f"diff --git a/x`{HOSTILE} b/x\n",
        model=HOSTILE,
    )
    page = report(result, f"Do it. {HOSTILE}")
    assert active(page) == []
    assert "## Changed files" in page


def test_the_page_of_an_index_run_is_inert() -> None:
    failures = ((f"{HOSTILE}|`.py", HOSTILE), ("a|b\\", "x"))
    page = markdown(
        IndexReport(
            *(f"r {HOSTILE}", f"/a`{HOSTILE}`", "", 1, 1, 0, 0, {HOSTILE: 1}, 1, 1, 0, 0, 1),
            *(1.0, 0.5, HOSTILE, 2, failures, (HOSTILE,)),
        )
    )
    assert active(page) == []
    assert page.count("| a\\|b\\\\ | x |") == 1


def test_the_reason_of_a_failure_is_inert() -> None:
    assert active(paragraph("f", f"task: {HOSTILE}", Failed(message=HOSTILE))) == []


def test_artifacts_of_a_task_are_inert_and_hold_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = f"ghp_{rand(36)}"
    patch = f"diff --git a/a.md b/a.md\n+{token}\n+{FENCES}"
    write_results(envelope(answer=HOSTILE, patch=patch), HOSTILE, tmp_path)
    (tmp_path / "trajectory.jsonl").write_text(f'{{"text": "{FENCES!r} {token}"}}\n')
    pages: dict[str, tuple[str, str]] = {}

    def keep(page: str, key: str, description: str) -> None:
        pages[key] = (page, description)

    monkeypatch.setattr(agent_task, "create_markdown_artifact", keep)
    agent_task.collect(tmp_path, HOSTILE)
    assert len(pages) == 3
    for page, description in pages.values():
        assert active(page) == []
        assert active(description) == []
        assert token not in page
    shown = [block for block in PARSER.parse(pages["agent-patch"][0]) if block.type == "fence"]
    assert [block.content.count("\n+") for block in shown] == [2]
    assert "[redacted]" in shown[0].content
    # The patch itself has to fit.
    assert token in (tmp_path / "patch.diff").read_text()
