"""Whether two answers to one question say the same.

Seen with a real model of 1.5 billion parameters: asked three times on one prompt, it gives what the
code says three times, and what it has guessed in three ways. Whether an answer is correct it cannot
tell: asked that, it said yes of nearly all, the wrong ones included.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.agent.answer_review import DENIES, asks_yes_or_no
from harness.agent.claim_words import stems_in, wanted_stems
from harness.agent.grounding import new_values, plain

# Draws beside the first, and how they are drawn.
CHECKS = 2
TEMPERATURE = 0.8
_MOST = 0.5


def is_borne_out(question: str, answer: str, others: Sequence[str]) -> bool:
    """Tell whether an answer was drawn again: all others share something with it, and one of them
    most of what it adds to the question."""
    shared = [_shared(question, answer, other) for other in others]
    return min(shared) > 0.0 and max(shared) > _MOST


def _shared(question: str, one: str, other: str) -> float:
    """How much of what the shorter of two answers adds to the question is in the other, 0 to 1; 0
    too where they have values and none in common, or one says yes and the other no."""
    denials = [bool(DENIES.search(text)) for text in (one, other)]
    if not other or (denials[0] != denials[1] and asks_yes_or_no(question)):
        return 0.0
    asked = stems_in([question])
    values = [frozenset(map(plain, new_values(question, text))) for text in (one, other)]
    if all(values) and values[0].isdisjoint(values[1]):
        return 0.0
    added = [
        (wanted_stems(text) - asked) | found
        for text, found in zip((one, other), values, strict=True)
    ]
    if not any(added):
        return 1.0
    return len(added[0] & added[1]) / max(1, min(map(len, added)))
