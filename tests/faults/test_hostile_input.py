"""Whatever reads what comes from outside: no exception outside the tree of errors, and time and
memory within bounds for each input, however it was put together."""

from __future__ import annotations

import time
import tracemalloc

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.faults.readers import READERS, SUFFIXES, Reader
from tests.faults.rounds import ROUNDS

CPU_SECONDS = 2.0
"""For one input of at most :data:`MOST_CHARS`: hardly any takes a tenth of it."""
CUTTING_SECONDS = 2.0
"""More for a file: a grammar may take the parser's whole time, 2 s, and then it is cut by lines."""
MOST_CHARS = 20_000
MEMORY_BYTES = 100_000_000
SHORT_EXAMPLES = 20
LONG_EXAMPLES = 40 * ROUNDS
# A grammar costs more than all others; in the short form each has a few examples.
CHUNKING_EXAMPLES = 5


def texts(reader: Reader) -> st.SearchStrategy[str]:
    """Anything, pieces of the reader's language, and some of these repeated."""
    anything = st.text(st.characters(), max_size=60)
    piece = st.sampled_from(reader.pieces)
    mixed = st.lists(st.one_of(piece, piece, anything), max_size=40).map("".join)
    repeated = st.builds(
        lambda before, part, times, after: f"{before}{part * times}{after}",
        mixed,
        st.lists(piece, min_size=1, max_size=3).map("".join),
        st.sampled_from((50, 400, 3_000)),
        mixed,
    )
    return st.one_of(mixed, repeated).map(lambda text: text[:MOST_CHARS])


def check(name: str, examples: int, *, memory: bool = False) -> None:
    reader = READERS[name]
    seconds = CPU_SECONDS + (CUTTING_SECONDS if name.startswith("chunks-") else 0)

    @settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        database=None,
        derandomize=examples <= SHORT_EXAMPLES,
    )
    @given(texts(reader))
    def holds(text: str) -> None:
        if memory:
            tracemalloc.start()
        began = time.process_time()
        try:
            reader.read(text)
        except reader.refuses:
            pass
        finally:
            took = time.process_time() - began
            if memory:
                most = tracemalloc.get_traced_memory()[1]
                tracemalloc.stop()
                assert most < MEMORY_BYTES, f"{most} bytes"
        # With memory traced everything takes many times as long.
        assert took < seconds * (10 if memory else 1), f"{took:.1f} s"

    holds()


@pytest.mark.parametrize("name", [name for name in READERS if not name.startswith("chunks-")])
def test_readers(name: str) -> None:
    check(name, SHORT_EXAMPLES)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_grammars(suffix: str) -> None:
    check(f"chunks-{suffix}", CHUNKING_EXAMPLES)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", READERS)
def test_at_length(name: str) -> None:
    check(name, LONG_EXAMPLES)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", READERS)
def test_memory(name: str) -> None:
    check(name, ROUNDS, memory=True)
