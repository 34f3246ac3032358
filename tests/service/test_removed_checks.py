"""Each check of a caller is one that the permission matrix needs: with any of them taken out, some
request gets what it must not get, and the matrix would say so.

A check is a place in the source that asks what a caller may do. They are found by running what must
be refused or hidden, so that one which is added counts, too.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from starlette.requests import Request

from harness.service import api_repositories, api_tasks, context
from harness.service.callers import OWNER, Caller, Scope
from harness.service.mcp import door, tools
from harness.service.recognising import Recogniser
from harness.stack.api import PrefectApi
from tests.fakes.prefect_api import FakePrefect
from tests.service.lab import TOKENS, Lab, running
from tests.service.test_mcp import READING
from tests.service.test_permissions import MCP, ROWS, TEAM_TASK, expected

MINE = {"json": {"text": "do it", "repo": "web"}}
QUESTION = {"json": {"question": "SignRequest"}}

Case = Callable[[], bool]
"""Sends something; whether the answer is as it must be."""

STRANGERS = "whoever is not known"
DOUBLED = {
    # The look-up that follows sees the same repositories only.
    "allowed in api_tasks.start",
    "allowed in tools.refresh",
    "visible in door.places_of",
    # The check of the repository asks for the scope again.
    "admin for POST /api/v1/repositories",
    "admin for DELETE /api/v1/repositories/{name:path}",
    "admin for POST /mcp",
}
"""What changes nothing when it alone is taken out, since another one stands behind it."""


class Checks:
    """The checks, by name; ``out`` is the one that lets everybody through."""

    def __init__(self) -> None:
        self.met: set[str] = set()
        self.out = ""

    def passes(self, name: str) -> bool:
        self.met.add(name)
        return name == self.out

    def install(self, patch: pytest.MonkeyPatch) -> None:
        caller_of, allowed = context.caller_of, context.allowed
        visible, may_with, recognised = Caller.visible, Caller.may_with, Recogniser.caller

        def scope_of(request: Request, scope: Scope) -> Caller:
            route = getattr(request.scope.get("route"), "path", request.url.path)
            who: Caller | None = getattr(request.state, "caller", None)
            # Every token may read; who has none is not let in by the guard.
            if scope is not Scope.READ and self.passes(f"{scope} for {request.method} {route}"):
                assert who is not None
                return who
            return caller_of(request, scope)

        def repository_of(caller: Caller, scope: Scope, repo: str) -> None:
            if not self.passes(f"allowed in {place(sys._getframe(1))}"):
                allowed(caller, scope, repo)

        def seen_by(caller: Caller, scope: Scope = Scope.READ) -> Callable[[str], bool]:
            frame = sys._getframe(1)
            if self.passes(f"visible in {place(frame)}, line {frame.f_lineno}"):
                return lambda repo: True
            return visible(caller, scope)

        def one_of(caller: Caller, scope: Scope, repo: str) -> bool:
            frame = sys._getframe(1)
            ours = place(frame).partition(".")[0] not in ("callers", "context")
            if ours and self.passes(f"may_with in {place(frame)}"):
                return True
            return may_with(caller, scope, repo)

        def known(recogniser: Recogniser, *sent: Any) -> Caller | None:
            found = recognised(recogniser, *sent)
            return OWNER if found is None and self.passes(STRANGERS) else found

        for module in (context, door):
            patch.setattr(module, "caller_of", scope_of)
        for module in (api_repositories, api_tasks, tools):
            patch.setattr(module, "allowed", repository_of)
        patch.setattr(Caller, "visible", seen_by)
        patch.setattr(Caller, "may_with", one_of)
        patch.setattr(Recogniser, "caller", known)


def place(frame: FrameType) -> str:
    return f"{Path(frame.f_code.co_filename).stem}.{frame.f_code.co_name}"


@pytest.fixture
def service(index: Path, tmp_path: Path) -> Iterator[Lab]:
    with (
        FakePrefect() as prefect,
        running(index, tmp_path, prefect=lambda: PrefectApi(prefect.url, read_attempts=1)) as lab,
    ):
        yield lab


def cases(lab: Lab) -> dict[str, Case]:
    """What must be refused or hidden."""
    mine = lab.request("POST", "/api/v1/tasks", "admin", **MINE).json()["id"]
    other = lab.request("POST", "/api/v1/tasks", "admin", **TEAM_TASK).json()["id"]
    found: dict[str, Case] = {
        "a stranger": lambda: lab.get("/api/v1/search?q=sign").status_code == 401,
        "another team's repository is not removed": lambda: (
            lab.request("DELETE", "/api/v1/repositories/web", "team-admin").status_code == 404
        ),
        "another team's task": lambda: (
            lab.get(f"/api/v1/tasks/{other}", "worker").status_code == 404
        ),
        "tasks": lambda: "team" not in lab.get("/api/v1/tasks", "worker").text,
        "folders": lambda: (
            not any(
                repo["path"] for repo in lab.get("/api/v1/repositories", "reader").json()["repos"]
            )
        ),
        "a question": lambda: (
            "team" not in lab.request("POST", "/api/v1/ask", "worker", **QUESTION).text
        ),
    }
    for row in ROWS:
        for token in TOKENS:
            path = row.path.replace("{task}", mine)
            if expected(row, token).isdisjoint({200, 202}) and row.repo != "nothing":
                found[f"{row.method} {row.path} by {token}"] = (
                    lambda row=row, path=path, token=token: (
                        lab.request(row.method, path, token, **row.options).status_code
                        in expected(row, token)
                    )
                )
    for path in (
        "/api/v1/search?q=SignRequest", "/api/v1/symbols?name=SignRequest", "/metrics",
        "/api/v1/repositories", "/api/v1/map?focus=SignRequest",
    ):  # fmt: skip
        found[f"GET {path}"] = lambda path=path: "team" not in lab.get(path, "web-reader").text
    for name, arguments in READING.items():
        if "repo" in arguments:
            elsewhere = {**arguments, "repo": "team/api"}
            elsewhere |= {"path": "api.go"} if "path" in arguments else {}
            found[f"tool {name}"] = lambda name=name, elsewhere=elsewhere: (
                "is not indexed" in called(lab, "web-reader", name, elsewhere)
            )
        else:
            found[f"tool {name}"] = lambda name=name, arguments=arguments: (
                "team" not in called(lab, "web-reader", name, arguments)
            )
    for token, repo in (("worker", "web"), ("team-admin", "web")):
        found[f"tool refresh by {token}"] = lambda token=token, repo=repo: (
            '"isError":true' in called(lab, token, "refresh", {"repo": repo})
        )
    found["tool ask"] = lambda: (
        "needs a token with the scope ask" in called(lab, "reader", "ask", QUESTION["json"])
    )
    return found


def called(lab: Lab, token: str, name: str, arguments: dict[str, Any]) -> str:
    message = {**MCP["json"], "params": {"name": name, "arguments": arguments}}
    answer = lab.request("POST", "/mcp", token, headers=MCP["headers"], json=message)
    assert answer.status_code == 200, answer.text
    return str(answer.text)


def test_the_matrix_notices_when_any_check_is_taken_out(
    service: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks = Checks()
    checks.install(monkeypatch)
    removed: list[str] = []
    monkeypatch.setattr(
        api_repositories, "forget_repository", lambda name, engines: removed.append(name)
    )
    needed_by: dict[str, list[Case]] = defaultdict(list)
    for name, holds in cases(service).items():
        checks.met = set()
        assert holds(), f"{name}: with every check in its place"
        for check in checks.met:
            needed_by[check].append(holds)
    unnoticed = []
    for check, noticing in needed_by.items():
        checks.out = check
        if all(holds() for holds in noticing):
            unnoticed.append(check)
    assert sorted(check.partition(", line")[0] for check in unnoticed) == sorted(DOUBLED), (
        "; ".join(unnoticed)
    )
    assert removed == ["web"], "and then it would have been removed"
    assert len(needed_by) > 25, sorted(needed_by)
