"""The flow ``verify-restore``: shows every week that the newest backup can be restored."""

from dataclasses import asdict
from typing import Annotated, Any

from prefect import flow, task
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed
from pydantic import Field

from flows.backup_index import COPY
from flows.logs import show_core_logs
from flows.outcomes import EXPLAINED
from harness.backup.operations import RestoreReport
from harness.configured import open_backups


@task(name="try-restore", **COPY)
def try_restore(name: str) -> RestoreReport:
    """Restore beside the index, compare, remove."""
    with open_backups() as backups:
        return backups.verify_restore(name)


@flow(
    name="verify-restore", flow_run_name="verify backup {name}", timeout_seconds=14_000, **EXPLAINED
)
def verify_restore(name: Annotated[str, Field(min_length=1)] = "latest") -> State[Any]:
    """Restore a backup under a temporary name, compare counts and vectors, and drop it.

    Args:
        name: Name of a backup. Default: the newest.
    """
    show_core_logs()
    report = try_restore(name)
    message = f"{report.name} can be restored: {report.points} chunks, {report.samples} compared"
    if report.prefect:
        message += f", {report.prefect.flow_runs} flow runs"
    create_markdown_artifact(
        f"# {message}\n\n`{report.path}`, made {report.created_at} by the engine {report.engine}; "
        f"{report.collections} collections, {report.seconds} s.\n",
        key="verify-restore",
        description=f"Backup {report.name}",
    )
    return Completed(message=message, data=asdict(report))
