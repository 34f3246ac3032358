"""The database of a Prefect server on Postgres, read and written as its server does: with asyncpg.

No ``pg_dump``: it refuses a server newer than itself, so the image would have to follow every
database. A zip archive holds one member for each table, in Postgres' text format of ``COPY``. The
schema is not copied: a server of the same Prefect makes the same one.
"""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from harness.backup.prefect_copy import REVISIONS, SETTLING, PrefectFile, compare, described
from harness.backup.prefect_tables import Table, foreign_keys, identifier, tables
from harness.errors import InvalidSettingError, NoTablesError, ServiceUnavailableError, StoreError
from harness.files import new_private
from harness.store.snapshots import Step

if TYPE_CHECKING:
    from asyncpg import Connection

NAME = "prefect.postgres.zip"
_COLUMNS = "columns.json"
_MAX_COLUMNS_BYTES = 1_000_000
_PACKED = zipfile.ZIP_DEFLATED
_PIECE_BYTES = 1 << 20
# Of what a backup unpacks to: deflate makes a thousandth of zeros, and all of it goes to the disk
# of the database's server. Prefect's rows have some kilobytes, a log message at most a million.
_FIXED_BYTES = 1_000_000_000
_BYTES_PER_ROW = 100_000
_MAX_BYTES = 1 << 40
_CONNECT_SECONDS = 30.0
# A statement of the server that is restored under ends within seconds.
_LOCK_MILLISECONDS = 30_000
# What SQLAlchemy's dialect takes for itself of an address's query; asyncpg does not know it.
_DIALECT_ONLY = ("prepared_statement_", "async_fallback")

T = TypeVar("T")


class PostgresDatabase:
    """See :class:`harness.backup.prefect_copy.PrefectDatabase`.

    :param url: as the server has it, ``postgresql+asyncpg://user:password@host/database``; no
        message holds it.
    :raises InvalidSettingError: it is no address of a Postgres database.
    """

    kind = "postgres"

    def __init__(self, url: str) -> None:
        self._dsn, self._where = _addresses(url)

    def capture(self, folder: Path, step: Step) -> PrefectFile | None:
        """See the Protocol. One snapshot of all tables (repeatable read); nothing is locked."""
        step("copying Prefect's database")
        target = folder / NAME

        async def copy(db: Connection) -> tuple[str, dict[str, int]]:
            async with db.transaction(isolation="repeatable_read", readonly=True):
                found = await tables(db)
                revision = await _revision(db, found)
                rows = {}
                with new_private(target) as file, zipfile.ZipFile(file, "w", _PACKED) as archive:
                    columns = {table.name: table.columns for table in found}
                    archive.writestr(_COLUMNS, json.dumps(columns))
                    for table in found:
                        with archive.open(_member(table.name), "w", force_zip64=True) as member:
                            rows[table.name] = await _copy_out(db, table, member)
            return revision, rows

        revision, rows = self._run(copy)
        return described(target, self.kind, revision, rows)

    def rehearse(self, folder: Path, file: PrefectFile, step: Step) -> None:
        """See the Protocol. Into temporary tables with the same keys; the server is not held up."""
        step("trying the copy of Prefect's database")

        async def rehearse(db: Connection) -> None:
            with _opened(folder / file.file, file) as archive:
                async with db.transaction():
                    found = await _matching(db, archive, file)
                    keys = await foreign_keys(db)
                    for table in found:
                        await db.execute(
                            f"CREATE TEMP TABLE {identifier(table.name)} (LIKE {table.qualified} "
                            "INCLUDING DEFAULTS INCLUDING INDEXES) ON COMMIT DROP"
                        )
                    rows = {t.name: await _copy_in(db, archive, t, "pg_temp") for t in found}
                    compare(file, file.revision, rows)
                    for key in keys:
                        await db.execute(
                            f"ALTER TABLE pg_temp.{identifier(key.table)} ADD {key.definition}"
                        )

        self._run(rehearse)

    def ready(self) -> AbstractContextManager[None]:
        """See the Protocol. The server may run: it sees the old tables, then the new ones."""
        return nullcontext()

    def restore(self, folder: Path, file: PrefectFile, step: Step) -> str:
        """See the Protocol. One transaction, foreign keys checked at its end."""
        step("restoring Prefect's database")

        async def restore(db: Connection) -> None:
            with _opened(folder / file.file, file) as archive:
                async with db.transaction():
                    await db.execute(f"SET LOCAL lock_timeout = {_LOCK_MILLISECONDS}")
                    found = await _matching(db, archive, file)
                    names = ", ".join(table.qualified for table in found)
                    await db.execute(f"LOCK TABLE {names} IN ACCESS EXCLUSIVE MODE")
                    keys = await foreign_keys(db)
                    for key in keys:
                        await db.execute(f"ALTER TABLE {key.qualified} DROP CONSTRAINT {key.name}")
                    await db.execute(f"TRUNCATE {names}")
                    rows = {t.name: await _copy_in(db, archive, t, t.schema) for t in found}
                    compare(file, file.revision, rows)
                    for key in keys:
                        await db.execute(
                            f"ALTER TABLE {key.qualified} ADD CONSTRAINT {key.name} "
                            f"{key.definition}"
                        )
                    for statement in SETTLING:
                        await db.execute(statement)

        self._run(restore)
        return "restart the server: kubectl rollout restart deployment/prefect-server"

    def _run(self, act: Callable[[Connection], Awaitable[T]]) -> T:
        import asyncpg

        async def connected() -> T:
            db = await self._connect()
            try:
                return await act(db)
            finally:
                db.terminate()

        try:
            return asyncio.run(connected())
        except (ConnectionError, asyncpg.PostgresConnectionError) as error:
            raise self._silent(error) from None
        except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise StoreError(
                f"Postgres at {self._where} refused the copy of Prefect's database ({error}); "
                "nothing was changed"
            ) from None

    async def _connect(self) -> Connection:
        import asyncpg

        try:
            return await asyncpg.connect(self._dsn, timeout=_CONNECT_SECONDS)
        except (ValueError, asyncpg.ClientConfigurationError):
            raise InvalidSettingError(
                "HARNESS_PREFECT_DATABASE_URL cannot be read: write it as the Prefect server has "
                "it, special characters of the password as %XX"
            ) from None
        except (
            asyncpg.InvalidAuthorizationSpecificationError,
            asyncpg.InvalidCatalogNameError,
        ) as error:
            raise StoreError(
                f"Postgres at {self._where} refuses the login ({error}); "
                "correct HARNESS_PREFECT_DATABASE_URL"
            ) from None
        except (OSError, asyncpg.PostgresError) as error:
            raise self._silent(error) from None

    def _silent(self, error: Exception) -> ServiceUnavailableError:
        return ServiceUnavailableError(
            f"Postgres at {self._where} does not answer ({str(error) or 'time-out'}); "
            "HARNESS_PREFECT_DATABASE_URL names it"
        )


