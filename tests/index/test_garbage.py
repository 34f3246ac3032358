"""The collector of cycles is as it was, whatever ends the block."""

from __future__ import annotations

import gc
import weakref

import pytest

from harness.index.garbage import collected_every, uncollected


def test_the_collector_rests_within_the_block_and_goes_on_after_it() -> None:
    with uncollected():
        assert not gc.isenabled()
        with uncollected():
            pass
        assert not gc.isenabled(), "the outer block has not ended"
    assert gc.isenabled()
    with pytest.raises(KeyError), uncollected():
        raise KeyError
    assert gc.isenabled()


class _Cycle:
    def __init__(self) -> None:
        self.itself = self


def test_a_cycle_goes_when_its_turn_comes() -> None:
    with collected_every(3) as step:
        cycle = weakref.ref(_Cycle())
        step()
        step()
        assert cycle() is not None
        step()
        assert cycle() is None
    assert gc.isenabled()
