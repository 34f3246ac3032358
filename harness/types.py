"""The data that crosses module borders: frozen, slotted, plain.

Paths of files inside a repository are strings relative to its root with ``/``; lines are
1-based and inclusive; text is ``str`` decoded from UTF-8.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]


class SkipReason(StrEnum):
    """Why a file is not indexed; the keys of ``files_skipped``."""

    BINARY = "binary"
    TOO_LARGE = "too_large"
    MINIFIED = "minified"
    GENERATED = "generated"
    VENDORED = "vendored"
    LOCK_FILE = "lock_file"
    TRANSLATION = "translation"
    SECRET = "secret"  # noqa: S105 - a reason, not a password
    NOT_TEXT = "not_text"
    SYMLINK = "symlink"
    UNREADABLE = "unreadable"
    VANISHED = "vanished"
    SUBMODULE = "submodule"
    EXCLUDED = "excluded"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that the walk selected by its name and size; its content was not read.

    ``content_id`` is git's blob id when the file is tracked and clean, else None. ``let_in``: a
    ``!`` rule asks for it, so that only credentials and what is no text keep it out.
    """

    path: str
    size_bytes: int
    mtime_ns: int
    content_id: str | None = None
    let_in: bool = False


@dataclass(frozen=True, slots=True)
class Skip:
    """Why something is left out; ``rule`` tells a person what decided it."""

    reason: SkipReason
    rule: str


