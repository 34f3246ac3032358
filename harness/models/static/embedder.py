"""The embedded engine's default model: a text's vector is the weighted sum of its terms' rows.

No network is run, so a passage takes some 0.05 ms. The file lies next to this module
(:mod:`harness.models.static.model_file`); docs/embedding-model.md says what it was made of.
"""

from __future__ import annotations

import itertools
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from weakref import WeakValueDictionary

import numpy as np
import numpy.typing as npt

from harness.errors import ModelMismatchError
from harness.models.lexical import term_id
from harness.models.static import model_file, terms
from harness.models.static.model_file import StaticModel
from harness.models.static.vocabulary_rows import VocabularyRows
from harness.models.static.word_vectors import WordVectors
from harness.models.term_counts import TermCounts, Vocabulary
from harness.types import FloatArray

MODEL = "harness-static"
MODEL_FILE = Path(__file__).parent / "model.bin"

_CACHED_TERMS = 1 << 16
# Rows that one passage takes, nearly always; 1 MB for each thread.
_PREPARED_ROWS = 1024


@lru_cache(maxsize=4)
def _digest(file: Path, stamp: tuple[int, int]) -> str:
    return model_file.digest(file)


@lru_cache(maxsize=1)
def _sent(file: Path, digest: str) -> StaticEmbedder:
    """The embedder that was sent by another process; it comes often, and its table is read once."""
    return StaticEmbedder(file, digest)


@lru_cache(maxsize=1)
def _known_terms() -> frozenset[int]:
    return frozenset(model_file.read(MODEL_FILE).hashes.tolist())


def is_known_word(word: str) -> bool:
    """Tell whether the model that is shipped has learned a word, which no misspelt one is: each
    of its words is in at least three releases.

    :param word: folded.
    :raises ModelMissingError: the file is not there.
    """
    return term_id(word) in _known_terms()


class StaticEmbedder:
    """``Embedder`` and ``WordEmbedder`` over a table of term vectors; usable from several threads
    at once. In another process it is the same model, or an error.

    A vector depends on its text alone. The table is read on first use (some 10 ms).

    :param file: another model than the one that is shipped.
    :param expected: what its digest has to be; None: nothing is expected.
    """

    engine = "embedded"
    model = MODEL
    document_prefix = ""
    query_prefix = ""
    max_tokens = 0

    def __init__(self, file: Path = MODEL_FILE, expected: str | None = None) -> None:
        self._file = file
        self._expected = expected
        self._lock = threading.Lock()
        self._table: _Table | None = None

    def __reduce__(self) -> tuple[Callable[..., StaticEmbedder], tuple[Path, str]]:
        return _sent, (self._file, self.digest)

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self._loaded().model.dimension

    @property
    def digest(self) -> str:
        """sha256 of the file; computed once a process.

        :raises ModelMissingError: the file is not there.
        """
        try:
            stat = self._file.stat()
        except OSError:
            return model_file.digest(self._file)  # says what is wrong
        return _digest(self._file, (stat.st_size, stat.st_mtime_ns))

    def embed_documents(self, texts: Sequence[str]) -> FloatArray:
        """Embed passages: ``(n, dimension)`` float32, L2-normalised, in the order given; zeros
        for a text without a word.

        :param texts: read whole, however long.
        :raises ModelMissingError: the file is not there.
        :raises ModelMismatchError: it is not a model that this version reads.
        """
        table = self._loaded()
        vectors = np.zeros((len(texts), table.model.dimension), dtype=np.float32)
        for place, text in enumerate(texts):
            vectors[place] = table.vector(terms.document_terms(text), table.scales)
        return vectors

    def by_words(self) -> StaticEmbedder:
        """Itself: it reads nothing but words."""
        return self

    def embed_counted(self, counts: TermCounts) -> FloatArray:
        """Embed passages whose terms are counted. Raises as :meth:`embed_documents`.

        :param counts: of each passage, header and code.
        """
        return self._loaded().vectors(counts)

    def embed_query(self, text: str) -> FloatArray:
        """Embed one query: ``(dimension,)`` float32, L2-normalised. Raises as
        :meth:`embed_documents`.

        :param text: a question, a name, or both.
        """
        table = self._loaded()
        return table.vector(terms.query_terms(text), table.query_scales)

    def word_vectors(self) -> WordVectors:
        """Vectors of words as they stand in passages, none of them known yet; of the length that
        says how much each counts. Raises as :meth:`embed_documents`."""
        table = self._loaded()
        return WordVectors(table.words, table.model.dimension)

    def count_tokens(self, text: str) -> int:
        """0: there is no window that a text could overrun.

        :param text: any text.
        """
        return 0

    def close(self) -> None:
        """Free the table; a later call would read it again."""
        with self._lock:
            self._table = None

    def _loaded(self) -> _Table:
        with self._lock:
            if self._table is None:
                table = _table(self._file)
                if self._expected not in (None, self.digest):
                    raise ModelMismatchError(
                        f"{self._file} was replaced while it was in use: run the same command again"
                    )
                self._table = table
            return self._table


