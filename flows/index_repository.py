"""The flow ``index-repository``: one repository, batch by batch.

What is done is kept in the index, not in Prefect: a run that was cancelled, crashed or killed
is simply started again, and only the batch it was at is embedded twice.
"""

# Annotations are evaluated by Prefect, which makes the form of the UI from them.
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from threading import Lock
from typing import Annotated, Any

from prefect import flow, get_client, task, unmapped
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.futures import PrefectFuture
from prefect.runtime import flow_run, task_run
from prefect.states import Completed, Failed
from prefect.task_runners import ThreadPoolTaskRunner
from prefect.utilities.annotations import quote
from pydantic import Field

from flows.limits import work_pool_limit
from flows.logs import show_core_logs
from flows.outcomes import EXPLAINED, completed
from flows.policies import BATCH, CHECKOUT, CLONE_TIMEOUT_SECONDS, IO
from flows.progress import IndexProgress, artifact_key
from flows.shards import Sharing, index_in_shards
from flows.sources import Source
from flows.summary import Course, markdown, sentence
from harness.chunking.detection import detect_language
from harness.configured import open_engines
from harness.engines import Engines
from harness.errors import HarnessError, PermanentError, is_transient
from harness.index import batches, finalizing, planning
from harness.index.batches import BatchResult
from harness.index.leases import HeldLease
from harness.index.naming import Claim, known_as, one_name
from harness.index.options import IndexOptions
from harness.index.planning import Batch, IndexPlan
from harness.index.preparing import prepare_batch
from harness.index.registry import Request, entered, reading_of, with_entry
from harness.index.run_lock import hold_repository
from harness.index.shard_orders import shard_count
from harness.index.syncing import note_unreadable
from harness.repository.checkout import Checkout, resolve_source
from harness.repository.mirrors import work_folder
from harness.repository.sources import source_of
from harness.settings import DataSettings, IndexSettings, load
from harness.types import IndexReport

Name = Annotated[str, Field(min_length=1, max_length=200)]
Globs = list[Annotated[str, Field(min_length=1)]]

# Engines and plans go through Prefect untouched (`quote`): it would otherwise visit each of a
# plan's files once a task.
checkout = task(name="checkout", **CHECKOUT)(resolve_source)
make_plan = task(name="plan", **IO)(planning.plan)
finalize = task(name="finalize", **IO)(finalizing.finalize)


@dataclass
class EmbeddingGate:
    """One batch is embedded at a time, and none any more after an error that ends the run: the
    model's server is gone, or the disk is full."""

    lock: Lock = field(default_factory=Lock)
    last: HarnessError | None = None


@task(name="index-batch", task_run_name="batch {batch.number}, {batch.size_bytes} bytes", **BATCH)
def index_batch(
    plan: IndexPlan, batch: Batch, engines: Engines, progress: IndexProgress, gate: EmbeddingGate
) -> BatchResult:
    """One batch of files; safe to run again at any time.

    A batch is read and chunked while another one is embedded. Only one is embedded at a time:
    the model uses all cores, and what a killed process loses is one batch, not two.
    """
    prepared = prepare_batch(plan, batch, engines.embedder)
    with gate.lock:
        if gate.last is not None:
            raise PermanentError(f"not tried: {gate.last}")
        try:
            return batches.store_batch(plan, prepared, engines, progress.reporter(batch))
        except HarnessError as error:
            tried = not is_transient(error) or (task_run.run_count or 0) > BATCH["retries"]
            if tried and engines.ends_the_run(error):
                gate.last = error
            raise


@flow(
    name="index-repository",
    flow_run_name="index {source}",
    timeout_seconds=42_600,
    task_runner=ThreadPoolTaskRunner(max_workers=2),  # type: ignore[arg-type]
    **EXPLAINED,
)
def index_repository(
    source: Source,
    name: Name | None = None,
    full: bool = False,
    include: Globs | None = None,
    exclude: Globs | None = None,
    allow_failures: bool = False,
    ref: Annotated[str, Field(min_length=1, max_length=250)] | None = None,
    credential: Annotated[str, Field(min_length=1, max_length=100)] | None = None,
) -> State[Any]:
    """Index one repository; only what changed since the last run is embedded.

    Args:
        source: Absolute path of a folder, as the worker sees it, or a git URL without credentials.
        name: Name in the index. Default: the one it has, or the folder's or the URL's last part;
            must be given when that belongs to another repository.
        full: Embed everything again instead of only what changed.
        include: Path globs. Only matching files are indexed. Default: those of its entry in the
            registry, or all.
        exclude: Path globs. Matching files are left out. Default: those of its entry.
        allow_failures: Complete the run although some files failed.
        ref: Branch, tag or commit of a URL. Default: that of its entry in the registry, or the
            default branch.
        credential: Name of a credential for a URL, as the worker has it. Default: its entry's.
    """
    show_core_logs()
    data_dir = load(DataSettings).data_dir
    settings = load(IndexSettings)
    options = IndexOptions(
        full, tuple(include or ()), tuple(exclude or ()), settings.max_file_bytes
    )
    asked = Request(
        ref=ref,
        include=tuple(include) if include else None,
        exclude=tuple(exclude) if exclude else None,
        credential=credential,
    )
    request = repr((name, options, allow_failures, asked))
    with (
        open_engines() as engines,
        hold_repository(
            engines.store,
            data_dir,
            source,
            request,
            str(flow_run.id),
            lease_seconds=settings.lease_seconds,
            may_be_killed=True,
        ) as lease,
    ):
        if lease is None:
            return Completed(message=f"{source}: left to a later run, which waits")
        report, course = _index(source, name, options, asked, settings, engines, lease)
    create_markdown_artifact(
        markdown(report, course),
        key=artifact_key("index-report", report.repo),
        description=sentence(report),
    )
    if report.files_failed and not allow_failures:
        return Failed(message=sentence(report))
    return completed(sentence(report), report.warnings, asdict(report))


