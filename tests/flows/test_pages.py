"""What runs leave to be read in a browser: nothing in it is loaded, followed or secret."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from prefect.states import Failed

from flows import agent_task, index_all, steps
from flows.charts import bars
from flows.diff_pictures import coloured
from flows.outcomes import paragraph
from flows.summary import Course, markdown, speeds
from harness.agent.envelope import Citation, Envelope
from harness.agent.result import report, write_results
from harness.agent.status import Status
from harness.types import IndexReport
from tests.repository.planted.making import rand
from tests.test_markdown import PARSER, active

HOSTILE = "![x](http://e.org/?q=1) <img src=http://e.org> [a](http://e.org)"
FENCES = "```\n````\n`````\n![x](http://e.org)\n~~~\n<script>alert(1)</script>\n"


PICTURE = re.compile(r"!\[([^\]]*)\]\(data:image/svg\+xml;base64,([\w+/=]+)\)")


def pictures(page: str) -> list[tuple[str, list[str]]]:
    """The title and the words of each picture on a page."""
    return [
        (
            title,
            [one.text for one in ElementTree.fromstring(base64.b64decode(data)).iter() if one.text],
        )
        for title, data in PICTURE.findall(page)
    ]


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


def report_of(**fields: object) -> IndexReport:
    known = (*("web", "/web", "", 4, 1, 0, 0, {"binary": 2, "empty": 1}), 1, 1, 0, 0, 1, 1.0, 0.5)
    return IndexReport(*known, "m", **fields)  # type: ignore[arg-type]


def test_an_index_run_shows_its_course() -> None:
    course = Course(
        {"embed": 12.5, "publish": 0.0}, {"python": 3, "go": 9}, ((HOSTILE, "binary"),),
        ((HOSTILE, 1.5), ("a|b.py", 0.25)), ((2.0, 100), (4.0, 400)),
    )  # fmt: skip
    page = markdown(report_of(failures=(("a.py", "why"),), files_failed=1), course)
    drawn = pictures(page)
    assert [title for title, _ in drawn] == [
        "Time by stage", "Chunks per second, over the run", "Files read, by language",
        "Files skipped, by reason",
    ]  # fmt: skip
    stages, speed, languages = (words for _, words in drawn[:3])
    assert stages == ["Time by stage", "embed", "12 s"]
    assert speed[1:] == ["0.0 to 2.0 s", "50", "2.0 to 4.0 s", "150"]
    assert languages == ["Files read, by language", "go", "9", "python", "3"]
    places = ("## Failed files", "Time by stage", "## Slowest files", "## Skipped")
    assert sorted(places, key=page.index) == list(places)
    without_pictures = PICTURE.sub("", page)
    assert active(without_pictures) == []
    assert "| binary |" in without_pictures
    assert "| a\\|b.py | 0.250 |" in without_pictures


def test_the_speed_of_a_run_is_shown_in_few_stretches() -> None:
    assert speeds(()) == speeds(((1.0, 5),)) == speeds(((0.0, 1), (0.0, 2))) == {}
    shown = speeds([(float(n), 10 * n) for n in range(1, 33)])
    assert [*shown][::9] == ["0.0 to 3.2 s", "28.8 to 32.0 s"]
    assert list(shown.values()) == pytest.approx([10.0] * 10)
    # Two that end at once are no speed of their own, and a run that slows down is seen to.
    assert list(speeds([(2.0, 40), (2.0, 80), (4.0, 100)]).values()) == pytest.approx([20, 45, 10])


def test_a_patch_is_drawn_as_git_has_it() -> None:
    patch = (
        "diff --git a/src/a.py b/src/a.py\n--- a/src/a.py\n+++ b/src/a.py\n"
        "@@ -9,3 +9,3 @@ def f():\n"
        " \tif x < 1 & \x00y:\n-    old\n+    new \u202e# \ud800" + "x" * 300 + "\n \n"
    )
    ((title, words),) = pictures(coloured(patch))
    assert title == "The patch in colours"
    assert words[1:-1] == [
        "src/a.py  +1 \u22121", "  @@ -9,3 +9,3 @@ def f():", "9", "      if x < 1 & \\x00y:",
        "10", "\u2212     old", "10", words[8], "11",
    ]  # fmt: skip
    assert words[8].startswith("+     new \\u202e# \\ud800x") and words[8].endswith("x\u2026")
    assert len({len(one) for one in words if len(one) > 85 and one != words[0]}) == 1
    ((_, cut),) = pictures(coloured("+\n" * 2_000))
    assert cut[-1].endswith("in the patch") and len(cut) < 200
    assert coloured("") == ""


def test_bars_of_nothing_are_nothing() -> None:
    assert bars("Time", {}, "s") == bars("Time", {"embed": 0.0}, "s") == ""
    data = base64.b64decode(
        bars("<T>", {f"<{n}>": n for n in range(1, 40)}, "&")[:-1].partition(",")[2]
    )
    texts = [one.text for one in ElementTree.fromstring(data).iter() if one.text]
    assert texts[0] == "<T>"
    assert texts[-2:] == ["27 more", "702 &"]


def test_steps_are_read_not_parsed() -> None:
    lines = [
        {"kind": "start", "step": 0, "model": "m"},
        {"kind": "turn", "step": 1, "content": f"I look. {HOSTILE}",
         "tool_calls": [["grep", {"pattern": "sign", "text": FENCES * 20}]]},
        {"kind": "message", "step": 1, "role": "tool", "tool": "grep",
         "content": FENCES + "a.py:1"},
        {"kind": "message", "step": 1, "role": "assistant", "content": "said already"},
        {"kind": "verify", "step": 2, "ok": False, "output": "1 failed " + "x" * 5_000},
        {"kind": "end", "status": HOSTILE, "reason": "why"},
    ]  # fmt: skip
    page = steps.page("\n".join([*map(json.dumps, lines), '{"kind": "cut of']), 20_000)
    assert active(page) == []
    for words in ("## Step 1", "→ **grep** pattern=`sign`", "a.py:1", "**Verification failed**"):
        assert words in page
    assert "said already" not in page
    assert "characters left out" in page
    assert '{"kind": "cut of' in page
    short = steps.page("\n".join(map(json.dumps, lines)), 300)
    assert len(short) < 400 and short.endswith("in the whole file.*\n")
    assert active(short) == []


def test_the_nightly_table_has_failures_first_and_links() -> None:
    rows = [
        {"repository": name, "state": state, "message": "", "seconds": 1.0, "run": run,
         "warnings": warnings}
        for name, state, run, warnings in (
            ("a", "Completed", "r1", ""), ("b", "Unchanged", "", ""),
            ("c", "CompletedWithWarnings", "r2", "w"), ("d", "Failed", "r3", ""),
            ("e", "Vanished", "", ""),
        )
    ]  # fmt: skip
    shown = index_all._table(rows)
    assert [row["repository"] for row in shown] == ["d", "e", "c", "a", "b"]
    assert list(shown[0])[:3] == ["repository", "run", "seconds"]
    assert shown[0]["run"] == "[Failed](/runs/flow-run/r3)"
    assert shown[4]["run"] == "Unchanged"
    assert set(shown[0]) == set(rows[0])


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
    agent_task.collect(tmp_path, str(tmp_path), HOSTILE)
    assert set(pages) == {f"agent-{name}" for name in ("report", "patch", "trajectory", "steps")}
    for page, description in pages.values():
        assert active(PICTURE.sub("", page)) == []
        assert active(description) == []
        assert token not in page
    drawn = [name for name, (page, _) in pages.items() if pictures(page)]
    assert drawn == ["agent-report", "agent-steps"]
    ((_, words),) = pictures(pages["agent-report"][0])
    assert "  +[redacted]" in words
    shown = [block for block in PARSER.parse(pages["agent-patch"][0]) if block.type == "fence"]
    assert [block.content.count("\n+") for block in shown] == [2]
    assert "[redacted]" in shown[0].content
    # The patch itself has to fit.
    assert token in (tmp_path / "patch.diff").read_text()
