"""The flow ``index-all``: every repository of the registry and below a folder, each as its own flow
run."""

import asyncio
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from prefect import flow, get_client, get_run_logger
from prefect.artifacts import acreate_markdown_artifact, acreate_table_artifact
from prefect.client.schemas.objects import State
from prefect.states import Failed
from pydantic import Field

from flows.clients import own_client, start_run
from flows.limits import work_pool_limit
from flows.logs import show_core_logs
from flows.outcomes import EXPLAINED, WITH_WARNINGS, completed
from flows.trend import last_runs, picture
from harness.configured import open_store
from harness.errors import HarnessError, UsageError
from harness.index.naming import left_out, names_for, vanished_below
from harness.index.registry import registered, warnings_of
from harness.index.syncing import fetched_from, has_news, note_gone, note_unreadable
from harness.index.team_list import Change, Taken, read_list, take_list
from harness.repository.checkout import discover
from harness.settings import DataSettings, load
from harness.types import RepositoryRecord

DEPLOYMENT = "index-repository/index-repository"
UNCHANGED = "Unchanged"
_INDEXED = frozenset({"Completed", WITH_WARNINGS})


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a run has to see to: sources by the names of their repositories, and repositories whose
    folders are gone."""

    sources: dict[str, str]
    gone: list[RepositoryRecord]
    before: dict[str, RepositoryRecord]


@flow(name="index-all", flow_run_name="index all", timeout_seconds=85_800, **EXPLAINED)
async def index_all(
    root: str | None = None,
    at_once: Annotated[int, Field(ge=1, le=64)] = 2,
    full: bool = False,
    only_changed: bool = False,
    only_register: bool = False,
) -> State[Any]:
    """Index every repository that is wanted; one that fails does not stop the others.

    What HARNESS_REPOSITORIES_FILE names is taken into the registry first, unless there is a root.

    Args:
        root: Folder, as the worker sees it; then only the repositories below it are indexed.
            Default: those of the registry, and those below HARNESS_REPOS_ROOT.
        at_once: How many repositories are indexed at the same time.
        full: Embed everything again instead of only what changed.
        only_changed: Ask the git servers first, and leave out what has not moved since it was
            indexed.
        only_register: Take the team's list into the registry, and index nothing.
    """
    show_core_logs()
    taken = [] if root else _taken()
    if only_register:
        return completed(_registered(taken), [one.message for one in taken if one.message])
    if work_pool_limit() == 1:
        # This run holds the only slot: those that it waits for would never begin.
        raise UsageError("the work pool runs one flow at a time; allow it at least two")
    wanted = _wanted(root, [one.message for one in taken if one.change is Change.REFUSED])
    slots = asyncio.Semaphore(at_once)
    rows = await asyncio.gather(
        *(
            _index(source, wanted.before.get(name), name, full, only_changed, slots)
            for name, source in wanted.sources.items()
        )
    )
    async with get_client() as client:
        trend = picture(await last_runs(client, "index-all"))
    records = {record.name: record for record in _records()}
    for row in rows:
        _complete(row, wanted.before.get(row["repository"]), records.get(row["repository"]))
    apart = [_gone_row(record) for record in wanted.gone]
    apart += [_refused_row(one) for one in taken if one.change is Change.REFUSED]
    rows += apart
    await acreate_table_artifact(
        key="index-all",
        description=f"Repositories {_place(root)}; what needs a look comes first.",
        table=_table(rows),
    )
    if trend:
        await acreate_markdown_artifact(
            key="index-all-trend", description="How long the last runs took.", markdown=trend
        )
    return _outcome(rows, len(apart))


def _taken() -> list[Taken]:
    """What the team's list did to the registry; a list that cannot be read is a refused one."""
    data = load(DataSettings)
    path = data.repositories_file
    if path is None:
        return []
    try:
        listed = read_list(path)
        with closing(open_store()) as store:
            return take_list(listed, store, data.data_dir)
    except HarnessError as error:
        return [Taken("the team's list", str(path), Change.REFUSED, str(error))]


def _registered(taken: list[Taken]) -> str:
    """What the list did, in one sentence."""
    counts = Counter(one.change for one in taken)
    said = ", ".join(f"{counts[change]} {change}" for change in Change if counts[change])
    return f"the team's list: {said or 'nothing in it'}"


def _place(root: str | None) -> str:
    return f"below {root}" if root else "of the registry and below HARNESS_REPOS_ROOT"


def _wanted(root: str | None, refused: list[str]) -> Wanted:
    """What there is to index.

    :param refused: why entries of the team's list are not in the registry.
    :raises UsageError: nothing is registered, and no folder is named.
    """
    folder = Path(root) if root else load(DataSettings).repos_root
    before = _records()
    entries = [] if root else registered(before)
    if folder is None and not entries:
        remedy = (
            "nothing to index; register repositories (`harness repositories add URL`), or set "
            "HARNESS_REPOS_ROOT or the parameter root"
        )
        raise UsageError("; ".join([remedy, *refused]))
    gone = list(entries)
    sources: dict[str, str] = {}
    if folder is not None:
        gone += vanished_below(folder, before)
        found = discover(folder)
        found = sorted({*found, *left_out(folder, found, before)})
        named = names_for([str(path) for path in found], before)
        sources = {name: source for source, name in named.items()}
    gone = _noted({record.name: record for record in gone})
    lost = {record.name for record in gone}
    sources |= {record.name: fetched_from(record) for record in entries if record.name not in lost}
    return Wanted(sources, gone, {record.name: record for record in before})


