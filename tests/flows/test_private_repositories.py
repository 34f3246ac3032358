"""The registry's nightly run over private repositories on real servers, and where their credentials
are not: in anything that Prefect keeps, in the index, in the data directory."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect import get_client
from prefect.client.schemas.objects import State
from prefect.settings import get_current_settings

from flows import clients
from flows import index_all as all_module
from flows import index_repository as module
from flows.agent_task import agent_task
from harness.engines import Engines
from harness.index.naming import Claim
from harness.index.registry import Request, register
from harness.repository.git import run_git
from harness.repository.sources import source_of
from harness.stack.api import PrefectApi
from harness.store.edge import EdgeStore
from harness.webhook.journal import Delivery
from harness.webhook.routes import known_routes, normalise
from harness.webhook.runs import IndexRuns
from tests.fakes.embedder import HashEmbedder
from tests.fakes.git_server import SSHD, GitServer, http_server, ssh_server
from tests.fakes.ollama_models import Turn
from tests.fakes.ollama_server import FakeOllama
from tests.fakes.worker import ThreadWorker
from tests.repositories import commit_all, make_repository
from tests.repository.credentials_dir import make_credential
from tests.service.lab import running

SECRET = "planted-4711-token"


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engines:
    for name in list(os.environ):
        if name.startswith(("HARNESS_", "OLLAMA_", "QDRANT_")):
            monkeypatch.delenv(name)
    folder = tmp_path / "data"
    monkeypatch.setenv("HARNESS_DATA_DIR", str(folder))
    monkeypatch.setenv("HARNESS_CREDENTIALS_DIR", str(tmp_path / "credentials"))
    monkeypatch.setattr(clients, "_POLL_SECONDS", 0.2)

    def open_engines() -> Engines:
        return Engines(HashEmbedder(), EdgeStore(folder / "index", 20.0), folder)

    monkeypatch.setattr(module, "open_engines", open_engines)
    return open_engines()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    with http_server(tmp_path / "served", SECRET) as server:
        yield server


def add(engines: Engines, url: str, **asked: str) -> str:
    claim = Claim(source_of(url), Path("none"))
    return register(claim, url, Request(**asked), engines.store, engines.data_dir).name  # type: ignore[arg-type]


def nightly(**parameters: Any) -> State[Any]:
    return asyncio.run(all_module.index_all(**parameters, return_state=True))  # type: ignore[call-overload,no-any-return]


def pushed(engines: Engines, url: str, head: bytes) -> None:
    """What a git server's webhook starts once its signature is right; waits until it is indexed."""
    commit = head.decode().strip()
    target = known_routes(engines.store.repositories(), mapping_file=None)[normalise(url)]
    api = PrefectApi(str(get_current_settings().api.url))
    delivery = Delivery(1, target.name, target.source, commit, ("key",), time.time())
    assert IndexRuns(lambda: api).start(delivery).created
    while commit not in {record.commit for record in engines.store.repositories()}:
        time.sleep(0.1)


def rows() -> dict[str, dict[str, Any]]:
    with get_client(sync_client=True) as client:
        found = [a for a in client.read_artifacts(limit=200) if a.key == "index-all"]
    data = max(found, key=lambda artifact: str(artifact.created)).data
    return {row["repository"]: row for row in json.loads(str(data))}


def everything_that_prefect_keeps() -> str:
    """Runs with their parameters, names and states; tasks, artifacts, logs and events."""
    filters: dict[str, dict[str, Any]] = {
        "/flow_runs/filter": {"limit": 200},
        "/task_runs/filter": {"limit": 200},
        "/artifacts/filter": {"limit": 200},
        "/logs/filter": {"limit": 200},
        "/events/filter": {"limit": 50},
    }
    with get_client(sync_client=True) as client:
        pages = [
            client._client.post(path, json=body).raise_for_status().text
            for path, body in filters.items()
        ]
    assert all(len(page) > 10 for page in pages)
    return "\n".join(pages)


def database_of_prefect() -> Path:
    """The file; what was written last is beside it."""
    url = get_current_settings().server.database.connection_url
    assert url is not None
    return Path(url.get_secret_value().partition(":///")[2])


