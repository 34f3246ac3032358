"""Who may do what with which repository: every endpoint, every scope.

The matrix names each endpoint with what each token gets. An endpoint without a row fails, so that
none is added without a decision.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.service.callers import Scope
from harness.stack.api import PrefectApi
from tests.fakes.prefect_api import FakePrefect
from tests.service.lab import TOKENS, Lab, running

ASK = {"json": {"question": "sign"}}
TASK = {"json": {"text": "do it", "repo": "web"}}
TEAM_TASK = {"json": {"text": "do it", "repo": "team/api"}}
SESSION = "repo=web&path=src/session.py"
GO = "repo=team/api&path=api.go"
MCP = {
    "json": {
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": "search", "arguments": {"query": "sign"}},
    },
    "headers": {"Accept": "application/json, text/event-stream"},
}  # fmt: skip
NEW = {"json": {"source": "https://git.example.org/x", "name": "web"}}


@dataclass(frozen=True, slots=True)
class Row:
    """A request, the scope it needs, and the repository it is about (None: any that is seen)."""

    method: str
    path: str
    scope: Scope
    repo: str | None
    options: Any
    route: str


ROWS = [
    Row("GET", "/api/v1/search?q=sign", Scope.READ, None, {}, "/api/v1/search"),
    Row("GET", "/api/v1/search?q=sign&repo=team/api", Scope.READ, "team/api", {}, ""),
    Row("GET", "/api/v1/search?q=sign+repo:team/api", Scope.READ, "team/api", {}, ""),
    Row("GET", "/api/v1/symbols?name=SignRequest", Scope.READ, None, {}, "/api/v1/symbols"),
    Row("GET", "/api/v1/symbols?name=a&repo=team/api", Scope.READ, "team/api", {}, ""),
    Row("GET", f"/api/v1/file?{SESSION}", Scope.READ, "web", {}, "/api/v1/file"),
    Row("GET", f"/api/v1/file?{GO}", Scope.READ, "team/api", {}, ""),
    Row("GET", f"/api/v1/outline?{SESSION}", Scope.READ, "web", {}, "/api/v1/outline"),
    Row("GET", f"/api/v1/outline?{GO}", Scope.READ, "team/api", {}, ""),
    Row("GET", "/api/v1/map?repo=web", Scope.READ, "web", {}, "/api/v1/map"),
    Row("GET", "/api/v1/map?repo=team/api&focus=sign", Scope.READ, "team/api", {}, ""),
    Row("POST", "/api/v1/ask", Scope.ASK, None, ASK, "/api/v1/ask"),
    Row("GET", "/api/v1/repositories", Scope.READ, None, {}, "/api/v1/repositories"),
    Row("POST", "/api/v1/repositories", Scope.ADMIN, "web", NEW, ""),
    Row(
        "POST", "/api/v1/repositories/web/sync", Scope.ADMIN, "web", {},
        "/api/v1/repositories/{name}/sync",
    ),
    Row("POST", "/api/v1/repositories/team/api/sync", Scope.ADMIN, "team/api", {}, ""),
    Row("GET", "/api/v1/tasks", Scope.TASK, None, {}, "/api/v1/tasks"),
    Row("POST", "/api/v1/tasks", Scope.TASK, "web", TASK, ""),
    Row("POST", "/api/v1/tasks", Scope.TASK, "team/api", TEAM_TASK, ""),
    Row("GET", "/api/v1/tasks/{task}", Scope.TASK, "web", {}, "/api/v1/tasks/{task_id}"),
    Row(
        "GET", "/api/v1/tasks/{task}/patch", Scope.TASK, "web", {},
        "/api/v1/tasks/{task_id}/patch",
    ),
    Row(
        "POST", "/api/v1/tasks/{task}/cancel", Scope.TASK, "web", {},
        "/api/v1/tasks/{task_id}/cancel",
    ),
    # What each tool asks for is in tests/service/test_mcp.py.
    Row("POST", "/mcp", Scope.READ, None, MCP, "/mcp"),
    Row("GET", "/metrics", Scope.READ, None, {}, "/metrics"),
    # Last, since it removes what the others look at.
    Row(
        "DELETE", "/api/v1/repositories/nothing", Scope.ADMIN, "nothing", {},
        "/api/v1/repositories/{name}",
    ),
]  # fmt: skip
OPEN = {"/healthz", "/readyz"}


@pytest.fixture(scope="module")
def matrix(index: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Lab, str]]:
    with FakePrefect() as prefect:
        prefect.artifacts = [
            {"id": "1", "key": "agent-patch", "type": "markdown", "data": "````diff\n+x\n````"}
        ]
        with running(
            index,
            tmp_path_factory.mktemp("matrix"),
            prefect=lambda: PrefectApi(prefect.url, read_attempts=1),
        ) as lab:
            task = lab.request("POST", "/api/v1/tasks", "worker", **TASK).json()["id"]
            yield lab, task


def expected(row: Row, token: str) -> set[int]:
    """The statuses that a token's request may have."""
    scope, globs = TOKENS[token]
    if not scope.includes(row.scope):
        return {403}
    if row.repo is None:
        return {200}
    seen = "*" in globs or row.repo in globs or (row.repo.startswith("team/") and "team/*" in globs)
    if not seen:
        return {404}
    return {404} if row.repo == "nothing" else {200, 202}


