"""The receiver of webhooks over real HTTP, with an imitation of Prefect's API, also over HTTP."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import http.client
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from harness.cli.webhook import configured_app
from harness.errors import InvalidSettingError, StackError, StoreError
from harness.repository.git import run_git
from harness.stack.api import PrefectApi
from harness.types import RepositoryRecord
from harness.webhook.journal import Delivery, Journal
from harness.webhook.routes import Routes, Target, known_routes, normalise
from harness.webhook.runs import IndexRuns
from harness.webhook.service import Limits, make_app
from tests.fakes.prefect_api import FakePrefect
from tests.repositories import make_repository

SECRET = "a-secret-of-some-length"
URL = "https://git.example.org/team/app.git"
ROUTES = {
    "git.example.org/team/app": Target("app", "https://git.example.org/team/app"),
    "git.example.org/team/fixed": Target("fixed", "/srv/fixed", "release"),
}
SHA = "1234567890abcdef1234567890abcdef12345678"
Answer = tuple[int, dict[str, Any]]


class Running:
    """The service in a thread of this process, on a free port of the loopback address."""

    def __init__(self, app: Any) -> None:
        config = uvicorn.Config(app, port=0, log_config=None, lifespan="on", access_log=False)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive(), "the service did not start"
            time.sleep(0.005)
        self.port = self._server.servers[0].sockets[0].getsockname()[1]

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=10)


@dataclass
class Lab:
    folder: Path
    prefect: FakePrefect
    limits: Limits = field(default_factory=Limits)
    service: Running | None = None

    def start(self) -> None:
        runs = IndexRuns(lambda: PrefectApi(self.prefect.url, timeout_seconds=5, read_attempts=1))
        self.service = Running(
            make_app(
                secret=SECRET.encode(),
                routes=Routes(lambda: ROUTES),
                journal_path=self.folder / "webhook" / "journal.jsonl",
                start=runs.start,
                limits=self.limits,
            )
        )

    def stop(self) -> None:
        if self.service is not None:
            self.service.stop()
            self.service = None

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, str]:
        assert self.service is not None
        connection = http.client.HTTPConnection("127.0.0.1", self.service.port, timeout=20)
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, body, names)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def post(self, provider: str, body: bytes, **headers: str) -> Answer:
        code, text = self.request("POST", f"/hooks/{provider}", body, **headers)
        return code, json.loads(text)

    def github(self, document: Any = None, *, secret: str = SECRET, delivery: str = "") -> Answer:
        body = json.dumps(github_push() if document is None else document).encode()
        signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        extra = {"X_GitHub_Delivery": delivery} if delivery else {}
        return self.post(
            "github",
            body,
            X_GitHub_Event="push",
            X_Hub_Signature_256=f"sha256={signature}",
            **extra,
        )

    def generic(self, document: Any, *, age_seconds: int = 0, **headers: str) -> Answer:
        # What curl calls any body.
        headers.setdefault("Content_Type", "application/x-www-form-urlencoded")
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        return self.post("generic", body, **generic_headers(body, age_seconds), **headers)

    def health(self) -> dict[str, Any]:
        code, text = self.request("GET", "/healthz")
        assert code == 200
        return dict(json.loads(text))


def github_push(sha: str = SHA, branch: str = "main", url: str = URL) -> dict[str, Any]:
    return {
        "ref": f"refs/heads/{branch}",
        "after": sha,
        "repository": {"clone_url": url, "default_branch": "main"},
    }


def generic_headers(body: bytes, age_seconds: int = 0) -> dict[str, str]:
    stamp = str(int(time.time()) - age_seconds)
    digest = hmac.new(SECRET.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return {"X_Harness_Timestamp": stamp, "X_Harness_Signature": f"sha256={digest}"}


def commit_number(number: int) -> str:
    return hashlib.sha1(str(number).encode()).hexdigest()


@pytest.fixture
def prefect() -> Iterator[FakePrefect]:
    with FakePrefect() as prefect:
        yield prefect


@pytest.fixture
def lab(tmp_path: Path, prefect: FakePrefect) -> Iterator[Lab]:
    lab = Lab(tmp_path, prefect)
    lab.start()
    yield lab
    lab.stop()


def eventually(check: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def test_a_valid_push_starts_a_run(lab: Lab) -> None:
    code, answer = lab.github()
    (run,) = lab.prefect.runs.values()
    assert (code, answer) == (
        202,
        {"status": "accepted", "repository": "app", "commit": SHA, "run": run["id"]},
    )
    assert run["idempotency_key"] == f"app@{SHA}"
    assert run["parameters"] == {"source": "https://git.example.org/team/app", "name": "app"}
    assert lab.health() == {"ok": True, "pending": 0, "prefect": "up"}


def test_each_provider(lab: Lab) -> None:
    push = github_push(commit_number(1))
    body = json.dumps(push).encode()
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    gitea = lab.post("gitea", body, X_Gitea_Event="push", X_Gitea_Signature=signature)
    project = {"git_ssh_url": "git@git.example.org:team/app.git", "default_branch": "main"}
    body = json.dumps(push | {"project": project, "after": commit_number(2)}).encode()
    gitlab = lab.post("gitlab", body, X_Gitlab_Event="Push Hook", X_Gitlab_Token=SECRET)
    generic = lab.generic({"repository": URL, "commit": commit_number(3)})
    assert [code for code, _ in (gitea, gitlab, generic)] == [202] * 3
    assert {answer["status"] for _, answer in (gitea, gitlab, generic)} == {"accepted"}


def test_github_form_encoded(lab: Lab) -> None:
    from urllib.parse import urlencode

    body = urlencode({"payload": json.dumps(github_push())}).encode()
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    code, _ = lab.post(
        "github", body, X_GitHub_Event="push", X_Hub_Signature_256=f"sha256={signature}",
        Content_Type="application/x-www-form-urlencoded",
    )  # fmt: skip
    assert code == 202
    assert len(lab.prefect.runs) == 1


@pytest.mark.parametrize(
    ("provider", "headers"),
    [
        pytest.param("github", {}, id="github-none"),
        pytest.param("github", {"X_Hub_Signature_256": "sha256=00"}, id="github-wrong"),
        pytest.param("github", {"X_Hub_Signature_256": "sha256=\xff\xfe"}, id="not-ascii"),
        pytest.param("github", {"X_Hub_Signature": "sha1=00"}, id="github-sha1-only"),
        pytest.param("gitlab", {"X_Gitlab_Token": "another"}, id="gitlab-wrong"),
        pytest.param("gitea", {"X_Gitea_Signature": "00"}, id="gitea-wrong"),
        pytest.param("generic", {"X_Harness_Signature": "sha256=00"}, id="generic-no-timestamp"),
    ],
)
def test_a_bad_signature_is_refused(lab: Lab, provider: str, headers: dict[str, str]) -> None:
    code, answer = lab.post(provider, json.dumps(github_push()).encode(), **headers)
    assert (code, answer["status"]) == (401, "refused")
    assert lab.prefect.runs == {}


def test_a_wrong_secret_and_no_secret_in_answers_or_logs(
    lab: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    code, answer = lab.github(secret="another-secret")
    assert code == 401
    lab.github()
    said = json.dumps(answer) + caplog.text + (lab.folder / "webhook/journal.jsonl").read_text()
    assert SECRET not in said
    assert "another-secret" not in said


def test_a_replay_is_ignored_also_under_another_id_and_after_a_restart(lab: Lab) -> None:
    assert lab.github(delivery="one")[1]["status"] == "accepted"
    assert lab.github(delivery="one") == (202, {"status": "replayed", "repository": "app"})
    assert lab.github(delivery="changed")[1]["status"] == "replayed", "the id is not signed"
    lab.stop()
    lab.start()
    assert lab.github(delivery="one")[1]["status"] == "replayed"
    assert len(lab.prefect.runs) == 1


@pytest.mark.parametrize("age_seconds", [301, -400], ids=["old", "ahead"])
def test_an_old_generic_delivery_is_refused(lab: Lab, age_seconds: int) -> None:
    code, _ = lab.generic({"repository": URL, "commit": SHA}, age_seconds=age_seconds)
    assert code == 401


@pytest.mark.parametrize("announced", [True, False], ids=["with-length", "chunked"])
def test_a_large_body_is_refused_before_it_is_read(lab: Lab, announced: bool) -> None:
    body: Any = b"x" * 10_000_000
    if not announced:
        body = (b"x" * 100_000 for _ in range(100))
    try:
        code, _ = lab.request("POST", "/hooks/github", body, X_Hub_Signature_256="sha256=00")
    except (BrokenPipeError, ConnectionResetError):
        pytest.skip("the connection was closed before the answer could be read")
    assert code == 413
    assert lab.github()[0] == 202


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[1]", b"\xff\xfe", b"[" * 100_000, b"{}", b'{"repository": 1}',
     b'{"repository": "https://git.example.org/team/app"}',
     b'{"repository": "https://git.example.org/team/app", "commit": "x; rm -rf"}',
     b'{"repository": "https://git.example.org/team/app", "commit": "abcdef0", "ref": 5}'],
    ids=["empty", "cut", "list", "bytes", "deep", "no-fields", "number", "no-commit", "commit",
         "ref"],
)  # fmt: skip
def test_malformed_bodies(lab: Lab, body: bytes) -> None:
    code, answer = lab.generic(body)
    assert (code, answer["status"]) == (400, "malformed")


def test_an_unknown_repository(lab: Lab) -> None:
    code, answer = lab.github(github_push(url="https://git.example.org/team/other"))
    assert (code, answer["status"]) == (404, "unknown")
    assert lab.request("POST", "/hooks/subversion", b"")[0] == 404
    assert lab.request("GET", "/hooks/github")[0] == 405


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({"ref": "refs/heads/topic"}, "the indexed branch is main", id="branch"),
        pytest.param({"ref": "refs/tags/v1"}, "not a branch", id="tag"),
        pytest.param({"after": "0" * 40}, "the branch was deleted", id="deleted"),
        pytest.param(
            {"repository": {"url": "https://git.example.org/team/fixed"}},
            "the indexed branch is release",
            id="indexed-branch",
        ),
    ],
)
def test_pushes_that_change_nothing(lab: Lab, changes: dict[str, Any], reason: str) -> None:
    code, answer = lab.github(github_push() | changes)
    assert (code, answer["status"], answer["reason"]) == (202, "ignored", reason)
    assert lab.prefect.runs == {}


def test_other_events_are_ignored(lab: Lab) -> None:
    body = b'{"zen": "Keep it."}'
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    code, answer = lab.post(
        "github", body, X_GitHub_Event="ping", X_Hub_Signature_256=f"sha256={signature}"
    )
    assert (code, answer["reason"]) == (202, "not a push event")


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


def test_a_busy_prefect_is_asked_again_before_the_answer(lab: Lab) -> None:
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


def test_parameters_that_prefect_refuses_are_not_tried_for_ever(lab: Lab) -> None:
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


# Parts


@pytest.mark.parametrize(
    "url",
    [
        "https://git.example.org/team/app", "https://git.example.org/team/app.git",
        "https://user:token@git.example.org/team/app.git/", "http://GIT.example.org:80/Team/App",
        "ssh://git@git.example.org/team/app.git", "ssh://git@git.example.org:22/team/app",
        "git@git.example.org:team/app.git", "git.example.org:/team/app", "git://git.example.org/team/app",
    ],
)  # fmt: skip
def test_one_repository_has_many_addresses(url: str) -> None:
    assert normalise(url) == "git.example.org/team/app"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://git.example.org:3000/a/b.git", "git.example.org:3000/a/b"),
        ("file:///srv/Git/app.git", "/srv/Git/app"),
        ("/srv/Git/app.git", "/srv/Git/app"),
        ("https://[::1]/a/b", "[::1]/a/b"),
        ("https://host:99999/a", ""),
        ("https://host", ""),
        ("nonsense", ""),
        ("", ""),
    ],
)
def test_addresses(url: str, expected: str) -> None:
    assert normalise(url) == expected


def record(name: str, path: Path) -> RepositoryRecord:
    return RepositoryRecord(name, str(path), "", "c", "m", 0, 0, 0, "")


def test_routes_come_from_clones_origins_and_the_mapping(tmp_path: Path) -> None:
    from harness.repository.checkout import resolve_source

    served = make_repository(tmp_path / "served" / "lib", {"a.py": "x = 1\n"})
    clone = resolve_source(f"file://{served}", data_dir=tmp_path / "data", timeout_seconds=30)
    folder = make_repository(tmp_path / "app", {"a.py": "x = 1\n"})
    origin = "https://user:secret-token@git.example.org/team/app.git"
    run_git(["remote", "add", "origin"], folder, 30, operands=[origin])
    mapping = tmp_path / "mapping.json"
    mapping.write_text(json.dumps({"git@git.example.org:team/x.git": {"name": "x"}}))
    routes = known_routes(
        [record("lib", clone.root), record("app", folder), record("gone", tmp_path / "gone")],
        data_dir=tmp_path / "data",
        mapping_file=mapping,
    )
    assert routes == {
        str(served): Target("lib", f"file://{served}"),
        "git.example.org/team/app": Target("app", str(folder), "main"),
        "git.example.org/team/x": Target("x", "git@git.example.org:team/x.git"),
    }


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"x": {}}', '{"https://h/a": {}}', '{"https://h/a": "b"}']
)
def test_a_wrong_mapping_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "m.json").write_text(text)
    with pytest.raises(InvalidSettingError, match="HARNESS_WEBHOOK_REPOSITORIES"):
        known_routes([], data_dir=tmp_path, mapping_file=tmp_path / "m.json")


def test_it_refuses_to_start_without_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HARNESS_WEBHOOK_SECRET", raising=False)
    with pytest.raises(InvalidSettingError, match="HARNESS_WEBHOOK_SECRET"):
        configured_app()


def test_the_journal_stays_small_and_remembers_the_last_deliveries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.webhook.journal._COMPACT_BYTES", 20_000)

    async def fill(journal: Journal, numbers: range) -> Delivery:
        for number in numbers:
            delivery = await journal.accept("app", "/x", "abc", (f"key-{number}",), 0.0)
            journal.handed_over(delivery)
        return await journal.accept("app", "/x", "last", ("last",), 0.0)

    async def run() -> None:
        path = tmp_path / "webhook" / "journal.jsonl"
        async with Journal(path, max_seen=100) as journal:
            await fill(journal, range(500))
            assert path.stat().st_size < 40_000
            assert (journal.seen(["key-0"]), journal.seen(["key-499"]) is None) == (None, False)
            with pytest.raises(StackError):
                await Journal(path).__aenter__()
        async with Journal(path) as journal:
            assert [delivery.commit for delivery in journal.pending.values()] == ["last"]
            assert journal.seen(["key-499"]) is not None
            assert journal.seen(["key-1"]) is None

    asyncio.run(run())


def test_a_full_disk_is_said_and_nothing_counts_as_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        async with Journal(tmp_path / "journal.jsonl") as journal:

            def full(_lines: list[str]) -> None:
                raise OSError(28, "No space left on device")

            with monkeypatch.context() as patch:
                patch.setattr(journal, "_append", full)
                with pytest.raises(StoreError, match="No space left"):
                    await journal.accept("app", "/x", "abc", ("key",), 0.0)
            assert (journal.seen(["key"]), journal.pending) == (None, {})
            await journal.accept("app", "/x", "abc", ("key",), 0.0)

    asyncio.run(run())


# What is documented


def test_the_n8n_workflow_sends_what_the_receiver_takes(lab: Lab) -> None:
    folder = Path(__file__).resolve().parents[2] / "docs" / "n8n"
    workflow = json.loads((folder / "harness-index.json").read_text())
    assert {"name", "nodes", "connections", "settings"} <= set(workflow)
    nodes = {node["name"]: node for node in workflow["nodes"]}
    for node in nodes.values():
        assert {"id", "name", "type", "typeVersion", "position", "parameters"} <= set(node)
    order = ["Webhook"]
    while (ends := workflow["connections"].get(order[-1])) is not None:
        ((end,),) = ends["main"]
        order.append(end["node"])
    assert order == list(nodes)
    sign, send = nodes["Sign"]["parameters"], nodes["Harness"]["parameters"]
    assert (sign["action"], sign["type"], sign["encoding"]) == ("hmac", "SHA256", "hex")
    assert sign["value"] == "={{ $json.timestamp + '.' + $json.payload }}"
    assert (send["method"], send["contentType"], send["body"]) == (
        "POST", "raw", "={{ $json.payload }}"
    )  # fmt: skip
    names = {header["name"].replace("-", "_") for header in send["headerParameters"]["parameters"]}
    assert send["url"].endswith("/hooks/generic")
    # JavaScript writes JSON without spaces.
    body = json.dumps({"repository": URL, "commit": SHA, "branch": "main"}, separators=(",", ":"))
    headers = generic_headers(body.encode())
    assert names == set(headers)
    assert lab.post("generic", body.encode(), **headers)[0] == 202


def test_the_documented_answers_are_those_that_exist() -> None:
    root = Path(__file__).resolve().parents[2]
    source = (root / "harness" / "webhook" / "service.py").read_text()
    page = (root / "docs" / "webhook.md").read_text()
    import re

    statuses = set(re.findall(r'_Answered\(\s*\d+,\s*"(\w+)"', source))
    documented = set(re.findall(r"`(\w+)`", page[page.index("## Answers") :]))
    assert statuses and statuses <= documented
