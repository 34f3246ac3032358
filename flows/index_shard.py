"""The flow ``index-shard``: a part of one repository, started by ``index-repository``."""

from functools import partial
from typing import Annotated, Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed
from prefect.task_runners import ThreadPoolTaskRunner
from pydantic import Field

from flows.index_repository import index_batches
from flows.logs import show_core_logs
from flows.outcomes import EXPLAINED
from harness.configured import open_engines
from harness.index.sharding import ShardFolder, resumed
from harness.settings import DataSettings, load


@flow(
    name="index-shard",
    flow_run_name="shard {shard} of {plan}",
    task_runner=ThreadPoolTaskRunner(max_workers=2),  # type: ignore[arg-type]
    timeout_seconds=42_600,
    **EXPLAINED,
)
def index_shard(
    plan: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]*$", max_length=100)],
    shard: Annotated[int, Field(ge=0)],
) -> State[Any]:
    """Index the files of one shard that have no result yet; nothing else of the repository.

    Args:
        plan: Name of the plan; the repository's run makes it and removes it.
        shard: Number of the shard, from 0.
    """
    show_core_logs()
    folder = ShardFolder.at(load(DataSettings).data_dir, plan)
    # Whatever started this shard twice (a pool may start the run of a lost Job again): not at once.
    with folder.held(shard):
        left = folder.unfinished(shard)
        with open_engines() as engines:
            left = resumed(left, engines.store.file_records(left.collection, left.repo))
            results = index_batches(left, engines, on_result=partial(folder.add_result, shard))
    failed = sum(result.files_failed for result in results)
    indexed = sum(result.files_indexed for result in results)
    return Completed(message=f"{left.repo}: {indexed} files indexed, {failed} failed")