def _index(
    source: str,
    name: str | None,
    options: IndexOptions,
    asked: Request,
    settings: IndexSettings,
    engines: Engines,
    lease: HeldLease,
) -> tuple[IndexReport, Course]:
    """The steps of a run that holds the repository."""
    began = time.perf_counter()
    ended: list[float] = []
    data = load(DataSettings)
    with work_folder(source, data.data_dir) as folder:
        records = engines.store.repositories()
        reading = reading_of(source, asked, records)
        try:
            source_dir: Checkout = checkout(
                source,
                into=folder,
                data_dir=data.data_dir,
                timeout_seconds=CLONE_TIMEOUT_SECONDS,
                ref=reading.ref,
                credential=reading.credential,
                credentials_dir=data.credentials,
                submodules=reading.submodules,
                lfs_bytes=settings.max_file_bytes if reading.lfs else 0,
                indexed=reading.indexed,
            )
        except HarnessError as error:
            note_unreadable(known_as(source_of(source), records), error, engines.store)
            raise
        ended.append(time.perf_counter())
        claim = Claim(source_dir.source, source_dir.root)
        name = one_name(claim, name, records)
        options = with_entry(options, entered(claim, source_dir.url, asked, engines, name))
        plan: IndexPlan = make_plan(
            name,
            Path(source_dir.root),
            engines,
            options,
            batch_bytes=settings.batch_bytes,
            source=source_dir.source,
        )
        ended.append(time.perf_counter())
        _rename_run(plan)
        pace = Pace(ended[-1])
        shards = shard_count(plan.size_bytes, settings.shard_bytes)
        limit = work_pool_limit()
        if shards > 1 and limit != 1:
            sharing = Sharing(
                source=source,
                credential=reading.credential,
                options=options,
                batch_bytes=settings.batch_bytes,
                at_once=settings.shards_at_once,
                limit=limit,
                lease_seconds=settings.lease_seconds,
                index_batches=index_batches,
            )
            results = index_in_shards(plan, shards, lease, engines, sharing)
        else:
            results = index_batches(plan, engines, pace.note)
        ended.append(time.perf_counter())
        report: IndexReport = finalize(plan, results, engines, seconds=ended[-1] - began)
        ended.append(time.perf_counter())
    return report, _course(plan, results, [began, *ended], tuple(pace.noted))


@dataclass(slots=True)
class Pace:
    """How fast batches were done since a moment of the performance counter."""

    began: float
    noted: list[tuple[float, int]] = field(default_factory=list)

    def note(self, result: BatchResult) -> None:
        """Count a batch that has just been stored."""
        chunks = self.noted[-1][1] if self.noted else 0
        chunks += result.chunks_embedded + result.chunks_reused
        self.noted.append((time.perf_counter() - self.began, chunks))


def _course(
    plan: IndexPlan,
    results: list[BatchResult],
    times: list[float],
    pace: tuple[tuple[float, int], ...],
) -> Course:
    """What the run's report shows of its course.

    :param times: when it began, and when checkout, plan, batches and the end were done.
    :param pace: see :class:`Course`.
    """
    fetched, planned, indexed, ended = (b - a for a, b in pairwise(times))
    embedded = min(indexed, sum(result.embed_seconds for result in results))
    stages = {
        "fetch": fetched,
        "list and compare": planned,
        "read, chunk, write": indexed - embedded,
        "embed": embedded,
        "publish": ended,
    }
    languages = Counter(
        detect_language(file.path).name for batch in plan.batches for file in batch.files
    )
    named = [one for result in results for one in result.left_out]
    slow = batches.slowest(one for result in results for one in result.slowest)
    return Course(stages, languages, (*plan.left_out, *named), slow, pace)


def index_batches(
    plan: IndexPlan,
    engines: Engines,
    on_result: Callable[[BatchResult], None] = lambda result: None,
) -> list[BatchResult]:
    """Index every batch; one that fails for good is recorded and does not stop the others.

    :param on_result: is given each batch's result once the batch is stored.
    """
    progress = IndexProgress(plan.repo, plan.batches)
    futures = index_batch.map(
        plan=unmapped(quote(plan)),
        batch=plan.batches,
        engines=unmapped(quote(engines)),
        progress=unmapped(quote(progress)),
        gate=unmapped(quote(EmbeddingGate())),
    )
    results = []
    # In order, not `as_completed`: that one reacts to the server's event, which may come before
    # the task has handed over its result.
    for batch, future in zip(plan.batches, futures, strict=True):
        outcome = _wait(future, progress)
        progress.finish(batch)
        progress.show()
        if not isinstance(outcome, BatchResult):
            outcome = batches.record_failed(plan, batch, outcome, engines)
        on_result(outcome)
        results.append(outcome)
    return results


def _wait(
    future: PrefectFuture[BatchResult], progress: IndexProgress
) -> BatchResult | BaseException:
    """The result of a batch, or the error that it ended with."""
    while True:
        try:
            outcome = future.result(timeout=1.0, raise_on_failure=False)
        except TimeoutError:  # of this wait; the task's own would have been returned
            progress.show()
            continue
        if isinstance(outcome, BatchResult | BaseException):
            return outcome
        return RuntimeError(f"the task ended as {outcome!r} without a result")


def _rename_run(plan: IndexPlan) -> None:
    """Name the run after what it indexes, which only the checkout and the walk tell."""
    name = f"index {plan.repo}" + (f"@{plan.commit[:7]}" if plan.commit else "")
    with get_client(sync_client=True) as client:
        client.update_flow_run(flow_run.id, name=name)
