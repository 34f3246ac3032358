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


def in_places(**short: int) -> pytest.MarkDecorator:
    """Both forms of a test in each place of :func:`tests.faults.stores.indexes`, as its parameters
    ``new_index`` and ``kills``.

    :param short: how often in the short form; with 0 there is none.
    """
    params = [
        pytest.param(place, *form.values, id=f"{place}-{form.id}", marks=form.marks)
        for place, times in short.items()
        for form in rounds(times)
    ]
    return pytest.mark.parametrize(("new_index", "kills"), params, indirect=["new_index"])
