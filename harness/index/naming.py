"""What a repository is called in the index, and whose a name is.

A repository is its source: the absolute path of its folder, or its git URL. A name belongs to the
source that has it, and nothing of one source is ever written over or deleted for another one. The
command line, the nightly run, the webhook and planning itself all follow this module:

- A source that is in the index keeps its name, whoever indexes it.
- A new source gets the last part of its path or URL. When another source has that name, the one
  who named this folder is told so; where nobody chose (``--root``, several paths, the nightly run,
  a push) it gets as many of the parts before it as it takes: ``work/api``.
- A folder that is gone while its name is asked for by one with the same history (the commit that
  was indexed is in it) has been moved: the name goes with it.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from harness.errors import HarnessError, NameTakenError, StoreBusyError
from harness.files import private_folder
from harness.index.leases import clock, held
from harness.repository.sources import is_clone, is_git_url
from harness.repository.tracked import git_prefix, has_commit
from harness.store.protocol import VectorStore
from harness.text import encodable
from harness.types import RepositoryRecord

_LOCK_SECONDS = 60.0
# Reading the catalog and writing one record takes milliseconds.
_NAMES_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Claim:
    """Who asks for a name: a source, and the folder in which its files are now."""

    source: str
    root: Path


def source_name(source: str) -> str:
    """The name of a source when nobody else has it."""
    parts = _parts(source)
    return parts[-1] if parts else ("repository" if is_git_url(source) else "root")


def is_record_of(record: RepositoryRecord, source: str) -> bool:
    """Tell whether a record is this source's. Two paths that lead to the same folder (a mount,
    other letters on a file system that ignores case) are one."""
    own = record_source(record)
    if own == source:
        return True
    if is_git_url(source):
        # Former versions recorded the clone's folder alone, and it tells the URL by a hash.
        return not record.source and is_clone(own, of=source)
    try:
        return not is_git_url(own) and Path(own).samefile(source)
    except OSError:
        return False


def record_source(record: RepositoryRecord) -> str:
    """A record's identity; former versions recorded the folder alone."""
    return record.source or record.path


def known_as(source: str, records: Sequence[RepositoryRecord]) -> RepositoryRecord | None:
    """The record of a source: the one of its own name where it was indexed under several."""
    own = [record for record in records if is_record_of(record, source)]
    plain = source_name(source)
    return next((r for r in own if r.name == plain), own[0] if own else None)


def has_moved(record: RepositoryRecord, root: Path) -> bool:
    """Tell whether a folder is the one that was indexed, at a new place: the old one is gone, and
    the indexed commit is in this one's history."""
    old = record_source(record)
    if is_git_url(old) or not record.commit or os.path.lexists(old) or not root.is_dir():
        return False
    if is_clone(old):
        return False  # a clone of former versions, which is no folder of the user's
    try:
        place = git_prefix(root)
        if place is None or not has_commit(root, record.commit):
            return False
    except HarnessError:
        return False  # indexing it will say why
    # In a repository of many parts each has the same history.
    return not place or f"{old}/".endswith(f"/{place}")


def _renamed(source: str, records: Sequence[RepositoryRecord]) -> RepositoryRecord | None:
    """The record of a folder that has another name now; of several that could be it, none."""
    if is_git_url(source):
        return None
    found = [record for record in records if has_moved(record, Path(source))]
    return found[0] if len(found) == 1 else None


def one_name(claim: Claim, wanted: str | None, records: Sequence[RepositoryRecord]) -> str:
    """The name of a repository that somebody has named, and whose name they can choose.

    :param wanted: the name that was chosen; None: none was.
    :raises NameTakenError: another source has the name; says which, and what to do.
    """
    if wanted is None:
        known = known_as(claim.source, records)
        if known is not None:
            return known.name
        renamed = _renamed(claim.source, records)
        if renamed is not None:
            return renamed.name
        wanted = source_name(claim.source)
    check_claim(wanted, claim, records)
    return wanted


def names_for(sources: Sequence[str], records: Sequence[RepositoryRecord]) -> dict[str, str]:
    """Names for sources that nobody has named one by one, in their order; never the same twice,
    and the same from run to run."""
    known = {source: known_as(source, records) for source in sources}
    holders = {record.name: record for record in records}
    given = {record.name for record in known.values() if record is not None}
    names: dict[str, str] = {}
    for source in sources:
        record = known[source]
        if record is None:
            left = [one for one in records if one.name not in given]
            record = _renamed(source, left)
        names[source] = record.name if record else free_name(source, holders, given)
        given.add(names[source])
    return names


