"""Chooses which pairs are learned from, how many of each language, and in what form.

A question is asked in different ways, some misspelt; a passage is shown now with its name and now
without, so that neither the name alone nor its absence decides.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from harness.models.lexical import whole_words, word_parts
from training.mining import Pair

_MASKED = 0.5
"""Share of described definitions whose name is taken out of the passage."""

_ASKED = 0.35
"""Share of descriptions that are turned into a question."""

_MISSPELT = 0.25
"""Share of questions with one misspelt word."""

_FRAMES = (
    "how does {}",
    "how do we {}",
    "how is this done: {}",
    "where is the code that {}",
    "where do we {}",
    "where is {} implemented",
    "which file {}",
    "what {}",
    "what happens when {}",
    "code for {}",
    "function that {}",
    "class that {}",
    "find where {}",
    "explain how {}",
    "how can I {}",
    "implementation of {}",
    "{} logic",
    "{} handling",
)


@dataclass(frozen=True, slots=True)
class Example:
    """A pair ready to be learned. ``group`` is the release that it is from."""

    group: int
    language: str
    kind: str
    query: str
    passage: str


def examples(pairs: Iterable[tuple[int, Pair]], seed: int) -> list[Example]:
    """One example for each pair.

    :param pairs: with the number of their group.
    :param seed: of what is left to chance.
    """
    chance = random.Random(seed)  # noqa: S311
    return [_example(group, pair, chance) for group, pair in pairs]


def _example(group: int, pair: Pair, chance: random.Random) -> Example:
    query = pair.query
    if pair.kind == "translation":
        # The English message stands for the code that shows it.
        return Example(group, pair.language, pair.kind, query, f"\n{pair.code}")
    is_masked = pair.kind == "name" or (pair.kind == "doc" and chance.random() < _MASKED)
    if is_masked:
        pair = masked(pair)
    if pair.kind != "name" and chance.random() < _ASKED:
        query = asked(query, chance)
    if chance.random() < _MISSPELT:
        query = misspelt(query, chance)
    return Example(group, pair.language, pair.kind, query, pair.passage)


def asked(description: str, chance: random.Random) -> str:
    """A description as a question.

    :param description: one or two sentences.
    :param chance: chooses how.
    """
    said = description[:1].lower() + description[1:].rstrip(".")
    return chance.choice(_FRAMES).format(said)


def masked(pair: Pair) -> Pair:
    """The pair without its definition's name, in the header and in the code.

    :param pair: of a definition.
    """
    above, _, name = pair.symbol.rpartition(".")
    name = name.split("(")[0]
    if not name:
        return pair
    code = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "_", pair.code)
    return replace(pair, symbol=above, code=code)


def misspelt(text: str, chance: random.Random) -> str:
    """The text with one wrong letter in one of its longer words, if there is any.

    :param text: a question.
    :param chance: decides.
    """
    words = text.split(" ")
    places = [n for n, word in enumerate(words) if len(word) > 5 and word.isalpha()]
    if not places:
        return text
    place = chance.choice(places)
    words[place] = _with_a_slip(words[place], chance)
    return " ".join(words)


def _with_a_slip(word: str, chance: random.Random) -> str:
    at = chance.randrange(1, len(word) - 1)
    slip = chance.randrange(4)
    if slip == 0:
        return word[:at] + word[at + 1 :]
    if slip == 1:
        return word[:at] + word[at] + word[at:]
    if slip == 2:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return word[:at] + chance.choice("aeiourstnlmc") + word[at + 1 :]


def balanced(
    by_language: dict[str, list[tuple[int, Pair]]], total: int, power: float, seed: int
) -> list[tuple[int, Pair]]:
    """Pairs of all languages, a language's share being its number of pairs to a power below 1.

    :param by_language: pairs with their group.
    :param total: about how many.
    :param power: 1 keeps the proportions, 0 makes all languages alike.
    :param seed: of the choice.
    """
    chance = random.Random(seed)  # noqa: S311
    weights = {name: len(pairs) ** power for name, pairs in by_language.items()}
    whole = sum(weights.values())
    chosen: list[tuple[int, Pair]] = []
    for name in sorted(by_language):
        pairs = by_language[name]
        wanted = int(total * weights[name] / whole)
        chosen += pairs if wanted >= len(pairs) else chance.sample(pairs, wanted)
    return chosen


def without_repeats(pairs: Iterable[tuple[int, Pair]]) -> list[tuple[int, Pair]]:
    """Leave out passages that were seen, and questions that many passages answer.

    :param pairs: with their group.
    """
    seen: set[int] = set()
    asked: dict[str, int] = defaultdict(int)
    kept: list[tuple[int, Pair]] = []
    for group, pair in pairs:
        code = hash((pair.query, "".join(pair.code.split())))
        query = pair.query.lower()
        asked[query] += 1
        if code not in seen and asked[query] <= _SAME_QUESTION:
            seen.add(code)
            kept.append((group, pair))
    return kept


_SAME_QUESTION = 8


def term_counts(texts: Sequence[str]) -> dict[str, int]:
    """In how many of the texts each term is.

    :param texts: passages or questions.
    """
    counts: dict[str, int] = defaultdict(int)
    for text in texts:
        for term in {term for word in whole_words(text) for term in word_parts(word)}:
            counts[term] += 1
    return counts