@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.method} {row.path}")
def test_the_matrix(matrix: tuple[Lab, str], row: Row, token: str) -> None:
    lab, task = matrix
    answer = lab.request(row.method, row.path.replace("{task}", task), token, **row.options)
    assert answer.status_code in expected(row, token), answer.text


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.method} {row.path}")
def test_nothing_without_a_token(matrix: tuple[Lab, str], row: Row) -> None:
    lab, task = matrix
    path = row.path.replace("{task}", task)
    assert lab.request(row.method, path, **row.options).status_code == 401


def test_every_endpoint_has_a_row(matrix: tuple[Lab, str]) -> None:
    lab, _ = matrix
    document = lab.get("/api/v1/openapi.json", "reader").json()
    assert set(document["paths"]) | {"/mcp"} == {row.route for row in ROWS if row.route} | OPEN


def test_what_a_caller_may_not_see_is_in_no_answer(matrix: tuple[Lab, str]) -> None:
    lab, _ = matrix
    for path in (
        "/api/v1/search?q=SignRequest", "/api/v1/symbols?name=SignRequest", "/api/v1/repositories",
        "/api/v1/symbols?name=sign", "/metrics", "/api/v1/search?q=x+repo:nope",
        "/api/v1/search?q=x+lang:klingon", "/api/v1/search?q=x&path=nowhere/**",
        "/api/v1/map", "/api/v1/map?focus=SignRequest",
    ):  # fmt: skip
        hidden = lab.get(path, "web-reader").text
        assert "team" not in hidden, path
        assert "api.go" not in hidden, path
        assert '"go"' not in hidden, path


def test_folders_of_the_server_are_told_to_administrators_only(matrix: tuple[Lab, str]) -> None:
    lab, _ = matrix
    for token, told in (("reader", False), ("team-admin", True), ("admin", True)):
        repos = lab.get("/api/v1/repositories", token).json()["repos"]
        assert all(bool(repo["path"]) is told for repo in repos)


def test_a_task_of_another_repository_is_unknown(matrix: tuple[Lab, str]) -> None:
    lab, _ = matrix
    other = lab.request("POST", "/api/v1/tasks", "admin", **TEAM_TASK).json()["id"]
    assert lab.get(f"/api/v1/tasks/{other}", "admin").status_code == 200
    assert lab.get(f"/api/v1/tasks/{other}", "worker").status_code == 404
    assert lab.request("POST", f"/api/v1/tasks/{other}/cancel", "worker").status_code == 404
    assert {task["repo"] for task in lab.get("/api/v1/tasks", "worker").json()["tasks"]} == {"web"}


@pytest.mark.parametrize("repo", ["/etc", "../web", ".", "web/", "web\n", "nope"])
def test_a_task_works_on_a_name_of_the_index_and_never_on_a_folder(
    matrix: tuple[Lab, str], repo: str
) -> None:
    lab, _ = matrix
    body = {"json": {"text": "x", "repo": repo}}
    assert lab.request("POST", "/api/v1/tasks", "admin", **body).status_code == 404


@pytest.mark.parametrize("task", ["x", "../flow_runs", "0" * 32, "%2e%2e%2fadmin"])
def test_what_is_no_task_is_unknown(matrix: tuple[Lab, str], task: str) -> None:
    lab, _ = matrix
    assert lab.get(f"/api/v1/tasks/{task}", "admin").status_code == 404


def test_a_task_has_its_patch(matrix: tuple[Lab, str]) -> None:
    lab, task = matrix
    assert lab.get(f"/api/v1/tasks/{task}", "worker").json()["patch"] == "+x"
    assert lab.get(f"/api/v1/tasks/{task}/patch", "worker").text == "+x\n"
