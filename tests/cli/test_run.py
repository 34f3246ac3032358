"""``harness run`` against an imitation of Prefect's API."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.cli.main import run
from tests.fakes.prefect_api import FakePrefect

Run = Callable[..., tuple[int, str, str]]
SOURCE = "source=/srv/repos/api"
DONE = ("COMPLETED", "Completed", "api: 3 files indexed")


@pytest.fixture
def prefect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakePrefect]:
    monkeypatch.setenv("HARNESS_DATA_DIR", str(tmp_path))
    monkeypatch.setattr("harness.stack.runs.time.sleep", lambda _seconds: None)
    with FakePrefect() as fake:
        monkeypatch.setenv("PREFECT_API_URL", fake.url)
        yield fake


@pytest.fixture
def harness(prefect: FakePrefect, capfd: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: str) -> tuple[int, str, str]:
        capfd.readouterr()
        code = run(["run", *arguments])
        out, err = capfd.readouterr()
        return code, out, err

    return call


def test_what_a_run_waits_for_is_said(prefect: FakePrefect, harness: Run) -> None:
    reason = "0/2 nodes are available: 2 Insufficient memory; make room"
    prefect.play(("PENDING", "Unschedulable", reason), ("RUNNING", "Running", ""), DONE)
    code, _, err = harness("index-repository", "--param", SOURCE)
    assert code == 0 and f"Unschedulable: {reason}" in err


def test_followed_to_its_end(prefect: FakePrefect, harness: Run) -> None:
    prefect.play(("PENDING", "Pending", ""), ("RUNNING", "Running", ""), DONE)
    prefect.artifacts = [
        {"id": "a1", "key": "index-report-api", "type": "markdown"},
        {"id": "a2", "key": "index-progress-api", "type": "progress", "data": 41.0},
        {"id": "a3", "key": None, "type": "result"},
    ]
    prefect.children = [{"state_type": "COMPLETED"}, {"state_type": "RUNNING"}]
    code, out, err = harness("index-repository", "--param", SOURCE)
    assert code == 0
    ((run_id, made),) = prefect.runs.items()
    assert made["parameters"] == {"source": "/srv/repos/api"}
    assert err.index("pending") < err.index("running")
    assert "running, 41 %, 1 of 2 runs that it started have ended" in err
    ui = prefect.url.removesuffix("/api")
    assert out.splitlines() == [
        "run: Completed: api: 3 files indexed",
        f"  index-report-api: {ui}/artifacts/artifact/a1",
        f"  run and log: {ui}/runs/flow-run/{run_id}",
    ]


@pytest.mark.parametrize(
    ("end", "code"),
    [
        (DONE, 0),
        (("COMPLETED", "CompletedWithWarnings", "api: nothing to index; warning: empty"), 0),
        (("FAILED", "Failed", "Flow run encountered an exception: UsageError: no folder"), 1),
        (("FAILED", "TimedOut", "Flow run exceeded timeout of 480 seconds"), 1),
        (("CRASHED", "Crashed", "the process was lost"), 1),
        (("CANCELLED", "Cancelled", ""), 1),
    ],
    ids=lambda value: value[1] if isinstance(value, tuple) else str(value),
)
def test_every_end_has_its_reason_and_code(
    prefect: FakePrefect, harness: Run, end: tuple[str, str, str], code: int
) -> None:
    prefect.play(end)
    prefect.artifacts = [
        {"id": "t", "key": "index-all", "type": "table"},
        {"id": "f", "key": "failure-index-all", "type": "markdown", "data": "why"},
    ]
    got, out, _ = harness("index-repository", "--param", SOURCE, "--json")
    document = json.loads(out)
    assert got == code
    assert (document["state_type"], document["state"]) == end[:2]
    assert document["reason"] == end[2].removeprefix("Flow run encountered an exception: ")
    assert document["deployment"] == "index-repository/index-repository"
    # Why it failed comes first.
    assert [a["key"] for a in document["artifacts"]] == ["failure-index-all", "index-all"]
    assert document["artifacts"][0]["url"].endswith("/artifacts/artifact/f")
    assert document["run"] in document["url"]


def test_the_reason_is_waited_for(prefect: FakePrefect, harness: Run) -> None:
    """It is published after the state is set."""
    prefect.play(("FAILED", "Failed", "no"))
    answer = prefect.answer
    reads: list[str] = []

    def late(path: str, body: object) -> tuple[int, object]:
        if path == "/api/artifacts/filter" and not body["artifacts"].get("type"):  # type: ignore[index]
            reads.append(path)
            if len(reads) == 3:
                prefect.artifacts = [{"id": "f", "key": "failure-x", "type": "markdown"}]
        return answer(path, body)  # type: ignore[arg-type]

    prefect.answer = late  # type: ignore[method-assign]
    out = harness("index-repository", "--param", SOURCE)[1]
    assert "failure-x" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nightly"], "give one of: index-repository/index-repository"),
        (["index-repository", "--param", "sauce=x"], "it takes: source"),
        (["index-repository", "--param", "source"], "write name=value"),
    ],
)
def test_bad_input_starts_nothing(
    prefect: FakePrefect, harness: Run, arguments: list[str], words: str
) -> None:
    code, out, err = harness(*arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert words in err
    assert not prefect.runs


def test_what_the_server_refuses(prefect: FakePrefect, harness: Run) -> None:
    prefect.refuse_parameters = True
    code, _, err = harness("index-repository", "--param", SOURCE)
    assert code == 2
    assert "the parameter source is wrong" in err


def test_without_a_server_or_a_worker(
    prefect: FakePrefect, harness: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefect.workers = []
    prefect.play(DONE)
    assert "no worker is online" in harness("index-repository", "--param", SOURCE)[2]
    monkeypatch.delenv("PREFECT_API_URL")
    code, _, err = harness("index-repository")
    assert code == 3 and "harness up" in err


class Terminal:
    """A terminal on which somebody answers."""

    def __init__(self, answer: str) -> None:
        self.answer = answer

    def isatty(self) -> bool:
        return True

    def readline(self, _size: int = -1) -> str:
        return self.answer + "\n"


@pytest.mark.parametrize(("answer", "state"), [("y", "CANCELLING"), ("n", "RUNNING"), ("", None)])
def test_ctrl_c_asks_whether_the_run_ends_too(
    prefect: FakePrefect,
    harness: Run,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    state: str | None,
) -> None:
    prefect.play(("RUNNING", "Running", ""))

    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("harness.stack.runs.time.sleep", interrupt)
    if state is not None:
        monkeypatch.setattr(sys, "stdin", Terminal(answer))
        monkeypatch.setattr("harness.cli.run.typer.confirm", lambda *_, **__: answer == "y")
    code, _, err = harness("index-repository", "--param", SOURCE)
    assert code == 130
    ((run_id, now),) = prefect.runs.items()
    assert now["state_type"] == (state or "RUNNING")
    if answer == "y":
        assert "the flow run is cancelling" in err
    else:
        assert re.search(f"goes on; .*prefect flow-run cancel {run_id}", err)
