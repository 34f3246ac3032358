"""Says a question in the index's words where it has words that the index does not know.

Such a word finds nothing and weighs the more for being rare. It may be one of another language,
whose terms are known (:mod:`harness.search.foreign_terms`), or misspelt
(:mod:`harness.search.spelling`). A question whose words are all known is left as it is. What the
index knows is read from the candidates of the first search: a known word is rare where it matters,
so that lexical search brings what has it. Pure functions.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from itertools import chain

from harness.folding import compose, fold
from harness.models import scripts
from harness.models.lexical import whole_words, word_parts
from harness.models.word_forms import word_forms
from harness.search.foreign_terms import Vocabulary, plain, vocabularies
from harness.search.query import STOP_WORDS, Query
from harness.search.spelling import most_slips, nearest
from harness.search.word_roots import word_root
from harness.types import Candidate, CandidateLists

MOST_WORDS = 16
"""Words of a question beyond which it is a pasted text, whose words are as they are."""

_SHORTEST = 4
"""Letters of a word that tells whether the index knows a question's words."""

_PLAIN = re.compile(r"[A-Za-z]?[a-z]+")
_WORD = re.compile(r"[^\W\d]\w*")
_KANA = re.compile(r"[\u3041-\u30ff]")


def reworded(query: Query, lists: CandidateLists, is_word: Callable[[str], bool]) -> str:
    """The question in words that the index knows, as far as they can be told; empty when it stays
    as it is.

    :param query: what is asked.
    :param lists: what it has found.
    :param is_word: tells whether a word is spelled as it should be, though the index may not have
        it.
    """
    asked = whole_words(query.text)
    # Names are as they are; letters without blanks between words look like compound ones.
    names = [name for name in query.compounds if not scripts.has_unspaced(name)]
    named = [one for one in query.mentions if not one.is_word]
    if not 0 < len(asked) <= MOST_WORDS or names or named:
        return ""
    pool = _pool(lists)
    if not _unknown(_terms(query, asked), pool):
        return ""
    known = _Known(pool)
    if found := _translated(asked, known):
        return found
    meant = {word: _meant(word, known, is_word) for word in asked}
    text = compose(query.text)
    changed = _WORD.sub(lambda found: meant.get(found[0]) or found[0], text)
    return "" if changed == text else changed


def _meant(word: str, known: _Known, is_word: Callable[[str], bool]) -> str:
    """The known word that a misspelt one stands for; empty for one that is spelled right."""
    low = word.lower()
    if not _PLAIN.fullmatch(word) or not most_slips(low) or is_word(low) or known.has(low):
        return ""
    return nearest(low, known.counts)


def _terms(query: Query, asked: Sequence[str]) -> Iterable[str]:
    """Words that the index would know if it knew the question's."""
    return query.terms if query.text.isascii() else map(fold, asked)


def _unknown(terms: Iterable[str], pool: Iterable[Candidate]) -> list[str]:
    """The terms that no candidate has. Mostly the first ones have all."""
    left = [term for term in terms if len(term) >= _SHORTEST]
    for one in pool:
        if not left:
            break
        text = _text_of(one)
        left = [term for term in left if term not in text]
    return left


def _text_of(candidate: Candidate) -> str:
    return fold(f"{candidate.path}\n{candidate.chunk.text}")


def _pool(lists: CandidateLists) -> list[Candidate]:
    """Every candidate once; those first that were found by their words."""
    seen: dict[str, Candidate] = {}
    for ranked in (lists.lexical, lists.defined, lists.stem, lists.named, lists.dense):
        for one in ranked:
            seen.setdefault(one.id, one)
    return list(seen.values())


def _words(text: str) -> frozenset[str]:
    """The different words of letters in a text, and those that its names are made of."""
    parts = chain.from_iterable(map(word_parts, set(whole_words(text))))
    return frozenset(filter(str.isalpha, parts))


