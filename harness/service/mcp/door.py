"""Who calls the tools, and what a call is about: the two transports differ in this alone.

Permissions are those of whoever calls: over HTTP the caller whom the guard has recognised for the
very request, over stdio the owner of this machine.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path as Folder
from typing import Any

from mcp.server.mcpserver import Context as Call
from starlette.exceptions import HTTPException
from starlette.requests import Request

from harness.engines import Engines
from harness.errors import HarnessError, UsageError
from harness.search.indexed_file import IndexedFile, read_indexed_file
from harness.service.api_repositories import told_place
from harness.service.callers import Caller, Scope
from harness.service.context import caller_of
from harness.service.mcp import parameters as of
from harness.store.catalog import around, in_scope_at
from harness.text import encodable

Refresh = Callable[[str], Awaitable[Mapping[str, Any]]]
"""Indexes a repository again, by its name; returns what there is to say of the run."""


@dataclass(frozen=True, slots=True)
class Door:
    """How the tools are reached, and so who calls and which repositories are meant.

    :param refresh: how a repository is indexed again there.
    :param owner: who calls where requests do not say, None where each one does (HTTP).
    :param folder: whose repository is the default; None for no default.
    """

    refresh: Refresh
    owner: Caller | None = None
    folder: Folder | None = None

    def caller(self, call: Call, scope: Scope) -> Caller:
        """Who calls.

        :raises HTTPException: nothing of that kind is allowed.
        """
        if self.owner is not None:
            return self.owner
        request = call.request_context.request
        if not isinstance(request, Request):  # of HTTP each call has one; nobody is let in without
            raise HTTPException(401, "a token is needed")
        return caller_of(request, scope)

    def scope(self, repo: str | None, engines: Engines) -> str | None:
        """The repository that is asked about; None for all of them."""
        if repo == of.ALL_REPOSITORIES:
            return None
        if repo or self.folder is None:
            return repo or None
        record = around(self.folder, engines.store.repositories())
        return record.name if record else None

    def file(self, engines: Engines, caller: Caller, repo: str | None, path: str) -> IndexedFile:
        """An indexed file.

        :raises UsageError: it is not in the index, or in which repository was not said.
        """
        sees = caller.visible()
        found = in_scope_at(engines.store, self.scope(repo, engines), sees)
        if len(found) != 1:
            names = ", ".join(one.name for one in found[:20])
            raise UsageError(f"say in which repo the file is; there are: {names}")
        name = found[0].name
        file = read_indexed_file(name, encodable(path), engines, visible=sees)
        if file is None:
            raise UsageError(
                f"the index of {name!r} has no file {encodable(path)!r}; search finds its path"
            )
        return file


def places_of(engines: Engines, caller: Caller) -> dict[str, str]:
    """Of each repository that the caller may see its folder or URL, as far as it is told."""
    sees = caller.visible()
    return {
        one.name: told_place(caller, one.name, one.path)
        for one in engines.store.repositories()
        if sees(one.name)
    }


def said_by(error: BaseException) -> str | None:
    """What a tool's caller is told of an error; None for one that is nobody's business."""
    if isinstance(error, HTTPException):
        return str(error.detail)
    return str(error) if isinstance(error, HarnessError) else None
