"""Which files of a repository define which names, and which files use them: from the index alone.

The chunks hold the names of definitions and all words, so neither a checkout nor a parser is
needed. A use is a word that is spelled like a definition of the same family of languages, in code;
in prose and data, of any. Which of several definitions of a name is meant, nobody can say without
the language's own rules: a file that has one means its own, and others mean all of them a little.
"""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from harness.models.lexical import whole_words
from harness.search.path_kinds import path_factor
from harness.store.protocol import VectorStore
from harness.types import Chunk, FileStatus, RepositoryRecord

Indices = npt.NDArray[np.int32]
_Numbers = npt.NDArray[np.signedinteger]

MAX_FILES = 150_000
"""Most files that are read; of more, tests, examples and documents are left out first."""

# Files whose chunks are read at once: at a thousand the engine is no quicker.
_BATCH = 500
# A letter or two says nothing, and what is longer is data.
_NAME_CHARS = range(3, 80)

_FAMILIES = (
    ("c", "cpp", "objc", "cuda", "asm"),
    ("csharp", "fsharp", "vb"),
    ("elixir", "erlang", "gleam"),
    ("java", "kotlin", "scala", "groovy"),
    ("javascript", "typescript", "tsx", "vue", "svelte", "astro", "html", "css", "scss", "less"),
    ("lua", "luau"),
    ("ocaml", "ocaml_interface"),
    ("python", "cython"),
    ("verilog", "systemverilog"),
)
"""Languages whose files use each other's names; every other one is a family of its own."""
_FAMILY = {language: family[0] for family in _FAMILIES for language in family}
_PROSE_KINDS = frozenset({"section", "text", "data"})
_PROSE = ""
"""The family of what only mentions names: documents, settings, data."""


@dataclass(frozen=True, slots=True)
class NameUses:
    """Files, the names that they define, and who uses these.

    ``paths`` are sorted, ``(n,)``; ``names`` ``(k,)`` as their definitions spell them, one entry
    for each family of languages that defines it. A use is a file ``use_files``, a name
    ``use_names`` and how often ``use_counts``, each ``(u,)``; a definition a file
    ``definition_files`` and a name ``definition_names``, each ``(d,)``. A file's uses of what it
    defines itself are left out. ``complete`` is False when there were too many files.
    """

    paths: tuple[str, ...]
    names: tuple[str, ...]
    use_files: Indices
    use_names: Indices
    use_counts: Indices
    definition_files: Indices
    definition_names: Indices
    complete: bool = True


def read_name_uses(store: VectorStore, record: RepositoryRecord) -> NameUses:
    """Read a repository of the index: all its text, a part at a time.

    :param record: of the catalog; its files' records say which chunks there are.
    """
    records = store.file_records(record.collection, record.name).values()
    paths = [one.path for one in records if one.status is FileStatus.INDEXED and one.chunks]
    kept = sorted(paths, key=lambda path: -path_factor(path, frozenset()))[:MAX_FILES]
    files = _files_of(store, record, sorted(kept))
    return uses_of(files, complete=len(kept) == len(paths))


def _files_of(
    store: VectorStore, record: RepositoryRecord, paths: Sequence[str]
) -> Iterator[tuple[str, Sequence[Chunk]]]:
    """Files with their chunks, as they are read."""
    for start in range(0, len(paths), _BATCH):
        batch = paths[start : start + _BATCH]
        chunks: defaultdict[str, list[Chunk]] = defaultdict(list)
        for path, chunk in store.chunks(record.collection, record.name, batch):
            chunks[path].append(chunk)
        for path in batch:
            yield path, chunks[path]


def uses_of(files: Iterable[tuple[str, Sequence[Chunk]]], *, complete: bool = True) -> NameUses:
    """The uses of names in some files.

    :param files: paths, in order, with their chunks.
    :param complete: whether these are all the repository has.
    """
    found = _Collector()
    for path, chunks in files:
        found.add(path, chunks)
    return found.name_uses(complete=complete)


