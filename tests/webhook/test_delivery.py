"""Pushes reach Prefect at once or later, and no run is started without need."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tests.webhook.lab import Lab, commit_number, eventually, github_push


def test_prefect_down_keeps_the_push_and_delivers_it_later(lab: Lab) -> None:
    lab.prefect.stop()
    for number in (1, 2):
        code, answer = lab.github(github_push(commit_number(number)))
        assert (code, answer["status"]) == (503, "kept")
    assert lab.github(github_push(commit_number(2)))[0] == 503, "sent again by the git server"
    assert lab.health() == {"ok": True, "pending": 1, "prefect": "down"}
    lab.prefect.start()
    eventually(lambda: lab.health()["pending"] == 0)
    (run,) = lab.prefect.runs.values()
    assert run["idempotency_key"] == f"app@{commit_number(2)}", "the last commit"


def test_a_busy_prefect_is_asked_again_before_the_request_is_answered(lab: Lab) -> None:
    lab.prefect.busy = 2
    assert lab.github()[1]["status"] == "accepted"
    assert len(lab.prefect.runs) == 1


def test_a_kept_push_survives_a_restart(lab: Lab) -> None:
    lab.prefect.stop()
    assert lab.github()[0] == 503
    lab.stop()
    journal = lab.folder / "webhook" / "journal.jsonl"
    assert journal.stat().st_mode & 0o077 == 0
    with journal.open("a") as file:
        file.write('{"push": {"seq": 9, "na')  # a process that was killed while writing
    lab.prefect.start()
    lab.start()
    eventually(lambda: len(lab.prefect.runs) == 1)
    eventually(lambda: lab.health()["pending"] == 0)
    lab.stop()
    lab.prefect.runs.clear()
    lab.start()
    assert lab.health()["pending"] == 0
    assert lab.prefect.runs == {}


def test_parameters_that_prefect_rejects_are_not_retried(lab: Lab) -> None:
    lab.prefect.refuse_parameters = True
    code, answer = lab.github()
    assert (code, answer["status"]) == (422, "failed")
    assert lab.health()["pending"] == 0


def test_a_hundred_deliveries_at_once(lab: Lab) -> None:
    pushes = [github_push(commit_number(number)) for number in range(100)]
    with ThreadPoolExecutor(max_workers=50) as pool:
        answers = list(pool.map(lab.github, pushes))
    assert {code for code, _ in answers} == {202}
    runs = {answer["run"] for _, answer in answers}
    assert runs <= {run["id"] for run in lab.prefect.runs.values()}
    assert len(lab.prefect.runs) == 1, "none has begun: one run reads the newest commit"
    page = lab.request("GET", "/metrics")[1]
    assert 'harness_webhook_deliveries_total{provider="github",outcome="accepted"} 100' in page
    assert "harness_webhook_runs_started_total 1\n" in page


def test_a_run_that_has_begun_does_not_stand_for_later_pushes(lab: Lab) -> None:
    first = lab.github(github_push(commit_number(1)))[1]["run"]
    lab.prefect.set_states("RUNNING")
    second = lab.github(github_push(commit_number(2)))[1]["run"]
    third = lab.github(github_push(commit_number(3)))[1]["run"]
    assert first != second == third
    lab.prefect.set_states("COMPLETED")
    # Forced back to the first commit: another event, the same commit.
    again = github_push(commit_number(1)) | {"forced": True}
    fourth = lab.github(again)[1]["run"]
    assert fourth not in (first, second)
