"""The flow ``backup-index``: a verified copy of the whole index and of Prefect's database, every
night."""

from dataclasses import asdict
from typing import Any

from prefect import flow, task
from prefect.artifacts import create_table_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.logs import show_core_logs
from flows.outcomes import EXPLAINED
from flows.policies import IO
from harness.backup.operations import BackupReport
from harness.configured import open_backups
from harness.errors import NothingIndexedError

# A copy takes as long as the index is large; every request to a server has a time-out of its own.
COPY: dict[str, Any] = IO | {"timeout_seconds": None}


@task(name="back-up", **COPY)
def back_up() -> BackupReport | None:
    """One backup; what a failed try left is removed by the next. None: nothing is indexed."""
    with open_backups() as backups:
        try:
            return backups.backup()
        except NothingIndexedError:
            return None


# Below the Job's deadline in prefect.yaml.
@flow(name="backup-index", flow_run_name="back up the index", timeout_seconds=14_000, **EXPLAINED)
def backup_index() -> State[Any]:
    """Copy the index and Prefect's database into HARNESS_BACKUP_DIR, and remove backups that are
    kept no longer."""
    show_core_logs()
    report = back_up()
    if report is None:
        return Completed(message="nothing to back up: nothing is indexed; earlier backups are kept")
    create_table_artifact(
        key="backup-index",
        description=f"Backup {report.name} in {report.path}; removed: {len(report.removed)}.",
        table=[
            {
                "file": file.file,
                "MB": round(file.bytes / 1e6, 2),
                "points": file.points,
                "sha256": file.sha256,
            }
            for file in report.files
        ]
        + [
            {
                "file": file.file,
                "MB": round(file.bytes / 1e6, 2),
                "points": 0,
                "sha256": file.sha256,
            }
            for file in ([report.prefect] if report.prefect else [])
        ],
    )
    message = f"{report.name}: {report.points} chunks, {report.bytes / 1e6:.1f} MB"
    if report.prefect_missing:
        message += f"; {report.prefect_missing}"
    return Completed(message=message, data=asdict(report))
