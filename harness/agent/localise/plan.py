"""Which places are tried, how often, and in which order."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Round:
    """Samples of the place of a rank, from 0, at these temperatures. ``again``: from the best
    version so far, or else the latest; ``tries``: small changes follow, without the model."""

    rank: int
    temperatures: tuple[float, ...]
    again: bool = False
    tries: bool = False


PLAN = (
    Round(0, (0.0,)),
    # Not before: where tests are weak, a small change passes by accident sooner than a version.
    Round(0, (0.4, 0.7), tries=True),
    Round(0, (0.2,), again=True),
    Round(1, (0.0, 0.6), tries=True),
    Round(2, (0.0, 0.6)),
    Round(0, (0.4,), again=True),
    Round(0, (0.8,)),
    Round(0, (0.6, 0.8), again=True),
)
# A place with less than this share of the best one's score is not worth its samples.
WORTH = 0.25
