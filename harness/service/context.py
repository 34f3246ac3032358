"""What the endpoints share: the parts of the service, and what a request may do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.requests import Request

from harness.engines import Engines
from harness.search.known_uses import KnownUses
from harness.service.callers import Caller, Scope
from harness.service.metrics import Metrics
from harness.service.options import ServiceOptions
from harness.service.work import Work

if TYPE_CHECKING:
    from harness.answers.assistant import Assistant
    from harness.stack.api import PrefectApi


@dataclass(frozen=True, slots=True)
class Parts:
    """What the service is put together from; opened by the door.

    ``open_assistant`` opens the chat model for one question, None without a model;
    ``prefect`` returns the server to use now.
    """

    open_engines: Callable[[], Engines]
    open_assistant: Callable[[], Assistant] | None
    prefect: Callable[[], PrefectApi]
    data_dir: Path
    options: ServiceOptions = field(default_factory=ServiceOptions)


@dataclass(frozen=True, slots=True)
class Context:
    """The running service."""

    parts: Parts
    work: Work
    metrics: Metrics
    known_uses: KnownUses = field(default_factory=KnownUses)
    questions: dict[str, int] = field(default_factory=dict)


def context_of(request: Request) -> Context:
    """The running service that a request is for."""
    found: Context = request.app.state.context
    return found


def caller_of(request: Request, scope: Scope) -> Caller:
    """Who sends a request.

    :raises HTTPException: 403, nothing of that kind is allowed.
    """
    caller: Caller | None = getattr(request.state, "caller", None)
    if caller is None:  # the guard lets nobody through without
        raise HTTPException(401, "a token is needed")
    if not caller.may(scope):
        raise HTTPException(403, f"this needs a token with the scope {scope}")
    return caller


def needs(scope: Scope) -> Callable[[Request], Awaitable[Caller]]:
    """A dependency: the caller, who must have a scope."""

    # A plain function would be carried out in a thread, for every request.
    async def dependency(request: Request) -> Caller:
        return caller_of(request, scope)

    return dependency


def allowed(caller: Caller, scope: Scope, repo: str) -> None:
    """Check that a caller may do something with a repository.

    :raises HTTPException: 404 when the caller may not even know of it, else 403.
    """
    if not caller.may_with(Scope.READ, repo):
        raise HTTPException(404, f"{repo!r} is not indexed")
    if not caller.may_with(scope, repo):
        raise HTTPException(403, f"this needs a token with the scope {scope} for {repo!r}")


def note(request: Request, repositories: Iterable[str], query: str = "") -> None:
    """Tell the audit log what a request was about."""
    request.state.repositories = set(repositories)
    request.state.query = query
