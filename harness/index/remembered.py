"""What a run remembers for the next one: the walk that led to a finished index, and its counts.

When the next walk would see the same, and neither the index nor the options are others, there is
nothing to list, to compare or to count. It is a file in the data directory. Only the repository's
record says that it is true, by a name that each run makes anew: whatever changes the index marks
the record as unfinished, and a restored record names what was true for it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness import __version__
from harness.files import private_folder, write_atomically
from harness.index.options import IndexOptions
from harness.types import Seen

logger = logging.getLogger(__name__)

_FOLDER = "walks"
# Three numbers of 64 bits for each path.
_STAT_BYTES = 24


@dataclass(frozen=True, slots=True)
class Remembered:
    """A walk and what came of it. ``name`` is in the repository's record; ``key`` stands for
    everything else that decides what is indexed."""

    name: str
    key: str
    seen: Seen
    files_total: int
    files_unchanged: int
    skipped: Mapping[str, int]


def key_of(collection: str, options: IndexOptions) -> str:
    """What has to be the same for a walk to mean the same."""
    told = (collection, options.include, options.exclude, options.max_file_bytes, __version__)
    return hashlib.sha256(repr(told).encode("utf-8", "surrogatepass")).hexdigest()


def new_name() -> str:
    """A name that no other run has."""
    return uuid.uuid4().hex


def save(data_dir: Path, repo: str, walk: Remembered) -> bool:
    """Remember a walk instead of the repository's former one.

    :returns: whether it could be written; nothing else depends on it.
    """
    head = {
        "name": walk.name,
        "key": walk.key,
        "git_index": walk.seen.git_index,
        "skipped_by_name": walk.seen.skipped,
        "folders": walk.seen.folders,
        "files_total": walk.files_total,
        "files_unchanged": walk.files_unchanged,
        "skipped": dict(walk.skipped),
        "stats_bytes": len(walk.seen.stats),
        "blobs_bytes": len(walk.seen.blobs),
    }
    paths = "\0".join(walk.seen.paths).encode("utf-8", "surrogateescape")
    try:
        private_folder(data_dir / _FOLDER)
        content = b"".join(
            (
                json.dumps(head).encode(),
                b"\n",
                walk.seen.stats,
                walk.seen.kinds,
                walk.seen.blobs.encode("ascii"),
                paths,
            )
        )
        write_atomically(_file(data_dir, repo), content)
    except OSError as error:
        logger.info("the walk of %s is not remembered: %s", repo, error)
        return False
    return True


def load(data_dir: Path, repo: str, name: str, key: str) -> Remembered | None:
    """The walk of this name and key; None when there is none."""
    try:
        head_line, _, body = _file(data_dir, repo).read_bytes().partition(b"\n")
        head = json.loads(head_line)
        if (head["name"], head["key"]) != (name, key):
            return None
        size = head["stats_bytes"]
        kinds = size + size // _STAT_BYTES
        blobs = kinds + head["blobs_bytes"]
        return Remembered(
            name,
            key,
            Seen(
                git_index=head["git_index"],
                paths=tuple(body[blobs:].decode("utf-8", "surrogateescape").split("\0")),
                stats=body[:size],
                kinds=body[size:kinds],
                blobs=body[kinds:blobs].decode("ascii"),
                skipped=tuple((path, reason) for path, reason in head["skipped_by_name"]),
                folders=tuple((str(f), bool(t), str(r), str(o)) for f, t, r, o in head["folders"]),
            ),
            head["files_total"],
            head["files_unchanged"],
            head["skipped"],
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _file(data_dir: Path, repo: str) -> Path:
    digest = hashlib.sha256(repo.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return data_dir / _FOLDER / digest