def _table(file: Path) -> _Table:
    """The table of a model's file, the same for all that use it at a time.

    :raises ModelMissingError: there is no such file.
    :raises ModelMismatchError: it is not a model that this version reads.
    """
    with _TABLES_LOCK:
        try:
            stat = file.stat()
            key = file, stat.st_size, stat.st_mtime_ns
        except OSError:
            key = file, 0, 0  # reading it says what is wrong
        table = _TABLES.get(key)
        if table is None:
            model = model_file.read(file)
            if model.tokenizer != terms.VERSION:
                raise ModelMismatchError(
                    f"{file} was trained on {model.tokenizer}, and this version cuts "
                    f"text as {terms.VERSION}: install Harness again."
                )
            table = _Table(model)
            if not math.isfinite(float(table.query_scales.sum())):
                # Every text would be as near to a question as any other.
                raise ModelMismatchError(
                    f"{file} has rows without a length: install Harness again."
                )
            _TABLES[key] = table
        return table


class _Table:
    """A model ready for use: rows are found by term, and what each is multiplied by."""

    def __init__(self, model: StaticModel) -> None:
        self.model = model
        self.scales = model.scales.astype(np.float32)
        with np.errstate(invalid="ignore"):  # see _table
            self.query_scales = self.scales * model.weights.astype(np.float32)
        self._own = threading.local()
        self._known = dict(zip(model.hashes.tolist(), range(len(model.hashes)), strict=True))
        self._find = lru_cache(maxsize=_CACHED_TERMS)(self._look_up)
        self._room = threading.local()

    def vector(self, weighted: Mapping[str, float], scales: npt.NDArray[np.float32]) -> FloatArray:
        """The sum of the terms' rows, of length 1; zeros without terms.

        :param weighted: terms and weights.
        :param scales: of every row, for documents or for questions.
        """
        rows, weights = self._rows(weighted)
        taken = np.array(rows, dtype=np.intp)
        return self._sum(taken, np.array(weights, dtype=np.float32) * scales[taken])

    def vectors(self, counts: TermCounts) -> FloatArray:
        """:meth:`vector` of several passages."""
        rows = self._rows_of(counts.vocabulary)
        taken, weights, bounds = rows.spread(counts.numbers, counts.weights(), counts.bounds)
        factors = weights.astype(np.float32) * self.scales[taken]
        vectors = np.empty((len(bounds) - 1, self.model.dimension), dtype=np.float32)
        places = bounds.tolist()
        for place, (start, end) in enumerate(itertools.pairwise(places)):
            vectors[place] = self._sum(taken[start:end], factors[start:end])
        return vectors

    def _rows_of(self, vocabulary: Vocabulary) -> VocabularyRows:
        """The rows of this thread's vocabulary."""
        known: VocabularyRows | None = getattr(self._own, "rows", None)
        if known is None or known.vocabulary is not vocabulary:
            known = self._own.rows = VocabularyRows(vocabulary, self._known, self.model.buckets)
        known.catch_up()
        return known

    def _sum(self, taken: npt.NDArray[np.intp], factors: FloatArray) -> FloatArray:
        total: FloatArray = np.dot(factors, self._floats(taken))
        return total / max(float(np.sqrt(total @ total)), 1e-12)

    def words(self, words: Sequence[str]) -> FloatArray:
        """Vectors of words, ``(n, dimension)``, of the length that each has in a passage's sum.

        :param words: terms.
        """
        buckets = self.model.buckets
        found = [terms.term_rows(word, self._known, buckets) for word in words]
        taken = np.array([row for rows, _ in found for row in rows], dtype=np.intp)
        shares = np.array([share for _, shares in found for share in shares], dtype=np.float32)
        factors, floats = shares * self.scales[taken], self._floats(taken)
        vectors = np.empty((len(words), self.model.dimension), dtype=np.float32)
        start = 0
        for place, (rows, _) in enumerate(found):
            end = start + len(rows)
            np.dot(factors[start:end], floats[start:end], out=vectors[place])
            start = end
        return vectors

    def _floats(self, taken: npt.NDArray[np.intp]) -> FloatArray:
        """Rows as numbers to multiply, ``(k, dimension)``; valid until the thread asks again. Fresh
        memory for each passage would take as long as the sum."""
        if len(taken) > _PREPARED_ROWS:
            return self.model.rows[taken].astype(np.float32)
        if not hasattr(self._room, "floats"):
            shape = (_PREPARED_ROWS, self.model.dimension)
            self._room.floats = np.empty(shape, np.float32)
        floats: FloatArray = self._room.floats[: len(taken)]
        np.copyto(floats, self.model.rows[taken])
        return floats

    def _look_up(self, term: str) -> int | tuple[tuple[int, ...], tuple[float, ...]]:
        """A term's only row, or its rows and each one's share."""
        rows, shares = terms.term_rows(term, self._known, self.model.buckets)
        return rows[0] if len(rows) == 1 else (rows, shares)

    def _rows(self, weighted: Mapping[str, float]) -> tuple[list[int], list[float]]:
        rows: list[int] = []
        weights: list[float] = []
        for found, weight in zip(map(self._find, weighted), weighted.values(), strict=True):
            if isinstance(found, int):
                rows.append(found)
                weights.append(weight)
            else:
                rows += found[0]
                weights += [weight * share for share in found[1]]
        return rows, weights


_TABLES: WeakValueDictionary[tuple[Path, int, int], _Table] = WeakValueDictionary()
_TABLES_LOCK = threading.Lock()