async def _index(
    source: str,
    known: RepositoryRecord | None,
    name: str,
    full: bool,
    only_changed: bool,
    slots: asyncio.Semaphore,
) -> dict[str, Any]:
    """Start one repository's run when there is room, and wait for its end; never raises."""
    row = {"repository": name, "state": "unknown", "message": "", "seconds": 0.0, "run": ""}
    async with slots:
        began = time.monotonic()
        try:
            if only_changed and not full and known is not None:
                credentials = load(DataSettings).credentials
                if not await asyncio.to_thread(has_news, known, credentials):
                    return row | {"state": UNCHANGED}
            async with own_client() as client:
                parameters = {"source": source, "name": name, "full": full}
                run = await start_run(DEPLOYMENT, parameters, client, timeout=None)
        except HarnessError as error:  # the git server's: the repository's run would say the same
            row |= {"state": "Failed", "message": str(error)}
            await asyncio.to_thread(_note_unreadable, known, error)
        except Exception as error:  # the server refused or went away: the others go on
            row["message"] = f"{type(error).__name__}: {error}"
        else:
            row["run"] = str(run.id)
            if run.state is not None:
                row |= {"state": run.state.name, "message": run.state.message or ""}
        row["seconds"] = round(time.monotonic() - began, 1)
    return row


def _complete(
    row: dict[str, Any], before: RepositoryRecord | None, after: RepositoryRecord | None
) -> None:
    """Add what the index says of a repository to its row."""
    ran = row["state"] in _INDEXED
    row["before"] = before.commit[:12] if before else ""
    row["after"] = after.commit[:12] if after else ""
    row["changed"] = after.changed if after and ran else 0
    row["files"], row["chunks"] = (after.files, after.chunks) if after else (0, 0)
    row["warnings"] = "; ".join(warnings_of(after)) if after and ran else ""


def _table(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows as they are shown: failures, then warnings, then the rest, each by name; runs as
    links. Prefect's page cuts a table at its right edge."""

    def order(row: dict[str, Any]) -> tuple[int, str]:
        if row["state"] not in _INDEXED and row["state"] != UNCHANGED:
            return 0, row["repository"]
        has_warnings = row["warnings"] or row["state"] == WITH_WARNINGS
        return 1 if has_warnings else 2, row["repository"]

    shown = []
    for row in sorted(rows, key=order):
        link = f"[{row['state']}](/runs/flow-run/{row['run']})" if row["run"] else row["state"]
        first = {"repository": row["repository"], "run": link, "seconds": row["seconds"]}
        shown.append(first | {key: value for key, value in row.items() if key not in first})
    return shown


def _outcome(rows: list[dict[str, Any]], apart: int) -> State[Any]:
    """How the run ends, in one sentence.

    :param apart: how many of the last rows are of no repository that a run was started for.
    """
    good = [row for row in rows if row["state"] in _INDEXED or row["state"] == UNCHANGED]
    unchanged = sum(row["state"] == UNCHANGED for row in rows)
    failed = rows[: len(rows) - apart]
    failed = [row for row in failed if row not in good]
    message = f"{len(good) - unchanged} of {len(rows) - apart} repositories indexed"
    if unchanged:
        message += f", {unchanged} unchanged"
    warnings = [
        f"{row['repository']}: {row['warnings'] or row['message']}"
        for row in rows
        if row["warnings"] or row["state"] == WITH_WARNINGS
    ]
    if failed:
        reasons = "; ".join(f"{row['repository']} ({row['message']})" for row in failed)
        warned = f"; warning: {'; '.join(warnings)}" if warnings else ""
        return Failed(message=f"{message}; failed: {reasons}{warned}", data=rows)
    return completed(message, warnings, rows)


def _records() -> list[RepositoryRecord]:
    """What is in the index; nothing when it cannot be read: each run says so."""
    try:
        with closing(open_store()) as store:
            return store.repositories()
    except HarnessError as error:
        get_run_logger().warning("the index cannot be read: %s", error)
        return []


def _noted(records: dict[str, RepositoryRecord]) -> list[RepositoryRecord]:
    """Those whose folders are gone, with a warning in the index."""
    try:
        with closing(open_store()) as store:
            return note_gone(records.values(), store)
    except HarnessError as error:
        get_run_logger().warning("the index cannot be read: %s", error)
        return []


def _note_unreadable(record: RepositoryRecord | None, error: HarnessError) -> None:
    with closing(open_store()) as store:
        note_unreadable(record, error, store)


def _refused_row(one: Taken) -> dict[str, Any]:
    """An entry of the team's list that the registry does not take."""
    return {
        "repository": one.name,
        "state": "Refused",
        "message": one.message,
        "seconds": 0.0,
        "run": "",
        "before": "",
        "after": "",
        "changed": 0,
        "files": 0,
        "chunks": 0,
        "warnings": one.message,
    }


def _gone_row(record: RepositoryRecord) -> dict[str, Any]:
    return {
        "repository": record.name,
        "state": "Vanished",
        "message": f"{record.path} is gone",
        "seconds": 0.0,
        "run": "",
        "before": record.commit[:12],
        "after": record.commit[:12],
        "changed": 0,
        "files": record.files,
        "chunks": record.chunks,
        "warnings": "; ".join(record.warnings),
    }
