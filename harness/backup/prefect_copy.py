"""A copy of Prefect's own database in a backup: runs, schedules, pauses, limits, variables, blocks.

:mod:`harness.backup.prefect_sqlite` copies the local server's file,
:mod:`harness.backup.prefect_postgres` the database of a server on Postgres. The tables are
Prefect's business: all of them are copied, and only :data:`SETTLING` knows some of them by name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from harness.errors import StoreError
from harness.store.snapshots import Step

REVISIONS = "alembic_version"
"""The table in which Prefect's migrations keep the schema's revision."""

SETTLING = (
    # They would all start at once: the scheduler makes new ones.
    "DELETE FROM flow_run WHERE auto_scheduled AND state_type = 'SCHEDULED' "
    "AND expected_start_time < CURRENT_TIMESTAMP",
    # Held by runs that nothing carries out any more; the leases that would free them were in the
    # old server's memory.
    "UPDATE concurrency_limit_v2 SET active_slots = 0 WHERE active_slots <> 0",
    "UPDATE concurrency_limit SET active_slots = '[]'",
)
"""What a database that comes out of a backup needs, because time has passed; SQL that SQLite and
Postgres both know."""


@dataclass(frozen=True, slots=True)
class PrefectFile:
    """Prefect's database as one file of a backup.

    ``kind`` is ``sqlite`` or ``postgres``; ``revision`` that of Prefect's schema; ``rows`` how many
    each table has. ``bytes`` and ``sha256`` are those of the file.
    """

    file: str
    sha256: str
    bytes: int
    kind: str
    revision: str
    rows: Mapping[str, int]

    @property
    def flow_runs(self) -> int:
        """How many flow runs are in it."""
        return self.rows.get("flow_run", 0)


class PrefectDatabase(Protocol):
    """Copying Prefect's database out and back.

    A subclass inherits the documentation of each method.
    """

    kind: str

    def capture(self, folder: Path, step: Step) -> PrefectFile | None:
        """Copy the database, as it is at one moment, into a file of this folder (mode 0600,
        durable on return). The server goes on working.

        :returns: None when there is no database yet.
        :raises NoTablesError: there is one, and nothing in it; no file was left.
        :raises StoreError: it is damaged.
        :raises ServiceUnavailableError: its server does not answer.
        """

    def rehearse(self, folder: Path, file: PrefectFile, step: Step) -> None:
        """Restore beside the database, compare with what was recorded, and remove it again.

        :raises StoreError: it would not come back as it was.
        """

    def ready(self) -> AbstractContextManager[None]:
        """For the time of a restore: see to it that it can be done.

        :raises StackError: the local server runs.
        """

    def restore(self, folder: Path, file: PrefectFile, step: Step) -> str:
        """Replace the database, then settle what time has overtaken; only while :meth:`ready`.

        :returns: what is to be done next, one line.
        :raises StoreError: the copy is not what was recorded; the database is as it was.
        """


def compare(file: PrefectFile, revision: str, rows: Mapping[str, int]) -> None:
    """Check what came out of a copy.

    :raises StoreError: it is not what was recorded.
    """
    if revision != file.revision:
        raise StoreError(
            f"{file.file} has revision {revision} of Prefect's schema, its backup recorded "
            f"{file.revision}; restore another backup"
        )
    differing = sorted(
        name for name in {*rows, *file.rows} if rows.get(name) != file.rows.get(name)
    )
    if differing:
        name = differing[0]
        raise StoreError(
            f"{file.file} has {rows.get(name, 'no')} rows in {name}, its backup recorded "
            f"{file.rows.get(name, 'no')}; restore another backup"
        )


def described(path: Path, kind: str, revision: str, rows: Mapping[str, int]) -> PrefectFile:
    """What a manifest says of a file that was just written."""
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return PrefectFile(path.name, sha256, path.stat().st_size, kind, revision, dict(rows))