def test_over_the_registry_and_nowhere_a_secret(
    lab: Engines,
    server: GitServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    web = make_repository(tmp_path / "served/web", {"a.py": "a = 1\n"})
    make_repository(tmp_path / "served/closed", {"a.py": "a = 1\n"})
    make_credential(tmp_path / "credentials", "team", server.url, password=SECRET)
    make_credential(tmp_path / "credentials", "old", server.url, password=f"{SECRET}-old")
    add(lab, f"{server.url}/web/.git", credential="team")
    closed = {"url": f"{server.url}/closed/.git", "credential": "old"}
    taken = {"url": f"{server.url}/another", "name": "web"}
    team = tmp_path / "team.json"
    team.write_text(json.dumps([closed, taken]))
    monkeypatch.setenv("HARNESS_REPOSITORIES_FILE", str(team))
    state = nightly(only_register=True)
    assert state.name == "CompletedWithWarnings", state.message
    assert str(state.message).startswith("the team's list: 1 added, 1 refused; warning: the name")
    team.write_text(json.dumps([closed]))
    names = {"web": "Completed", "closed": "Failed"}
    if SSHD is not None:
        names["tools"] = "Completed"
        make_repository(tmp_path / "served/tools", {"a.py": "a = 1\n"})
    with ThreadWorker(module.index_repository):
        if SSHD is None:
            state = nightly()
        else:
            with ssh_server(tmp_path / "ssh") as ssh:
                key = {"ssh_privatekey": ssh.key.read_text(), "known_hosts": ssh.known_hosts}
                make_credential(tmp_path / "credentials", "deploy", ssh.host_and_port, **key)
                user = os.environ.get("USER") or "root"
                url = f"ssh://{user}@{ssh.host_and_port}{tmp_path}/served/tools/.git"
                add(lab, url, credential="deploy")
                state = nightly()
        assert state.is_failed()
        assert "refuses the password of the credential 'old'" in str(state.message)
        assert {name: row["state"] for name, row in rows().items()} == names, state.message
        assert (rows()["web"]["changed"], rows()["web"]["before"]) == (1, "")

        make_credential(tmp_path / "credentials", "old", server.url, password=SECRET)
        for name in ("tools",) if SSHD is not None else ():
            lab.store.delete_repository(name)
        (web / "b.py").write_text("b = 1\n")
        commit_all(web)
        assert nightly(only_changed=True).is_completed()
        first = rows()
        assert (first["web"]["state"], first["web"]["changed"]) == ("Completed", 1)
        assert first["web"]["before"] != first["web"]["after"]
        assert first["closed"]["state"] == "Completed"
        state = nightly(only_changed=True)

        (web / "c.py").write_text("c = 1\n")
        commit_all(web)
        pushed(lab, f"{server.url}/web.git", run_git(["rev-parse", "HEAD"], web, 30).stdout)
    assert state.message == "0 of 2 repositories indexed, 2 unchanged"
    assert {row["state"] for row in rows().values()} == {"Unchanged"}

    with running(tmp_path / "data", tmp_path / "service") as service:
        answers = [
            service.get("/api/v1/search?q=c", "reader"),
            service.get("/api/v1/repositories", "admin"),
            service.get("/metrics", "admin"),
        ]
    assert {answer.status_code for answer in answers} == {200}
    kept = "\n".join([everything_that_prefect_keeps(), *(answer.text for answer in answers)])
    assert "/web/.git" in kept and "c = 1" in kept, "nothing was looked at"
    assert SECRET not in kept + caplog.text
    secrets = [SECRET.encode(), b"PRIVATE KEY"]
    tops = (tmp_path / "data", tmp_path / "service", database_of_prefect().parent)
    files = [path for top in tops for path in top.rglob("*") if path.is_file()]
    assert database_of_prefect() in files
    for path in files:
        assert not any(s in path.read_bytes() for s in secrets), path
    for record in lab.store.repositories():
        assert SECRET not in repr(record)


def test_a_task_works_on_the_indexed_commit_and_pushes_a_branch(
    lab: Engines, server: GitServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_repository(tmp_path / "served/web", {"greeting.py": 'hello = "Hello"\n'})
    own = make_credential(tmp_path / "credentials", "team", server.url, password=SECRET)
    url = f"{server.url}/web/.git"
    add(lab, url, credential="team")
    assert module.index_repository(url, return_state=True).is_completed()
    monkeypatch.setattr("harness.configured.work.open_engines", module.open_engines)
    edit = {"path": "greeting.py", "search": '"Hello"', "replace": '"Good day"'}
    turns = (Turn(tool_calls=(("edit_file", edit),)), Turn("Changed greeting.py:1."))

    def task(**parameters: Any) -> State[Any]:
        return agent_task("Greet politely", "web", **parameters, return_state=True)  # type: ignore[call-overload,no-any-return]

    def branches() -> list[str]:
        args = ["for-each-ref", "--format=%(refname:short)", "refs/heads"]
        return run_git(args, tmp_path / "served/web", 30).stdout.decode().split()

    with FakeOllama() as ollama:
        monkeypatch.setenv("OLLAMA_HOST", ollama.url)
        monkeypatch.setenv("CHAT_MODEL", "qwen2.5-coder:7b")
        ollama.say(*turns)
        state = task()
        assert state.is_completed(), state.message
        assert '+hello = "Good day"' in state.result()["patch"]
        assert "HARNESS_ALLOW_PUSH" in str(task(push=True).message)
        monkeypatch.setenv("HARNESS_ALLOW_PUSH", "true")
        assert "is for reading" in str(task(push=True).message)
        assert branches() == ["main"]
        (own / "access").write_text("write\n")
        ollama.say(*turns)
        state = task(push=True)
    assert state.is_completed(), state.message
    branch = state.result()["branch"]
    assert branches() == [branch, "main"] and branch.startswith("harness/greet-politely-")
    changed = run_git(["show", f"{branch}:greeting.py"], tmp_path / "served/web", 30).stdout
    assert changed == b'hello = "Good day"\n'
    log = run_git(["log", "-1", "--format=%B", branch], tmp_path / "served/web", 30).stdout
    assert b"task: Greet politely" in log, "the run's name"
    assert list((tmp_path / "data/checked-out").iterdir()) == []
    assert SECRET not in everything_that_prefect_keeps()
    for path in (tmp_path / "data").rglob("*"):
        assert path.is_dir() or SECRET.encode() not in path.read_bytes(), path


def test_a_source_with_a_credential_starts_no_run(lab: Engines) -> None:
    from prefect.exceptions import ParameterTypeError

    with pytest.raises(ParameterTypeError):
        module.index_repository(f"https://user:{SECRET}@git.example.org/web")


def test_nothing_to_index(lab: Engines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_REPOSITORIES_FILE", "/nowhere/team.json")
    state = nightly()
    assert state.is_failed()
    assert "harness repositories add URL" in str(state.message)
    assert "/nowhere/team.json cannot be read" in str(state.message)