class _Collector:
    """Collects words as numbers; those that nobody defines are dropped at the end, when that is
    known."""

    def __init__(self) -> None:
        self._paths: list[str] = []
        self._words: dict[str, int] = {}
        self._families: dict[str, int] = {_PROSE: 0}
        # Rows of a file, a family and a word; those of uses have a count as well.
        self._uses = array("i")
        self._definitions = array("i")

    def add(self, path: str, chunks: Iterable[Chunk]) -> None:
        """Add a file, whatever order its chunks are in."""
        file = len(self._paths)
        self._paths.append(path)
        used: defaultdict[int, Counter[str]] = defaultdict(Counter)
        defined: dict[tuple[int, int], None] = {}
        for chunk in sorted(chunks, key=lambda chunk: (chunk.start_line, chunk.piece)):
            family = self._family(chunk)
            used[family].update(whole_words(chunk.text))
            for word in filter(None, map(identifier, chunk.definitions if family else ())):
                defined[family, self._number(word)] = None
        for family, counts in used.items():
            for word, count in counts.items():
                if len(word) in _NAME_CHARS and (family or _cannot_be_prose(word)):
                    self._uses.extend((file, family, self._number(word), count))
        for family, number in defined:
            self._definitions.extend((file, family, number))

    def name_uses(self, *, complete: bool) -> NameUses:
        """Put together what was added."""
        size = len(self._words)
        definitions = np.asarray(self._definitions, np.int32).reshape(-1, 3).T
        rows = np.asarray(self._uses, np.int32).reshape(-1, 4)
        # Five words of six are nobody's, and what follows takes several times their room.
        is_defined = np.zeros(size, bool)
        is_defined[definitions[2]] = True
        files, families, words, counts = rows[is_defined[rows[:, 2]]].T
        names, definition_names = np.unique(
            _keys(definitions[1], size, definitions[2]), return_inverse=True
        )
        found, used = [], []
        for family in range(1, len(self._families)):
            chosen = np.flatnonzero((families == family) | (families == 0))
            wanted = _keys(np.int64(family), size, words[chosen])
            at = np.searchsorted(names, wanted)
            at[at == len(names)] = 0
            is_name = names[at] == wanted if len(names) else np.zeros(len(at), bool)
            found.append(chosen[is_name])
            used.append(at[is_name])
        row = np.concatenate([*found, np.zeros(0, np.int64)])
        name = np.concatenate([*used, np.zeros(0, np.int64)])
        own = np.isin(
            _keys(files[row], len(names), name), _keys(definitions[0], len(names), definition_names)
        )
        row, name = row[~own], name[~own]
        spelled = list(self._words)
        return NameUses(
            paths=tuple(self._paths),
            names=tuple(spelled[key % size] for key in names.tolist()),
            use_files=files[row],
            use_names=name.astype(np.int32),
            use_counts=counts[row],
            definition_files=definitions[0],
            definition_names=definition_names.astype(np.int32),
            complete=complete,
        )

    def _family(self, chunk: Chunk) -> int:
        prose = chunk.kind in _PROSE_KINDS
        name = _PROSE if prose else _FAMILY.get(chunk.language, chunk.language)
        return self._families.setdefault(name, len(self._families))

    def _number(self, word: str) -> int:
        return self._words.setdefault(word, len(self._words))


def _keys(high: _Numbers | np.int64, size: int, low: _Numbers) -> npt.NDArray[np.int64]:
    """Pairs of numbers as one number each, the second one below ``size``."""
    return np.asarray(high, np.int64) * size + low


def identifier(name: str) -> str:
    """A definition's name as uses of it are written, empty for what is no identifier."""
    words = whole_words(name)
    if len(words) != 1 or len(words[0]) not in _NAME_CHARS or len(name) - len(words[0]) > 1:
        return ""
    return words[0]


@lru_cache(maxsize=1 << 16)
def _cannot_be_prose(word: str) -> bool:
    """Whether a word has several parts, or capital letters inside."""
    bare = word.strip("_")
    return "_" in bare or bare not in (bare.lower(), bare.capitalize(), bare.upper())
