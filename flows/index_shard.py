"""The flow ``index-shard``: a part of one repository, started by ``index-repository``."""

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed
from prefect.task_runners import ThreadPoolTaskRunner
from pydantic import Field

from flows.index_repository import Globs, Name, checkout, index_batches
from flows.logs import show_core_logs
from flows.outcomes import EXPLAINED
from flows.policies import CLONE_TIMEOUT_SECONDS
from flows.shards import work_on
from flows.sources import Source
from harness.configured import open_engines
from harness.index.options import IndexOptions
from harness.index.pause_guard import killed_when_paused
from harness.index.registry import Request, reading_of
from harness.index.shard_holding import require_ordered, shard_held
from harness.index.shard_orders import MOST_SHARDS, ShardOrder
from harness.repository.checkout import Checkout
from harness.repository.mirrors import work_folder
from harness.settings import DataSettings, IndexSettings, load


@flow(
    name="index-shard",
    flow_run_name="shard {shard} of {of}: {repo}",
    task_runner=ThreadPoolTaskRunner(max_workers=2),  # type: ignore[arg-type]
    timeout_seconds=42_600,
    **EXPLAINED,
)
def index_shard(
    source: Source,
    repo: Name,
    commit: Annotated[str, Field(pattern=r"^([0-9a-f]{40,64})?$")],
    collection: Annotated[str, Field(min_length=1, max_length=100)],
    run: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")],
    shard: Annotated[int, Field(ge=0, lt=MOST_SHARDS)],
    of: Annotated[int, Field(ge=1, le=MOST_SHARDS)],
    may_reuse: bool = True,
    full: bool = False,
    include: Globs | None = None,
    exclude: Globs | None = None,
    credential: Annotated[str, Field(min_length=1, max_length=100)] | None = None,
) -> State[Any]:
    """Index the files of one shard that are not done yet; nothing else of the repository.

    Args:
        source: Folder or git URL, as in the repository's run.
        repo: The repository's name in the index.
        commit: What is indexed of a URL; empty for a folder outside git.
        collection: Where the repository's run writes.
        run: Which run of the repository this is a part of; it ends with that run.
        shard: Number of the shard, from 0.
        of: How many shards there are.
        may_reuse: Look for vectors that are stored already.
        full: Embed everything again instead of only what changed.
        include: Path globs, as in the repository's run.
        exclude: Path globs, as in the repository's run.
        credential: Name of a credential for a URL, as the worker has it.
    """
    show_core_logs()
    data, settings = load(DataSettings), load(IndexSettings)
    options = IndexOptions(
        full, tuple(include or ()), tuple(exclude or ()), settings.max_file_bytes
    )
    with open_engines() as engines, work_folder(source, data.data_dir) as folder:
        reading = reading_of(source, Request(), engines.store.repositories())
        files: Checkout = checkout(
            source,
            into=folder,
            data_dir=data.data_dir,
            timeout_seconds=CLONE_TIMEOUT_SECONDS,
            ref=commit if folder is not None else "",
            credential=credential or "",
            credentials_dir=data.credentials,
            submodules=reading.submodules,
            lfs_bytes=settings.max_file_bytes if reading.lfs else 0,
        )
        order = ShardOrder(repo, files.source, collection, run, shard, of, may_reuse)
        require_ordered(order, engines.store)
        alone = not engines.store.is_embedded
        with (
            shard_held(order, engines, lease_seconds=settings.lease_seconds) as held,
            killed_when_paused(settings.lease_seconds / 2) if alone else nullcontext(),
        ):
            results = (
                work_on(held, Path(files.root), engines, options, settings.batch_bytes,
                        index_batches)
                if held is not None else []
            )  # fmt: skip
    failed = sum(result.files_failed for result in results)
    indexed = sum(result.files_indexed for result in results)
    return Completed(message=f"{repo}: {indexed} files indexed, {failed} failed")
