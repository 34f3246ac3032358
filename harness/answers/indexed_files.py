"""A repository's files as the index has them, for what reads files: the agent, the check of its
citations.

The lines are those of the indexed commit, without what was left out of the index (data, secrets,
files that are not indexed). Nothing else is needed: no folder, no clone, no server.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from harness.engines import Engines
from harness.files import new_private, private_folder
from harness.repository.git import run_git
from harness.repository.mirrors import own_folder
from harness.repository.sources import is_git_url
from harness.repository.tracked import GIT_TIMEOUT_SECONDS
from harness.search.indexed_file import lines_of
from harness.types import Chunk, RepositoryRecord

# Any blob's id will do: git lists names from its index and never looks for the content.
_SOME_BLOB = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"


def folder_of(record: RepositoryRecord) -> Path | None:
    """The repository's folder, if its files are on this machine; None for a URL."""
    if is_git_url(record.path):
        return None
    folder = Path(record.path)
    return folder if folder.is_dir() else None


@contextmanager
def readable_files(
    record: RepositoryRecord, engines: Engines, paths: Sequence[str] | None = None
) -> Iterator[Path]:
    """A folder with a repository's files: its own, or a private one with those of the index.

    :param paths: files that are enough where the index is read; None: all.
    """
    folder = folder_of(record)
    if folder is not None:
        yield folder
        return
    with own_folder("indexed", engines.data_dir) as copy:
        chunks = engines.store.chunks(record.collection, record.name, paths)
        names = write_files(chunks, copy)
        # Lists it as the repository's own: which folders are somebody else's depends on that.
        run_git(["init", "--quiet", "--template="], copy, GIT_TIMEOUT_SECONDS)
        entries = b"".join(f"100644 {_SOME_BLOB} 0\t{name}\0".encode() for name in names)
        args = ["update-index", "-z", "--index-info"]
        run_git(args, copy, GIT_TIMEOUT_SECONDS, stdin=entries)
        yield copy


def write_files(chunks: Iterable[tuple[str, Chunk]], folder: Path) -> list[str]:
    """Put files together from their chunks; lines that no chunk has are empty.

    A path that would lead out of the folder, or into its ``.git``, is left out: an index may have
    been restored from anywhere.

    :returns: their paths, sorted.
    """
    files: dict[str, list[Chunk]] = {}
    for path, chunk in chunks:
        files.setdefault(path, []).append(chunk)
    written = []
    for path, parts in sorted(files.items()):
        if not _is_inside(path):
            continue
        target = folder / path
        try:
            private_folder(target.parent)
            with new_private(target, durable=False) as file:
                text = "".join(f"{line}\n" for line in lines_of(parts))
                file.write(text.encode("utf-8", "surrogateescape"))
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            continue  # a file and a folder of one name: the index is of two commits
        written.append(path)
    return written


def _is_inside(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return (
        bool(parts)
        and not path.startswith("/")
        and "\0" not in path
        and all(part != ".." and part.casefold() != ".git" for part in parts)
    )
