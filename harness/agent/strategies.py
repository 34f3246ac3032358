"""Which way of working a task gets: the loop, or a localised search with samples."""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.agent.options import StrategyChoice
from harness.models.conversation import ModelInfo

# Above about this many billions of parameters, models use tools well enough (agent-small-models).
SMALL_BILLIONS = 9.0
# At four bits and a half a parameter, with some room; only asked when the name says nothing.
_BYTES_PER_PARAMETER = 0.62
_SIZE = re.compile(r"(?:^|[:_-])(?:\d+x)?(\d+(?:\.\d+)?)b(?:$|[^a-z])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Strategy:
    """``first`` is ``loop`` or ``localise``, ``reason`` says why; ``escalates``: the other one
    follows when it fails."""

    first: str
    reason: str
    escalates: bool = False


def choose_strategy(wanted: StrategyChoice, info: ModelInfo, verify: str | None) -> Strategy:
    """Choose for a model and a task.

    :param wanted: the user's choice; ``localise`` needs a verification to judge samples by.
    :param verify: the verification command.
    """
    if wanted == "loop":
        return Strategy("loop", "asked for")
    if verify is None:
        reason = "there is no verification to judge versions by"
        return Strategy("loop", reason)
    if wanted == "localise":
        return Strategy("localise", "asked for")
    billions = billions_of(info)
    if not billions:
        return Strategy("loop", "the model's size is not known", escalates=True)
    size = f"the model has about {billions:g} billion parameters"
    first = "localise" if billions <= SMALL_BILLIONS else "loop"
    return Strategy(first, size, escalates=True)


def billions_of(info: ModelInfo) -> float:
    """Return a model's parameters in billions, by its name or else its size; 0 when unknown."""
    match = _SIZE.search(info.name)
    if match is not None:
        return float(match[1])
    return round(info.size_bytes / _BYTES_PER_PARAMETER / 1e9, 1)
