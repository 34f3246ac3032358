"""How often a fault is tried: a few times in `make test`, fifty and more in `make test-faults`."""

from __future__ import annotations

import os
from typing import Any

import pytest

ROUNDS = int(os.environ.get("HARNESS_TEST_FAULT_ROUNDS", "50"))
"""Of the long forms; `make test-faults ROUNDS=5` is a short one of all that there is."""


def rounds(short: int, hours: float = 2.0) -> list[Any]:
    """Both forms of a test, as its parameter; with ``short`` of 0 the long one only."""
    long = pytest.param(
        ROUNDS, id="long", marks=[pytest.mark.long, pytest.mark.timeout(hours * 3600)]
    )
    return [pytest.param(short, id="short"), long] if short else [long]