def _addresses(url: str) -> tuple[str, str]:
    """:returns: what asyncpg connects to, and what may be shown of it."""
    parts = urlsplit(url)
    dialect, _, driver = parts.scheme.partition("+")
    if dialect not in ("postgresql", "postgres") or driver not in ("", "asyncpg"):
        raise InvalidSettingError(
            "HARNESS_PREFECT_DATABASE_URL must be the Prefect server's own address of its Postgres "
            "database, postgresql+asyncpg://user:password@host/database"
        )
    query = [
        ("sslmode" if name == "ssl" else name, value)
        for name, value in parse_qsl(parts.query)
        if not name.startswith(_DIALECT_ONLY)
    ]
    host = parts.hostname or dict(query).get("host", "localhost")
    dsn = urlunsplit(("postgresql", parts.netloc, parts.path, urlencode(query), ""))
    return dsn, f"{host}{parts.path}"


async def _revision(db: Connection, found: list[Table]) -> str:
    if not found:
        raise NoTablesError(
            "Prefect's database has no tables yet; its server makes them when it starts"
        )
    if REVISIONS not in {table.name for table in found}:
        raise StoreError(
            f"the database has no table {REVISIONS}, so it is not Prefect's; correct "
            "HARNESS_PREFECT_DATABASE_URL"
        )
    return str(await db.fetchval(f"SELECT version_num FROM {REVISIONS}"))  # noqa: S608


async def _matching(db: Connection, archive: zipfile.ZipFile, file: PrefectFile) -> list[Table]:
    """The database's tables, if they are those that were copied.

    :raises StoreError: they are not.
    """
    found = await tables(db)
    revision = await _revision(db, found)
    if revision != file.revision:
        raise StoreError(
            f"this Prefect server's schema has revision {revision}, the backup's {file.revision}; "
            "start the version of Harness that made the backup, restore, and upgrade then"
        )
    with archive.open(_COLUMNS) as member:
        recorded = json.loads(member.read(_MAX_COLUMNS_BYTES))
    if recorded != {table.name: list(table.columns) for table in found}:
        raise StoreError(
            f"{file.file} has other tables or columns than this Prefect server; restore another "
            "backup"
        )
    return found


async def _copy_out(db: Connection, table: Table, member: IO[bytes]) -> int:
    """:returns: how many rows there were."""

    async def write(data: bytes) -> None:
        member.write(data)

    status = await db.copy_from_query(table.selection, output=write, format="text")
    return _count(status)


async def _copy_in(db: Connection, archive: zipfile.ZipFile, table: Table, schema: str) -> int:
    with archive.open(_member(table.name)) as member:
        status = await db.copy_to_table(
            table.name,
            schema_name=schema,
            columns=list(table.columns),
            source=_pieces(member),
            format="text",
        )
    return _count(status)


async def _pieces(member: IO[bytes]) -> AsyncIterator[bytes]:
    while piece := member.read(_PIECE_BYTES):
        yield piece


def _count(status: str) -> int:
    """Of the rows, from what the server says of a copy: ``COPY 12``."""
    return int(status.rpartition(" ")[2])


def _member(table: str) -> str:
    return f"tables/{table}"


@contextmanager
def _opened(path: Path, file: PrefectFile) -> Iterator[zipfile.ZipFile]:
    """:raises StoreError: it is damaged, or unpacks to more than such a database has."""
    try:
        with _Plain(path) as plain, zipfile.ZipFile(plain) as archive:
            _refuse_bombs(archive, file)
            yield archive
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, ValueError) as error:
        raise StoreError(f"{path.name} is damaged ({error}); restore another backup") from error


class _Plain(io.FileIO):
    """A file that gives a piece at a time: ``zipfile`` asks for the whole list of members at once,
    and calls it truncated when it gets less."""

    def read(self, size: int | None = -1) -> bytes:
        """Read at most a piece."""
        wanted = _PIECE_BYTES if size is None or size < 0 else min(size, _PIECE_BYTES)
        return super().read(wanted) or b""


def _refuse_bombs(archive: zipfile.ZipFile, file: PrefectFile) -> None:
    """``zipfile`` reads no more of a member than the list says that it has.

    :raises StoreError: all of them have more than that many rows can.
    """
    most = min(_FIXED_BYTES + max(0, sum(file.rows.values())) * _BYTES_PER_ROW, _MAX_BYTES)
    unpacked = sum(member.file_size for member in archive.infolist())
    if unpacked > most:
        raise StoreError(
            f"{file.file} unpacks to {unpacked} bytes, more than the {most} that its rows can "
            "have; restore another backup"
        )
