"""The flow ``restore-index``: puts a backup in the index's place, when somebody asks for it."""

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
from harness.errors import UsageError


@task(name="restore", **COPY)
def restore(name: str) -> RestoreReport:
    """Verify a backup, then replace the index by it; may be run again when it was killed."""
    with open_backups() as backups:
        return backups.restore(name)


@flow(
    name="restore-index", flow_run_name="restore backup {name}", timeout_seconds=14_000, **EXPLAINED
)
def restore_index(
    name: Annotated[str, Field(min_length=1)] = "latest", replace_the_index: bool = False
) -> State[Any]:
    """Replace the index with a backup; it is verified before anything is touched.

    Stop runs that index at the same time first.

    Args:
        name: Name of a backup. Default: the newest.
        replace_the_index: Must be true: what was indexed since the backup is lost. Without it the
            run fails and nothing is touched.
    """
    show_core_logs()
    if not replace_the_index:
        raise UsageError(
            "nothing was restored: set replace_the_index to replace the index by the backup "
            f"{name!r}; verify-restore only tries"
        )
    report = restore(name)
    message = f"{report.name} restored: {report.points} chunks, {report.samples} compared"
    create_markdown_artifact(
        f"# {message}\n\n`{report.path}`, made {report.created_at} by the engine {report.engine}; "
        f"{report.collections} collections, {report.seconds} s.\n",
        key="restore-index",
        description=f"Backup {report.name}",
    )
    return Completed(message=message, data=asdict(report))
