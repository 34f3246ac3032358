"""A file as the index has it: its lines and its definitions.

Nothing else is needed, neither the repository's folder nor a clone. What was left out of the index,
such as secrets and data, is not in the lines either.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.engines import Engines
from harness.search.definitions import Definition, definitions_of
from harness.store.catalog import Visible, in_scope
from harness.types import Chunk, RepositoryRecord


@dataclass(frozen=True, slots=True)
class IndexedFile:
    """``lines`` are those of the indexed commit, the first one at 0, without their line ends;
    lines that no chunk has are empty. ``definitions`` are in order of their lines; ``language`` is
    that of most lines, such as the one around embedded ones."""

    repo: str
    path: str
    commit: str
    language: str
    lines: tuple[str, ...]
    definitions: tuple[Definition, ...]


def read_indexed_file(
    repo: str, path: str, engines: Engines, *, visible: Visible | None = None
) -> IndexedFile | None:
    """Put a file together; None when the index has no such file.

    :param repo: a repository's name.
    :param visible: which repositories whoever asks may see; None: all of them.
    :raises RepositoryNotFoundError: the repository is not indexed, or not visible.
    :raises UsageError: nothing is indexed.
    """
    (record,) = in_scope(engines.store, repo, visible)
    return read_indexed_files(record, [path], engines).get(path)


def read_indexed_files(
    record: RepositoryRecord, paths: Sequence[str], engines: Engines
) -> dict[str, IndexedFile]:
    """Put several files of a repository together, by their paths; those that the index has."""
    chunks: defaultdict[str, list[Chunk]] = defaultdict(list)
    for path, chunk in engines.store.chunks(record.collection, record.name, paths):
        chunks[path].append(chunk)
    return {path: _put_together(record, path, chunks[path]) for path in paths if path in chunks}


def _put_together(record: RepositoryRecord, path: str, found: Iterable[Chunk]) -> IndexedFile:
    chunks = sorted(found, key=lambda chunk: chunk.start_line)
    sizes: dict[str, int] = {}
    for chunk in chunks:
        lines = chunk.end_line - chunk.start_line + 1
        sizes[chunk.language] = sizes.get(chunk.language, 0) + lines
    definitions = {(one.line, one.symbol): one for chunk in chunks for one in definitions_of(chunk)}
    return IndexedFile(
        repo=record.name,
        path=path,
        commit=record.commit,
        language=max(sizes, key=lambda language: sizes[language]),
        lines=tuple(line.removesuffix("\r") for line in lines_of(chunks)),
        definitions=tuple(definitions[key] for key in sorted(definitions)),
    )


def lines_of(chunks: Iterable[Chunk]) -> list[str]:
    """The lines of a file, put together from its chunks; lines that no chunk has are empty."""
    lines: dict[int, str] = {}
    for chunk in sorted(chunks, key=lambda chunk: chunk.piece):
        if chunk.piece:
            lines[chunk.start_line] = lines.get(chunk.start_line, "") + chunk.text
            continue
        for number, line in enumerate(chunk.text.split("\n"), chunk.start_line):
            if number <= chunk.end_line:
                lines[number] = line
    return [lines.get(number, "") for number in range(1, max(lines, default=0) + 1)]
