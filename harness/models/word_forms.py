"""Other endings of a word: who asks for "pinning" may mean code that says ``pin`` or ``pinned``.

Only questions are widened, never documents: an exact match keeps the most weight, names asked
for by name stay exact, and an index made before is searched as well. Endings are put on without
asking whether the word exists; one that is nowhere in the code finds nothing.
"""

from __future__ import annotations

from functools import lru_cache

_ENDINGS = (
    "s", "es", "ed", "ing", "er", "ers", "or", "ors", "ion", "ions", "ation", "ations", "ment",
    "able", "e",
)  # fmt: skip
_SHORTEST = 4
"""Letters that an ending leaves at least: ``string`` is no form of ``str``."""


@lru_cache(maxsize=1 << 14)
def word_forms(word: str) -> tuple[str, ...]:
    """The word with other endings or none; empty for short words and for names with ``_``.

    :param word: lower-case.
    """
    if len(word) < 3 or not (word.isascii() and word.isalpha()):
        return ()
    roots = _roots(word)
    forms = roots | {root + ending for root in roots for ending in _ENDINGS}
    return tuple(forms - {word})


def _roots(word: str) -> set[str]:
    singular = word
    if word.endswith("ies") and len(word) > _SHORTEST:
        singular = word[:-3] + "y"
    elif word.endswith(("ches", "shes", "sses", "xes", "zes")):
        singular = word[:-2]
    elif word.endswith("s") and not word.endswith("ss") and len(word) > 3:
        singular = word[:-1]
    roots = {word, singular}
    for ending in _ENDINGS:
        root = word.removesuffix(ending)
        if root == word or (ending == "s" and root.endswith("s")):
            continue
        if ending in ("ed", "ing", "er") and len(root) > 3 and root[-1] == root[-2]:
            roots.add(root[:-1])  # pinning
        if len(root) >= _SHORTEST:
            roots.add(root)
    for root in (word, singular):
        if root.endswith("e") and len(root) > _SHORTEST:
            roots.add(root[:-1])
    return roots
