"""The collector of cycles is as it was, whatever ends the block."""

from __future__ import annotations

import gc

import pytest

from harness.index.garbage import uncollected


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