def check_claim(name: str, claim: Claim, records: Sequence[RepositoryRecord]) -> str:
    """See to it that a name is free for a source, or its own.

    :returns: where the folder was before, when it was moved; else nothing.
    :raises NameTakenError: another source has it.
    """
    holder = next((record for record in records if record.name == name), None)
    if holder is None or is_record_of(holder, claim.source):
        return ""
    old = record_source(holder)
    if has_moved(holder, claim.root):
        return old
    free = free_name(claim.source, {record.name: record for record in records}, set())
    again = f"harness index {claim.source} --name {free}"
    is_gone = not is_git_url(old) and not os.path.lexists(old)
    state = " (which is no longer there)" if is_gone else ""
    remedy = f"give this one another name: {again}"
    if is_gone:
        remedy += (
            f"; or, if it was moved and is not to be kept twice, `harness forget {name}` "
            "and index it again"
        )
    raise NameTakenError(
        f"the name {name!r} belongs to {old}{state}, and {claim.source} is another repository; "
        f"nothing was changed; {remedy}"
    )


def vanished_below(root: Path, records: Sequence[RepositoryRecord]) -> list[RepositoryRecord]:
    """Repositories that were indexed from below a folder and are no longer there."""
    return [r for r in _below(root, records) if not os.path.lexists(record_source(r))]


def left_out(
    root: Path, found: Collection[Path], records: Sequence[RepositoryRecord]
) -> list[Path]:
    """Folders below a root that were indexed as git repositories and are not found as such any
    more, but are still there: their ``.git`` has gone. They are indexed, with a warning."""
    known = {Path(record_source(r)) for r in _below(root, records) if r.commit or r.was_git}
    return sorted(
        folder
        for folder in known
        if folder.is_dir() and not any(f == folder or f in folder.parents for f in found)
    )


@contextmanager
def names_held(store: VectorStore, data_dir: Path) -> Iterator[None]:
    """Hold the names of the index, so that of two new repositories one at a time takes its own:
    by a lock on this machine, and by a lease where the index is on a server.

    :raises StoreBusyError: another process has held them for a minute.
    """
    busy = StoreBusyError(
        f"another process has been choosing a name for {_LOCK_SECONDS:.0f} s; try again"
    )
    deadline = clock() + _LOCK_SECONDS

    def wait() -> None:
        if clock() > deadline:
            raise busy

    folder = private_folder(data_dir.resolve() / "run-locks")
    lock = FileLock(folder / "names.lock", timeout=_LOCK_SECONDS, mode=0o600)
    try:
        lock.acquire()
    except Timeout:
        raise busy from None
    try:
        if store.is_embedded:
            yield
            return
        name = secrets.token_hex(8)
        with held(store, "names", name, seconds=_NAMES_SECONDS, poll_seconds=0.1, on_wait=wait):
            yield
    finally:
        lock.release()


def _below(root: Path, records: Sequence[RepositoryRecord]) -> list[RepositoryRecord]:
    top = root.resolve()
    return [
        record
        for record in records
        if not is_git_url(record_source(record)) and top in Path(record_source(record)).parents
    ]


def free_name(source: str, holders: dict[str, RepositoryRecord], given: Collection[str]) -> str:
    """The shortest name that nobody else has; that of a folder which moved here counts as ours."""
    parts = _parts(source) or [source_name(source)]
    for count in range(1, len(parts) + 1):
        name = "/".join(parts[-count:])
        if name in given:
            continue
        holder = holders.get(name)
        if holder is None or (not is_git_url(source) and has_moved(holder, Path(source))):
            return name
    number = 2
    while f"{parts[-1]}-{number}" in holders or f"{parts[-1]}-{number}" in given:
        number += 1
    return f"{parts[-1]}-{number}"


def _parts(source: str) -> list[str]:
    """A source's path, or host and path, as parts of a name; what is not valid UTF-8 is escaped."""
    if is_git_url(source):
        scheme, separator, rest = source.partition("://")
        place = rest if separator else scheme.replace(":", "/", 1)
        host, _, path = place.partition("/")
        parts = [host.rpartition("@")[2], *path.split("/")] if path.strip("/") else []
    else:
        parts = list(Path(source).parts[1:])
    return [encodable(part) for part in parts if part]
