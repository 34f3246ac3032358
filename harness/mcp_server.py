"""An MCP server over stdio, so that an editor on this machine can use the index.

The tools are those of the service (:mod:`harness.service.mcp`), called as the owner of this
machine; the repository of the folder that the editor starts it in is the default.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import PermanentError
from harness.index.syncing import fetched_from
from harness.store.catalog import entry_named

if TYPE_CHECKING:
    from harness.engines import Engines
    from harness.service.context import Context
    from harness.service.mcp.server import Server


def serve_stdio() -> None:
    """Answer an editor until it closes our stdin.

    :raises InvalidSettingError: a setting cannot be used.
    """
    context = open_context()
    try:
        make_server(context).run("stdio")
    finally:
        context.work.close()


def open_context() -> Context:
    """What the tools work with, as the environment configures it; engines open when they are first
    used, and stay open.

    :raises InvalidSettingError: a setting cannot be used.
    """
    from harness.configured import service_parts
    from harness.service.context import Context
    from harness.service.metrics import Metrics
    from harness.service.work import Work

    parts = service_parts()
    return Context(parts, Work(parts.open_engines, parts.options), Metrics())


def make_server(context: Context) -> Server:
    """The server; the current folder's repository is the default."""
    from harness.service.callers import OWNER
    from harness.service.mcp.door import Door
    from harness.service.mcp.server import Server
    from harness.service.mcp.tools import Tools

    async def refresh(name: str) -> Mapping[str, Any]:
        def source(engines: Engines) -> str:
            return fetched_from(entry_named(engines.store, name))

        return await _index(await context.work.search(source), name)

    door = Door(refresh, OWNER, Path.cwd().resolve())
    return Server(Tools(context, door))


async def _index(source: str, name: str) -> Mapping[str, Any]:
    """Index a repository in a process of its own, which ends with the call: the editor's server
    stays light, and what the run prints never reaches the protocol.

    :raises HarnessError: what the run said, in a line.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "harness", "index", source, "--name", name, "--json"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ,
    )
    try:
        out, said = await process.communicate()
    except asyncio.CancelledError:
        process.terminate()
        await process.wait()
        raise
    try:
        document = json.loads(out)
    except ValueError:
        document = None
    if process.returncode or not isinstance(document, dict):
        lines = said.decode(errors="replace").strip().splitlines() or ["the run failed"]
        raise _RefreshError(lines[-1].removeprefix("harness: "))
    kept = ("files_indexed", "files_deleted", "files_unchanged", "chunks_total", "seconds")
    return {key: document[key] for key in kept if key in document}


class _RefreshError(PermanentError):
    """A run of the index failed."""
