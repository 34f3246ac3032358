"""The database of the local Prefect server: a SQLite file below the data directory."""

from __future__ import annotations

import gzip
import shutil
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

from harness.backup.prefect_copy import REVISIONS, SETTLING, PrefectFile, compare, described
from harness.errors import NoTablesError, StoreError, StoreFullError
from harness.files import new_private, private_folder, sync
from harness.stack.lifecycle import stopped
from harness.stack.state import Layout
from harness.store.edge_archives import RESERVE_BYTES
from harness.store.snapshots import Step

NAME = "prefect.sqlite.gz"
_TEMPORARY = ".prefect-copy.sqlite"
_ASIDE = ".before-restore"
# Files that belong to a SQLite database, beside the database itself.
_COMPANIONS = ("-wal", "-shm", "-journal")
# For a moment in which the server writes its schema, or a checkpoint.
_BUSY_SECONDS = 30.0
# Rows of state and parameters shrink to a tenth; more effort gains little.
_GZIP_LEVEL = 5
_PIECE_BYTES = 1 << 20


class SqliteDatabase:
    """See :class:`harness.backup.prefect_copy.PrefectDatabase`.

    :param data_dir: of the local stack.
    """

    kind = "sqlite"

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self.path = Layout(data_dir.resolve()).database

    def capture(self, folder: Path, step: Step) -> PrefectFile | None:
        """See the Protocol. SQLite's online backup: readers block nobody in its WAL mode."""
        if not self.path.is_file():
            return None
        step("copying Prefect's database")
        temporary, target = folder / _TEMPORARY, folder / NAME
        try:
            with new_private(temporary, durable=False):
                pass
            with (
                closing(_open(self.path, read_only=True)) as source,
                closing(_open(temporary)) as copy,
            ):
                source.backup(copy)
                # One file, which can be read anywhere.
                copy.execute("PRAGMA journal_mode=DELETE")
                revision, rows = _examined(copy)
            with (
                temporary.open("rb") as plain,
                new_private(target) as file,
                gzip.GzipFile("", "wb", _GZIP_LEVEL, file) as packed,
            ):
                shutil.copyfileobj(plain, packed, 1 << 20)
        except sqlite3.Error as error:
            raise StoreError(
                f"Prefect's database {self.path} cannot be copied ({error}); earlier backups are "
                "kept: restore one with `harness restore --prefect`"
            ) from error
        finally:
            _remove(temporary)
        return described(target, self.kind, revision, rows)

    def rehearse(self, folder: Path, file: PrefectFile, step: Step) -> None:
        """See the Protocol."""
        step("trying the copy of Prefect's database")
        with _unpacked(folder, file, folder.parent / f".{folder.name}{_TEMPORARY}"):
            pass

    def ready(self) -> AbstractContextManager[None]:
        """See the Protocol: nothing of the local stack runs, and none is started meanwhile."""
        return stopped(self._data_dir)

    def restore(self, folder: Path, file: PrefectFile, step: Step) -> str:
        """See the Protocol. What was there stays beside it as ``prefect.db.before-restore``."""
        step("restoring Prefect's database")
        private_folder(self.path.parent)
        with _unpacked(folder, file, self.path.with_name(_TEMPORARY)) as unpacked:
            with closing(_open(unpacked)) as db, db:
                db.execute("PRAGMA foreign_keys=ON")
                for statement in SETTLING:
                    db.execute(statement)
            sync(unpacked)
            self._put_in_place(unpacked)
        return "start it with `harness up`"

    def _put_in_place(self, unpacked: Path) -> None:
        """Swap by renaming. The old write-ahead log must be gone before the new file has its
        name: SQLite would replay it into a database that it does not belong to."""
        aside = self.path.with_name(self.path.name + _ASIDE)
        _remove(aside)
        names = ("", "-wal", "-journal")
        try:
            for ending in names:
                _move(_beside(self.path, ending), _beside(aside, ending))
            _beside(self.path, "-shm").unlink(missing_ok=True)
            unpacked.rename(self.path)
        except OSError:
            for ending in reversed(names):
                _move(_beside(aside, ending), _beside(self.path, ending))
            raise
        sync(self.path.parent)


@contextmanager
def _unpacked(folder: Path, file: PrefectFile, target: Path) -> Iterator[Path]:
    """The database out of a backup, checked, as a private file that is gone afterwards.

    :raises StoreError: it is not what was recorded.
    """
    _remove(target)
    try:
        with (
            gzip.open(folder / file.file, "rb") as packed,
            new_private(target, durable=False) as plain,
        ):
            while piece := packed.read(_PIECE_BYTES):
                # A small file can hold terabytes of zeros.
                if shutil.disk_usage(target.parent).free < RESERVE_BYTES:
                    raise StoreFullError(
                        f"{file.file} needs more than the space that is left for {target.parent}; "
                        "free some"
                    )
                plain.write(piece)
        with closing(_open(target)) as db:
            _refuse_code(db)
            compare(file, *_examined(db))
        yield target
    except (sqlite3.Error, gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise StoreError(f"{file.file} is damaged ({error}); restore another backup") from error
    finally:
        _remove(target)


def _open(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    mode = "ro" if read_only else "rw"
    # Not with trusted_schema off: indexes of Prefect's own call json_extract.
    return sqlite3.connect(f"{path.as_uri()}?mode={mode}", uri=True, timeout=_BUSY_SECONDS)


def _refuse_code(db: sqlite3.Connection) -> None:
    """Views, triggers and virtual tables run when a table is used, and Prefect has none of them.

    :raises StoreError: there is one.
    """
    found = db.execute(
        "SELECT type, name FROM sqlite_schema WHERE type NOT IN ('table', 'index') "
        "OR sql LIKE 'create%virtual%table%' LIMIT 1"
    ).fetchone()
    if found is not None:
        raise StoreError(
            f"the copy of Prefect's database holds the {found[0]} {str(found[1])[:60]!r}, which "
            "Prefect's does not; restore another backup"
        )


def _examined(db: sqlite3.Connection) -> tuple[str, dict[str, int]]:
    """Read all of it.

    :returns: the schema's revision, and how many rows each table has.
    :raises sqlite3.DatabaseError: it is damaged, or no database.
    :raises NoTablesError: there is nothing in it.
    :raises StoreError: it is not Prefect's.
    """
    (verdict,) = db.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise sqlite3.DatabaseError(" ".join(str(verdict).split()))
    names = [
        str(name)
        for (name,) in db.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        )
    ]
    if not names:
        raise NoTablesError("Prefect's database has no tables yet; start it once with `harness up`")
    if REVISIONS not in names:
        raise StoreError(f"the database has no table {REVISIONS}, so it is not Prefect's")
    (revision,) = db.execute(f"SELECT version_num FROM {REVISIONS}").fetchone() or ("",)  # noqa: S608
    rows = {}
    for name in sorted(names):
        quoted = name.replace('"', '""')
        (rows[name],) = db.execute(f'SELECT count(*) FROM "{quoted}"').fetchone()  # noqa: S608
    return str(revision), rows


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


def _move(source: Path, target: Path) -> None:
    if source.exists():
        source.rename(target)


def _remove(path: Path) -> None:
    for ending in ("", *_COMPANIONS):
        _beside(path, ending).unlink(missing_ok=True)
