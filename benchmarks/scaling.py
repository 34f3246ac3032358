"""``python -m benchmarks.scaling``: what a number of repositories or lines needs, by arithmetic.

Nothing is measured here: the constants were, elsewhere, and say where. docs/scaling.md has the
table that this prints.
"""

from __future__ import annotations

from dataclasses import dataclass

# celery 5.7.0: 193,348 lines in 748 indexed files became 12,335 chunks.
LINES_PER_CHUNK = 15.7
CHUNKS_PER_FILE = 16.5
# The same run: 10.9 s of CPU, children included, for 12,252 embedded chunks.
STATIC_CPU_SECONDS_PER_CHUNK = 0.0009
# docs/embedding-model.md: embedding alone, added to reading, chunking and writing.
MINILM_CPU_SECONDS_PER_CHUNK = 0.0009 + 0.014
# Index of celery and of Harness itself: 101 MB for 17,623 chunks, embedded store.
DISK_BYTES_PER_CHUNK = 5_700
# Qdrant's own rule for capacity: vectors and graph, half as much again as the numbers.
QDRANT_OVERHEAD = 1.5
# A run that finds nothing to do, from its start to its end, on two busy cores.
IDLE_RUN_SECONDS = 10.6
# prefect.yaml: how many runs of index-repository the server admits at once.
RUNS_AT_ONCE = 4
# Rows that one run of index-repository with one batch leaves in Prefect's database: events with
# their resources, states, logs. A rough estimate; it was not counted.
PREFECT_ROWS_PER_RUN = 200


@dataclass(frozen=True, slots=True)
class Size:
    """A team's code.

    :param changed_share: of the repositories that move in a day.
    """

    name: str
    repositories: int
    lines: int
    changed_share: float = 0.05


@dataclass(frozen=True, slots=True)
class Need:
    """What it needs; bytes, hours, rows. ``dimension`` numbers a vector."""

    chunks: int
    first_index_cpu_hours: float
    minilm_cpu_hours: float
    disk_bytes: int
    vector_bytes_float32: int
    vector_bytes_int8: int
    nightly_hours_all: float
    nightly_hours_moved: float
    prefect_rows_a_day: int


SIZES = (
    Size("one team", 50, 2_000_000),
    Size("a company", 1_000, 50_000_000),
    Size("a large company", 10_000, 1_000_000_000),
)


def need(size: Size, dimension: int = 256) -> Need:
    """The arithmetic for one size."""
    chunks = round(size.lines / LINES_PER_CHUNK)
    moved = size.repositories * size.changed_share
    return Need(
        chunks=chunks,
        first_index_cpu_hours=chunks * STATIC_CPU_SECONDS_PER_CHUNK / 3600,
        minilm_cpu_hours=chunks * MINILM_CPU_SECONDS_PER_CHUNK / 3600,
        disk_bytes=chunks * DISK_BYTES_PER_CHUNK,
        vector_bytes_float32=round(chunks * dimension * 4 * QDRANT_OVERHEAD),
        vector_bytes_int8=round(chunks * dimension * QDRANT_OVERHEAD),
        nightly_hours_all=size.repositories * IDLE_RUN_SECONDS / RUNS_AT_ONCE / 3600,
        nightly_hours_moved=moved * IDLE_RUN_SECONDS / RUNS_AT_ONCE / 3600,
        prefect_rows_a_day=round(moved * PREFECT_ROWS_PER_RUN),
    )


def table() -> str:
    """The Markdown table of docs/scaling.md."""
    needs = [need(size) for size in SIZES]
    rows = [
        ("", [size.name for size in SIZES]),
        ("repositories", [f"{size.repositories:,}" for size in SIZES]),
        ("lines", [f"{size.lines:,}" for size in SIZES]),
        ("chunks", [f"{one.chunks:,}" for one in needs]),
        ("first index, `static`: CPU hours", [f"{one.first_index_cpu_hours:.2g}" for one in needs]),
        ("first index, `minilm`: CPU hours", [f"{one.minilm_cpu_hours:.2g}" for one in needs]),
        ("disk", [_bytes(one.disk_bytes) for one in needs]),
        ("vectors in memory, float32", [_bytes(one.vector_bytes_float32) for one in needs]),
        ("vectors in memory, int8", [_bytes(one.vector_bytes_int8) for one in needs]),
        ("a night that starts every run: hours", [f"{one.nightly_hours_all:.2g}" for one in needs]),
        ("one that asks first: hours", [f"{one.nightly_hours_moved:.2g}" for one in needs]),
        ("rows in Prefect's database a day", [f"{one.prefect_rows_a_day:,}" for one in needs]),
    ]
    lines = [f"| {name} | {' | '.join(cells)} |" for name, cells in rows]
    return "\n".join([lines[0], "|---" * (len(SIZES) + 1) + "|", *lines[1:]]) + "\n"


def _bytes(number: int) -> str:
    return f"{number / 1e9:,.1f} GB" if number >= 1e9 else f"{number / 1e6:,.0f} MB"


if __name__ == "__main__":
    print(table(), end="")
