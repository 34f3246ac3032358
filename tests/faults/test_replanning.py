"""Planning from what is remembered against planning anew, for long."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.rounds import ROUNDS
from tests.index.test_replanning import make_machine, run


@pytest.mark.long
@pytest.mark.timeout(4 * 3600)
@pytest.mark.parametrize("seed", range(2, 12))
def test_the_plan_is_that_of_a_full_walk(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(make_machine(tmp_path, seed), ROUNDS, monkeypatch)
