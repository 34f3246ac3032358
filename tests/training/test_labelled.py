"""What is recorded of the labelled questions is what the ranking is learned from today."""

from __future__ import annotations

from harness.search import weights
from training import labelled


def test_the_record_is_of_today_and_what_the_weights_were_learned_from() -> None:
    recorded = labelled.read()  # refuses other features than today's
    assert len(recorded) == 17
    assert sum(map(len, recorded)) == weights.shipped().learned_from["labelled"]
    assert all(one.kind == labelled.KIND for asked in recorded for one in asked)
    assert all(
        sum(bool(one.answers.any()) for one in asked) > 0.8 * len(asked) for asked in recorded
    )
