"""The end of an index run: what was deleted goes, the repository's record points to the collection
of this run, and the report is summed up."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from harness.engines import Engines
from harness.index.batches import BatchResult
from harness.index.naming import Claim, check_claim
from harness.index.planning import IndexPlan
from harness.index.registry import unindexed
from harness.index.remembered import Remembered, new_name, save
from harness.repository.sources import is_git_url
from harness.types import FileStatus, IndexReport, RepositoryRecord

logger = logging.getLogger(__name__)

# While more of a rebuild's files than this failed, search stays on the old collection.
_MAX_FAILED_SHARE = 0.1


def finalize(
    plan: IndexPlan, results: Sequence[BatchResult], engines: Engines, *, seconds: float
) -> IndexReport:
    """Remove what was deleted, publish the repository's collection, and sum up.

    :param seconds: wall time of the run.
    :raises NameTakenError: another repository has taken the name meanwhile; nothing of it is
        touched.
    """
    store = engines.store
    # The name may have been given away while this run was at work (`harness forget`).
    claim = Claim(plan.source or plan.root, Path(plan.root))
    before = store.repositories()
    check_claim(plan.repo, claim, before)
    if plan.is_as_remembered:
        return _unchanged(plan, next(r for r in before if r.name == plan.repo), engines, seconds)
    if plan.deleted:
        store.delete_chunks(plan.collection, plan.repo, plan.deleted)
        store.delete_file_records(plan.collection, plan.repo, plan.deleted)
    counts = store.count_files(plan.collection, plan.repo)
    status: Counter[FileStatus] = Counter()
    for (state, _), files in counts.items():
        status[state] += files
    failed = status[FileStatus.FAILED] + status[FileStatus.PENDING]
    chunks = store.count_chunks(plan.collection, plan.repo)
    skipped = Counter(dict(plan.skipped))
    for result in results:
        skipped.update(result.skipped)
    warnings = plan.warnings
    if not chunks and not failed:
        warnings += (_no_text(plan.files_total, skipped),)
    # Read again: its entry in the registry may have been changed while this run was at work.
    known = next((r for r in store.repositories() if r.name == plan.repo), None)
    was_git = known is not None and (known.was_git or bool(known.commit))
    # Of a URL the plan's folder is gone after the run.
    path = known.path if known is not None and is_git_url(plan.source) else plan.root
    current = replace(
        known or unindexed(plan.repo, plan.source or plan.root, plan.root),
        path=path,
        commit=plan.commit,
        collection=plan.collection,
        model=plan.model,
        files=status[FileStatus.INDEXED],
        chunks=chunks,
        failed=failed,
        indexed_at=datetime.now(UTC).isoformat(timespec="seconds"),
        source=plan.source or plan.root,
        unfinished=False,
        was_git=plan.is_git or was_git,
        warnings=warnings,
        changed=sum(r.files_indexed + r.files_failed for r in results) + len(plan.deleted),
        remembered=_remember(plan, counts, engines.data_dir),
    )
    _publish(current, sum(counts.values()), engines)
    store.compact(plan.collection)
    if plan.moved_from:
        warnings = (f"its folder was {plan.moved_from} and is now {plan.root}", *warnings)
    return IndexReport(
        repo=plan.repo,
        path=path,
        commit=plan.commit,
        files_total=plan.files_total,
        files_indexed=sum(r.files_indexed for r in results),
        files_unchanged=plan.files_unchanged,
        files_deleted=len(plan.deleted),
        files_skipped=dict(sorted(skipped.items())),
        chunks_total=chunks,
        chunks_embedded=sum(r.chunks_embedded for r in results),
        chunks_reused=sum(r.chunks_reused for r in results),
        chunks_failed=sum(r.chunks_failed for r in results),
        bytes_indexed=sum(r.bytes_indexed for r in results),
        seconds=round(seconds, 3),
        embed_seconds=round(sum(r.embed_seconds for r in results), 3),
        model=plan.model,
        files_failed=sum(r.files_failed for r in results),
        failures=tuple(failure for r in results for failure in r.failures),
        warnings=warnings,
    )


def _remember(plan: IndexPlan, counts: Mapping[tuple[FileStatus, str], int], data_dir: Path) -> str:
    """Tell the next run what this one's walk saw, unless a file has to be looked at again anyway.

    :returns: the name under which it is remembered, or nothing.
    """
    indexed = counts.get((FileStatus.INDEXED, ""), 0)
    left_out = {reason: n for (state, reason), n in counts.items() if state is FileStatus.SKIPPED}
    done = indexed + sum(left_out.values())
    if plan.seen is None or done != plan.files_listed or done != sum(counts.values()):
        return ""
    skipped = Counter(dict(plan.skipped_by_name)) + Counter(left_out)
    walk = Remembered(new_name(), plan.key, plan.seen, plan.files_total, indexed, skipped)
    return walk.name if save(data_dir, plan.repo, walk) else ""


def _unchanged(
    plan: IndexPlan, previous: RepositoryRecord, engines: Engines, seconds: float
) -> IndexReport:
    """The end of a run that had nothing to do."""
    warnings = plan.warnings
    if not previous.chunks:
        warnings += (_no_text(plan.files_total, Counter(plan.skipped)),)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    current = replace(previous, commit=plan.commit, indexed_at=now, warnings=warnings, changed=0)
    engines.store.put_repository(current)
    _leave_others(current, engines)
    return IndexReport(
        repo=plan.repo,
        path=plan.root,
        commit=plan.commit,
        files_total=plan.files_total,
        files_indexed=0,
        files_unchanged=plan.files_unchanged,
        files_deleted=0,
        files_skipped=dict(sorted(plan.skipped.items())),
        chunks_total=previous.chunks,
        chunks_embedded=0,
        chunks_reused=0,
        chunks_failed=0,
        bytes_indexed=0,
        seconds=round(seconds, 3),
        embed_seconds=0.0,
        model=plan.model,
        warnings=warnings,
    )


def _no_text(files: int, skipped: Counter[str]) -> str:
    reasons = ", ".join(f"{number} {reason}" for reason, number in sorted(skipped.items()))
    seen = f"{files} files, skipped: {reasons}" if reasons else f"{files} files"
    return f"nothing in it is text that can be indexed ({seen}; see `harness index --dry-run`)"


def _publish(current: RepositoryRecord, files: int, engines: Engines) -> None:
    """Let searches use this run's collection, then remove what no repository uses any more."""
    store = engines.store
    repositories = {record.name: record for record in store.repositories()}
    previous = repositories.get(current.name)
    moved = previous is not None and previous.collection != current.collection
    if moved and previous is not None and current.failed > _MAX_FAILED_SHARE * files:
        logger.warning(
            "%s: %d of %d files failed; search stays on the index of %s",
            current.name, current.failed, files, previous.model,
        )  # fmt: skip
        store.put_repository(
            replace(
                current,
                collection=previous.collection,
                model=previous.model,
                commit=previous.commit,
                files=previous.files,
                chunks=previous.chunks,
                indexed_at=previous.indexed_at,
            )
        )
        return
    store.put_repository(current)
    _leave_others(current, engines, "" if previous is None else previous.collection)


def _leave_others(current: RepositoryRecord, engines: Engines, former: str = "") -> None:
    """Remove a repository from every collection but its own, also what a run that was killed after
    its end has left.

    :param former: the collection that it had before this run.
    """
    store = engines.store
    used = {record.collection for record in store.repositories()}
    for manifest in store.manifests():
        other = manifest.collection
        if other == current.collection:
            continue
        if other != former and not store.count_files(other, current.name):
            continue
        if other in used:
            store.delete_chunks(other, current.name)
            store.delete_file_records(other, current.name)
        else:
            store.drop_collection(other)
    store.remove_leftovers()
