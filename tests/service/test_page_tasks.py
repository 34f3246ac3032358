"""Tasks on the page, from the form to the patch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.diff_pictures import coloured
from harness.stack.api import PrefectApi
from tests.fakes.prefect_api import FakePrefect
from tests.service.lab import Lab, running
from tests.service.pages import open_page, post

PATCH = """````diff
diff --git a/src/session.py b/src/session.py
--- a/src/session.py
+++ b/src/session.py
@@ -1,2 +1,2 @@
 def sign_session(value):
-    return sign(value)
+    return sign(value, "<b>key</b>")
````"""
REPORT = "# Agent report\n\n| | |\n|---|---|\n| Status | ok |\n\n![x](http://evil.example/)"


@pytest.fixture
def tasks(index: Path, tmp_path: Path) -> Iterator[tuple[Lab, FakePrefect]]:
    with (
        FakePrefect() as prefect,
        running(index, tmp_path, prefect=lambda: PrefectApi(prefect.url, read_attempts=1)) as lab,
    ):
        yield lab, prefect


def test_from_the_form_to_the_patch(tasks: tuple[Lab, FakePrefect]) -> None:
    lab, prefect = tasks
    answer = post(lab, "/tasks", "worker", text="use a key", repo="web", verify="pytest -q")
    assert answer.status_code == 303
    address = answer.headers["location"]
    (run,) = prefect.runs.values()
    assert run["parameters"] == {
        "text": "use a key", "repository": "web", "verify": "pytest -q", "ref": None,
    }  # fmt: skip
    waiting = open_page(lab, address, "worker")
    assert "waiting for a worker" in waiting.text
    assert "None yet." in waiting.text
    assert waiting.all("meta", **{"http-equiv": "refresh"}), "without scripts it loads itself anew"
    assert waiting.all("form", action=f"{address}/cancel")

    prefect.logs = [
        "Beginning",
        "[1] read src/session.py",
        "[2] run curl https://me:hunter2@git.example",
    ]
    run |= {"state_type": "RUNNING", "state_name": "Running"}
    now = lab.get(f"{address}/now", "worker").text
    assert "<li>[1] read src/session.py</li>" in now
    assert "Beginning" not in now
    assert "hunter2" not in now
    assert "data-final" not in now

    run |= {"state_type": "COMPLETED", "state_name": "Completed"}
    prefect.artifacts = [
        {"id": "1", "key": "agent-patch", "type": "markdown", "data": PATCH},
        {"id": "2", "key": "agent-report", "type": "markdown",
         "data": f"{REPORT}\n\n{coloured(PATCH)}"},
    ]  # fmt: skip
    done = open_page(lab, address, "worker")
    assert "data-final" in lab.get(f"{address}/now", "worker").text
    assert [row["class"] for row in done.all("tr") if "class" in row] == [
        "hunk", "same", "del", "add",
    ]  # fmt: skip
    assert 'return sign(value, "<b>key</b>")' in done.text
    assert "Agent report" in done.text
    assert not done.all("img", alt="x")
    assert "data:image" not in done.text, "the patch is there already"
    assert not done.all("form", action=f"{address}/cancel")


def test_the_list_has_the_callers_tasks_only(tasks: tuple[Lab, FakePrefect]) -> None:
    lab, _ = tasks
    post(lab, "/tasks", "worker", text="one", repo="web")
    post(lab, "/tasks", "admin", text="two", repo="team/api")
    assert "two" in open_page(lab, "/tasks", "admin").text
    page = open_page(lab, "/tasks", "worker")
    assert "one" in page.text
    assert "two" not in page.text
    assert "team" not in page.text


def test_a_task_is_cancelled(tasks: tuple[Lab, FakePrefect]) -> None:
    lab, prefect = tasks
    address = post(lab, "/tasks", "worker", text="x", repo="web").headers["location"]
    assert post(lab, f"{address}/cancel", "worker").status_code == 303
    (run,) = prefect.runs.values()
    assert run["state_type"] == "CANCELLING"


def test_what_was_written_stays_when_the_task_cannot_start(lab: Lab) -> None:
    for fields, status in (
        ({"text": "", "repo": "web"}, 422),
        ({"text": "do it", "repo": "web", "ref": "--evil x"}, 422),
        ({"text": "do it", "repo": "web"}, 503),
    ):
        answer = post(lab, "/tasks", "worker", **fields)
        assert answer.status_code == status
        assert fields["text"] in answer.text


def test_a_task_in_another_repository_does_not_start(tasks: tuple[Lab, FakePrefect]) -> None:
    lab, prefect = tasks
    assert post(lab, "/tasks", "worker", text="x", repo="team/api").status_code == 404
    assert post(lab, "/tasks", "worker", text="x", repo="/etc").status_code == 404
    assert not prefect.runs