class _Known:
    """The words of the candidates, read when the first is asked for: that takes as long as the rest
    of a search, and for a name, or a word that is spelled right, it is mostly not needed."""

    def __init__(self, pool: Sequence[Candidate]) -> None:
        self._pool = pool

    @cached_property
    def words(self) -> frozenset[str]:
        """Those of letters."""
        # All texts at once: a word is mostly in many of them.
        return _words("\n".join(f"{one.path} {one.chunk.text}" for one in self._pool))

    @cached_property
    def _roots(self) -> frozenset[str]:
        return frozenset(map(word_root, self.words))

    @cached_property
    def counts(self) -> Counter[str]:
        """How many candidates have each word; a question without slips of the pen does without."""
        return Counter(
            chain.from_iterable(_words(f"{one.path} {one.chunk.text}") for one in self._pool)
        )

    def has(self, word: str) -> bool:
        """Tell whether a word is known, or one with another ending, or that begins so.

        :param word: folded.
        """
        if word in self.words or word_root(word) in self._roots:
            return True
        if any(form in self.words for form in word_forms(word)):
            return True
        return len(word) >= _SHORTEST and any(other.startswith(word) for other in self.words)

    def first_of(self, meanings: Sequence[str]) -> str:
        """The first of some meanings whose words are known, or the first at all."""
        known = (one for one in meanings if all(word in self.words for word in one.split()))
        return next(known, meanings[0])

    def has_run(self, run: str) -> bool:
        """Tell whether letters of a script without blanks are in some candidate."""
        return any(run in _text_of(one) for one in self._pool)


def _translated(asked: Sequence[str], known: _Known) -> str:
    """The question in English, by the language that most of its words are in; empty if it is in
    none. What cannot be translated stays: it still counts as asked for, and found nowhere."""
    best: tuple[int, int, str] = (0, 0, "")
    unspaced = any(map(scripts.has_unspaced, asked))
    has_kana = any(map(_KANA.search, asked))
    for name, vocabulary in vocabularies().items():
        if vocabulary.is_unspaced != unspaced or (unspaced and has_kana != (name == "ja")):
            continue
        translate = _by_runs if unspaced else _by_words
        hits, silent, words = translate(asked, vocabulary, known)
        if (hits, silent) > best[:2]:
            best = hits, silent, " ".join(dict.fromkeys(words))
    return best[2]


def _by_words(
    asked: Sequence[str], vocabulary: Vocabulary, known: _Known
) -> tuple[int, int, list[str]]:
    """How many words are translated, how many left out, and the question; nothing if it is in
    another language."""
    hits = silent = 0
    words: list[str] = []
    for word in asked:
        low = plain(word)
        if low in vocabulary.silent:
            # Some say as little in English, and tell nothing: "a", "no", "die".
            silent += low not in STOP_WORDS
            continue
        if low in STOP_WORDS:
            return 0, 0, []
        meant = vocabulary.of_word(low, known.has)
        if meant and known.has(fold(word)):
            meant = ()
        # "sending" begins as the French word does, and is English.
        english = {word_root(one) for found in meant for one in found} if word.isascii() else ()
        if meant and word_root(low) not in english:
            hits += 1
            words += map(known.first_of, meant)
        else:
            words.append(word)
    # "filled elements" begins as a French word does, too.
    told = silent or 2 * hits >= len(asked)
    return (hits, silent, words) if hits and told else (0, 0, [])


def _by_runs(
    asked: Sequence[str], vocabulary: Vocabulary, known: _Known
) -> tuple[int, int, list[str]]:
    """The same where nothing parts the words."""
    hits = silent = 0
    words: list[str] = []
    for word in asked:
        for piece, is_unspaced in scripts.runs(compose(word)):
            if not is_unspaced:
                words.append(piece)
                continue
            for entry in vocabulary.cut(plain(piece)):
                if entry in vocabulary.silent:
                    silent += 1
                elif (meant := vocabulary.meanings.get(entry)) and not known.has_run(entry):
                    hits += 1
                    words.append(known.first_of(meant))
                else:
                    words.append(entry)
    return hits, silent, words
