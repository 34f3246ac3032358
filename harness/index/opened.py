"""A repository's files for somebody who works on them: its folder, or a checkout of the commit that
is in the index."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.errors import RepositoryNotFoundError, UsageError
from harness.home import from_home
from harness.index.naming import known_as
from harness.index.registry import Request, reading_of
from harness.index.syncing import fetched_from
from harness.repository.mirrors import check_out, work_folder
from harness.repository.remotes import Remote, open_remote
from harness.repository.sources import is_git_url, source_of
from harness.text import encodable
from harness.types import RepositoryRecord

CHECKOUT_TIMEOUT_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Opened:
    """Files to work on. ``ref`` is what is still to be taken out of a folder's history; None: the
    files as they are. ``remote`` is the server of a checkout, None for a folder; ``record`` None
    when it is not in the catalog."""

    root: Path
    ref: str | None
    record: RepositoryRecord | None
    remote: Remote | None


@contextmanager
def opened_repository(
    name_or_source: str,
    records: Sequence[RepositoryRecord],
    *,
    ref: str | None,
    data_dir: Path,
    credentials_dir: Path,
) -> Iterator[Opened]:
    """Open a repository: a folder where it is, a URL as a checkout that is removed at the end.

    :param name_or_source: a folder, the name of a repository of the catalog, or a git URL.
    :param ref: branch, tag or commit; None: a folder as it is, and of a URL the commit that is in
        the index, or else what its entry names.
    :raises UsageError: it is none of them, and the catalog is empty.
    :raises RepositoryNotFoundError: it is none of them, or its folder or commit is gone.
    :raises HarnessError: the server cannot be read.
    """
    folder = from_home(name_or_source)
    record: RepositoryRecord | None
    if is_git_url(name_or_source):
        source = name_or_source
        record = known_as(source_of(source), records)
    elif folder.is_dir():
        yield Opened(folder.resolve(), ref, _at(folder.resolve(), records), None)
        return
    else:
        record = _called(name_or_source, records)
        source = fetched_from(record)
        if not is_git_url(source):
            if not Path(source).is_dir():
                raise RepositoryNotFoundError(
                    f"{source} is gone; if {record.name} was moved, index its new place: "
                    f"harness index FOLDER --name {record.name}"
                )
            yield Opened(Path(source), ref, record, None)
            return
    reading = reading_of(source, Request(), records)
    remote = open_remote(
        source,
        timeout_seconds=CHECKOUT_TIMEOUT_SECONDS,
        credential=reading.credential,
        credentials_dir=credentials_dir,
    )
    wanted = ref or (record.commit if record is not None else "") or reading.ref
    with work_folder(source, data_dir) as root:
        assert root is not None  # noqa: S101 - it is a URL
        check_out(remote, wanted, root, data_dir=data_dir)
        yield Opened(root, None, record, remote)


def _called(name: str, records: Sequence[RepositoryRecord]) -> RepositoryRecord:
    if not records:
        raise UsageError("nothing is indexed yet; run `harness index PATH` first")
    wanted = encodable(name)
    found = next((record for record in records if record.name == wanted), None)
    if found is None:
        names = ", ".join(record.name for record in records[:20])
        raise RepositoryNotFoundError(f"{wanted!r} is not indexed; indexed are: {names}")
    return found


def _at(root: Path, records: Sequence[RepositoryRecord]) -> RepositoryRecord | None:
    """The repository that a folder is."""
    for record in records:
        if not is_git_url(record.path) and Path(record.path).resolve() == root:
            return record
    return None
