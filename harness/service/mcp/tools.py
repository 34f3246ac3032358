"""The tools: what an editor or an agent may ask of the index, the same over both transports.

Each method is a tool; its docstring is what a model reads of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mcp.server.mcpserver import Context as Call
from mcp_types import CallToolResult, TextContent
from starlette.requests import Request

from harness.agent.envelope import Envelope
from harness.answers.passages import readable
from harness.engines import Engines
from harness.errors import UsageError
from harness.index.status import RepositoryStatus, repository_statuses
from harness.search import retrieval
from harness.search.indexed_file import IndexedFile
from harness.search.operators import read_operators
from harness.search.related import related_passages
from harness.search.repository_map import BUDGET, map_repository
from harness.search.symbols import find_symbol
from harness.service.api_repositories import shown_to
from harness.service.callers import Caller, Scope
from harness.service.context import Context, allowed, note
from harness.service.mcp import answer as answers
from harness.service.mcp import parameters as of
from harness.service.mcp.door import Door, places_of
from harness.service.questions import Asked, begin, find_passages
from harness.store.catalog import in_scope
from harness.text import encodable

_LINES_RELATED = 40


class Tools:
    """The tools over a running service's engines."""

    def __init__(self, context: Context, door: Door) -> None:
        self._context = context
        self._door = door

    async def search(
        self,
        call: Call,
        query: of.Query,
        repo: of.Repo = None,
        language: of.Language = None,
        path_glob: of.PathGlob = None,
        kind: of.Kind = None,
        limit: of.Limit = 10,
        offset: of.Offset = 0,
        full_text: of.FullText = False,
    ) -> CallToolResult:
        """Ranked passages for words, a name, a question, path:line or a stack trace."""
        caller = self._door.caller(call, Scope.READ)
        text = encodable(query)

        def find(engines: Engines) -> answers.Answer:
            where = self._door.scope(repo, engines) if not read_operators(text).repo else repo
            found = retrieval.find(
                text,
                engines,
                repo=where,
                language=language,
                path_glob=path_glob,
                kind=kind,
                limit=limit + 1,
                offset=offset,
                visible=caller.visible(),
            )
            return answers.of_hits(
                text,
                found.hits[:limit],
                places_of(engines, caller),
                full_text=full_text,
                more=len(found.hits) > limit,
                offset=offset,
                matches_well=found.matches_well,
                reworded=found.reworded,
            )

        return self._said(call, await self._context.work.search(find), text)

    async def symbol(
        self,
        call: Call,
        name: of.Name,
        repo: of.Repo = None,
        which: of.Which = "both",
        limit: of.Places = 20,
    ) -> CallToolResult:
        """Where a name is defined, and which lines use it."""
        caller = self._door.caller(call, Scope.READ)

        def find(engines: Engines) -> answers.Answer:
            where = self._door.scope(repo, engines)
            found = find_symbol(
                encodable(name), engines, repo=where, limit=limit, visible=caller.visible()
            )
            if which == "definitions":
                found = replace(found, references=())
            elif which == "references":
                found = replace(found, definitions=())
            return answers.of_symbol(found, places_of(engines, caller))

        return self._said(call, await self._context.work.search(find), name)

    async def read_file(
        self,
        call: Call,
        path: of.Path,
        repo: of.OneRepo = None,
        start_line: of.StartLine = 1,
        end_line: of.EndLine = None,
    ) -> CallToolResult:
        """Lines of an indexed file, as many as there is room for."""
        caller = self._door.caller(call, Scope.READ)

        def read(engines: Engines) -> answers.Answer:
            file = self._door.file(engines, caller, repo, path)
            _check_lines(file, start_line, end_line)
            place = places_of(engines, caller)[file.repo]
            return answers.of_file(file, place, start_line, end_line)

        return self._said(call, await self._context.work.search(read), path)

    async def outline(
        self,
        call: Call,
        path: of.Path,
        repo: of.OneRepo = None,
        start_line: of.StartLine = 1,
    ) -> CallToolResult:
        """What an indexed file defines, and at which lines."""
        caller = self._door.caller(call, Scope.READ)

        def read(engines: Engines) -> answers.Answer:
            file = self._door.file(engines, caller, repo, path)
            return answers.of_outline(file, places_of(engines, caller)[file.repo], start_line)

        return self._said(call, await self._context.work.search(read), path)

    async def map(
        self,
        call: Call,
        repo: of.MapRepo = None,
        focus: of.Focus = "",
        budget: of.Budget = BUDGET,
    ) -> CallToolResult:
        """A repository's most important files and definitions, by who uses their names; with focus,
        those that something is about."""
        caller = self._door.caller(call, Scope.READ)

        def read(engines: Engines) -> answers.Answer:
            found = map_repository(
                engines,
                repo=self._door.scope(repo, engines),
                focus=encodable(focus),
                budget=budget,
                visible=caller.visible(),
                known=self._context.known_uses,
            )
            return answers.of_map(found, places_of(engines, caller)[found.repo])

        return self._said(call, await self._context.work.search(read), focus)

    async def related(
        self,
        call: Call,
        path: of.Path,
        start_line: of.StartLine = 1,
        end_line: of.EndLine = None,
        repo: of.OneRepo = None,
        everywhere: of.Everywhere = False,
        limit: of.Related = 10,
        full_text: of.FullText = False,
    ) -> CallToolResult:
        """Passages like given lines of a file: others that do the same, or what goes with them.
        Without end_line, the 40 lines from start_line on."""
        caller = self._door.caller(call, Scope.READ)

        def find(engines: Engines) -> answers.Answer:
            file = self._door.file(engines, caller, repo, path)
            last = end_line or min(start_line + _LINES_RELATED - 1, len(file.lines))
            _check_lines(file, start_line, last)
            hits = related_passages(
                file,
                start_line,
                last,
                engines,
                repo=None if everywhere else file.repo,
                limit=limit,
                visible=caller.visible(),
            )
            lines = "\n".join(file.lines[start_line - 1 : last])
            places = places_of(engines, caller)
            return answers.of_hits(lines, hits, places, full_text=full_text, more=False)

        return self._said(call, await self._context.work.search(find), path)

    async def ask(
        self,
        call: Call,
        question: of.Question,
        repo: of.Repo = None,
        language: of.Language = None,
        path_glob: of.PathGlob = None,
        limit: of.Passages = 5,
        model: of.WithModel = True,
    ) -> CallToolResult:
        """An answer with checked path:line citations: passages, and a local model's words where
        one is configured. A model may take minutes; cancelling the call ends it."""
        caller = self._door.caller(call, Scope.ASK)
        where = await self._context.work.search(lambda engines: self._door.scope(repo, engines))
        asked = Asked(encodable(question), where, language, path_glob, limit)
        found = await find_passages(self._context, caller, asked)
        document: Mapping[str, Any] = found.to_dict()
        words = readable(found)
        if model and self._context.parts.open_assistant is not None:
            document = await self._ask_model(call, caller, asked, found)
            if document["answer"]:
                words = f"{words}\n\n{document['answer']}"
        return self._said(call, answers.of_envelope(document, words), question)

    async def _ask_model(
        self, call: Call, caller: Caller, asked: Asked, found: Envelope
    ) -> Mapping[str, Any]:
        local = self._door.owner is not None
        answering = begin(self._context, caller, asked, found, tells_record=local)
        try:
            while True:
                kind, data = await answering.events.get()
                if kind == "answer":
                    return data
                if kind == "error":
                    raise UsageError(str(data["error"]))
                if kind == "step":
                    await call.report_progress(float(data["step"]), message=str(data["text"]))
        finally:
            answering.gone.set()

    async def repositories(self, call: Call) -> CallToolResult:
        """Which repositories are indexed, from where, by which model, how fresh."""
        caller = self._door.caller(call, Scope.READ)

        def look(engines: Engines) -> list[RepositoryStatus]:
            sees = caller.visible()
            return [one for one in repository_statuses(engines.store) if sees(one.name)]

        found = await self._context.work.search(look)
        return self._said(call, answers.of_statuses([shown_to(caller, one) for one in found]))

    async def status(self, call: Call) -> CallToolResult:
        """The same as repositories, under its former name."""
        return await self.repositories(call)

    async def refresh(self, call: Call, repo: of.Refreshed = None) -> CallToolResult:
        """Index what has changed in a repository, and remove from the index what is no longer
        there."""
        caller = self._door.caller(call, Scope.ADMIN)
        if repo is None:
            repo = await self._context.work.search(lambda engines: self._door.scope(None, engines))
        if not repo or repo == of.ALL_REPOSITORIES:
            raise UsageError("say which repository to refresh; `repositories` lists their names")
        name = encodable(repo)
        allowed(caller, Scope.ADMIN, name)
        await self._context.work.search(
            lambda engines: in_scope(engines.store, name, caller.visible())
        )
        document = {"repo": name, **await self._door.refresh(name)}
        text = "  ".join(f"{key}: {value}" for key, value in document.items())
        return self._said(call, answers.Answer(text, document, frozenset({name})))

    def _said(self, call: Call, answer: answers.Answer, query: str = "") -> CallToolResult:
        request = call.request_context.request
        if isinstance(request, Request):
            note(request, answer.repositories, query)
        return CallToolResult(
            content=[TextContent(type="text", text=answer.text)],
            structured_content=dict(answer.document),
        )


def _check_lines(file: IndexedFile, start: int, end: int | None) -> None:
    if end is not None and end < start:
        raise UsageError("the last line comes before the first one; swap start_line and end_line")
    if start > len(file.lines):
        raise UsageError(f"{file.path} has {len(file.lines)} lines; ask for some of these")