@dataclass(frozen=True, slots=True)
class SkippedFile:
    """A file or folder that is not indexed, and why."""

    path: str
    reason: SkipReason
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """A work tree as a walk saw it: the identity of git's index, and of every path that was looked
    at its size and times: three 64-bit numbers each, in the paths' order; see
    :mod:`harness.repository.seen`.

    The rest is what the walk made of it (:mod:`harness.repository.rewalk`): ``kinds`` has a byte
    of each path, ``blobs`` the id in git's index of each that is tracked, all of one length,
    ``skipped`` a reason of each that is left out by its name, ``folders`` those that are left out,
    as (folder, whether for tracked files, reason, the folder that decides), sorted.
    """

    git_index: str
    paths: tuple[str, ...]
    stats: bytes
    kinds: bytes
    blobs: str = ""
    skipped: tuple[tuple[str, str], ...] = ()
    folders: tuple[tuple[str, bool, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Listing:
    """What a walk found, both lists sorted by path. ``commit`` is None outside git or before
    the first commit. ``seen``: what a later walk may compare with; None where it cannot."""

    root: Path
    files: tuple[SourceFile, ...]
    skipped: tuple[SkippedFile, ...]
    commit: str | None
    is_git: bool
    seen: Seen | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of one file: whole lines ``start_line..end_line`` and exactly their text.

    ``symbol`` is the path of enclosing definitions (``Class.method``; empty at the top level),
    ``kind`` what the chunk mostly holds: ``function``, ``class``, ``method``, ``module``,
    ``section`` (prose), ``data`` or ``text``. ``definitions`` names every symbol whose
    definition starts in the chunk (last parts only, in order). A line that was cut has several
    chunks, ``piece`` 0 and up; joined in this order they are the line.
    """

    text: str
    start_line: int
    end_line: int
    language: str
    symbol: str
    kind: str
    definitions: tuple[str, ...] = ()
    piece: int = 0


@dataclass(frozen=True, slots=True)
class SparseVector:
    """Token ids (uint32, unique, ascending) and their BM25 term weights, both ``(k,)``."""

    indices: tuple[int, ...]
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ChunkPoint:
    """A chunk as it is stored. ``embed_hash`` identifies the embedded text (header included)
    and so the vector; ``chunk_hash`` language, symbol and text, whatever file they are in."""

    id: str
    repo: str
    path: str
    chunk: Chunk
    chunk_hash: str
    embed_hash: str
    content_id: str
    dense: FloatArray
    sparse: SparseVector


class FileStatus(StrEnum):
    """State of a file in the index. ``PENDING`` is written before the first chunk of a new file,
    so that chunks of an interrupted run can always be found again and removed."""

    PENDING = "pending"
    INDEXED = "indexed"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class FileRecord:
    """What the index knows of one file; written last, and what the next run compares with.

    ``recorded_ns`` is the wall clock when it was written: a file whose ``mtime_ns`` is not
    clearly older may have changed unseen and is read again. ``run`` is the run that it belongs to,
    when several processes share one (:mod:`harness.index.sharding`).
    """

    repo: str
    path: str
    content_id: str
    size_bytes: int
    mtime_ns: int
    status: FileStatus
    chunks: int = 0
    skip_reason: str = ""
    error: str = ""
    attempts: int = 0
    recorded_ns: int = 0
    run: str = ""


class Standing(StrEnum):
    """What the team's list (:mod:`harness.index.team_list`) says of a repository: nothing, because
    somebody else registered it; that it is wanted; or nothing any more."""

    NONE = ""
    LISTED = "listed"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class RepositoryRecord:
    """One repository of the catalog. ``collection`` holds its points, empty before the first run;
    ``commit`` is empty outside git. ``path`` is its folder, or its URL.

    ``source`` is its identity (:func:`harness.repository.sources.source_of`), empty in records
    of former versions. ``unfinished``: a run began and has not ended, so the counts are those of
    the run before. ``was_git``: it has been read through git. ``warnings`` are what the last run
    found to be wrong. ``changed``: files that the last finished run indexed or deleted.
    ``remembered`` names what that run remembers of its walk (:mod:`harness.index.remembered`).

    What :mod:`harness.index.registry` keeps: ``registered`` asks every nightly run to index it;
    ``ref`` is the branch, tag or commit to index, empty for the default branch; ``include`` and
    ``exclude`` are its patterns; ``credential`` names the credential that git gets for it, never
    holds one. ``submodules`` and ``lfs``: whether these are fetched for it. ``standing``: see
    :class:`Standing`.
    """

    name: str
    path: str
    commit: str
    collection: str
    model: str
    files: int
    chunks: int
    failed: int
    indexed_at: str
    source: str = ""
    unfinished: bool = False
    was_git: bool = False
    warnings: tuple[str, ...] = ()
    registered: bool = False
    ref: str = ""
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    credential: str = ""
    changed: int = 0
    remembered: str = ""
    submodules: bool = False
    lfs: bool = False
    standing: Standing = Standing.NONE


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything that must be equal for two vectors to be comparable.

    ``digest`` identifies the weights.
    """

    engine: str
    model: str
    digest: str
    dimension: int
    document_prefix: str
    query_prefix: str
    chunker: str
    tokenizer: str
    schema: str
    collection: str = ""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which chunks a search may return; None means any. ``paths`` are exact, ``definitions``
    folded names of which a chunk defines one."""

    repos: tuple[str, ...] | None = None
    languages: tuple[str, ...] | None = None
    paths: tuple[str, ...] | None = None
    kinds: tuple[str, ...] | None = None
    definitions: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A stored chunk as a ranked list returns it, without vectors."""

    id: str
    repo: str
    path: str
    chunk: Chunk
    score: float


@dataclass(frozen=True, slots=True)
class CandidateLists:
    """Ranked lists of one query, best first: dense, lexical, and the lexical ones among chunks that
    define a name of the query, in files that it names by their stem, and in files and at lines that
    it names by a path."""

    dense: tuple[Candidate, ...] = ()
    lexical: tuple[Candidate, ...] = ()
    defined: tuple[Candidate, ...] = ()
    stem: tuple[Candidate, ...] = ()
    named: tuple[Candidate, ...] = ()


@dataclass(frozen=True, slots=True)
class Hit:
    """One search result."""

    repo: str
    path: str
    start_line: int
    end_line: int
    symbol: str
    language: str
    score: float
    text: str


@dataclass(frozen=True, slots=True)
class SearchAnswer:
    """What a search found, best first. ``match``: how likely one of the passages holds what was
    asked for, 0 to 1; ``matches_well`` is False when that is too little to rely on. ``parts``: for
    each passage what its score is the sum of, the most telling first. ``reworded``: what was
    searched for in place of a question with words that the index does not know; else empty."""

    hits: tuple[Hit, ...]
    match: float
    matches_well: bool
    parts: tuple[Mapping[str, float], ...] = ()
    reworded: str = ""


@dataclass(frozen=True, slots=True)
class IndexReport:
    """The ``index`` JSON contract; times in seconds. ``warnings``: what a person should look at
    although the run came to its end."""

    repo: str
    path: str
    commit: str
    files_total: int
    files_indexed: int
    files_unchanged: int
    files_deleted: int
    files_skipped: Mapping[str, int]
    chunks_total: int
    chunks_embedded: int
    chunks_reused: int
    chunks_failed: int
    bytes_indexed: int
    seconds: float
    embed_seconds: float
    model: str
    files_failed: int = 0
    failures: tuple[tuple[str, str], ...] = field(default=())
    warnings: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Nothing of the repository is in the index, although nothing failed."""
        return self.chunks_total == 0 and self.files_failed == 0
