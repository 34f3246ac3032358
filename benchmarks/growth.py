"""What a chunk costs in indexes of growing size: first indexes of the same source, laid out as
often as it takes, each with a new data directory and a process of its own.

Time that does not depend on the size, from starting the interpreter to closing the store, is that
of a folder with one small file of each kind; what is left is divided by the chunks. Processor
seconds say more than wall time where others use the machine. The words of all copies are the same,
as in a company's repositories that share their frameworks.

    python -m benchmarks.growth [FOLDER] [--chunks 1000 10000 100000] [--save FILE] [--plot FILE]

Without a FOLDER it is the source of Django. A million chunks take some seven gigabytes of disk.
``--save`` keeps the figures, also those of an earlier run with other sizes; ``--plot`` draws them.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.corpora import Corpus, fetch
from benchmarks.growth_plot import draw
from benchmarks.peers import timed

_ROOT = Path(__file__).resolve().parents[1]
_DJANGO = Corpus("django", "pypi", "django", "5.2", ".", "python")
_SUFFIXES = frozenset({".py", ".js", ".css", ".html", ".txt"})
# Of source in such files, in Django.
_BYTES_PER_CHUNK = 680


@dataclass(frozen=True, slots=True)
class Size:
    """One first index. ``us_per_chunk`` is of processor time, ``wall_us_per_chunk`` of time that
    passed, both without what an empty index takes; ``peak_mb`` is of the largest process."""

    chunks: int
    files: int
    seconds: float
    cpu_seconds: float
    peak_mb: float
    us_per_chunk: float
    wall_us_per_chunk: float


def lay_out(source: Path, into: Path, chunks: int) -> None:
    """Fill a folder with about so many chunks: files of the source in an order of chance, so that
    a part of them is like the whole, and the whole again until there are enough."""
    found = (path for path in source.rglob("*") if path.suffix in _SUFFIXES and path.is_file())
    files = sorted(found, key=str)
    random.Random(0).shuffle(files)
    left, copy = chunks * _BYTES_PER_CHUNK, 0
    while left > 0:
        copy += 1
        for file in files:
            target = into / f"copy{copy}" / file.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.read_bytes())
            left -= file.stat().st_size
            if left <= 0:
                return


def index(folder: Path, scratch: Path) -> tuple[dict[str, float], int, int]:
    """One first index, whose progress is shown: its figures, chunks and files."""
    with tempfile.TemporaryDirectory(dir=scratch) as data_dir:
        changes = {"HARNESS_DATA_DIR": data_dir, "PYTHONPATH": str(_ROOT), "OLLAMA_HOST": ""}
        command = [sys.executable, "-m", "harness"]
        figures, _ = timed([*command, "index", str(folder)], changes)
        _, printed = timed([*command, "status", "--json"], changes)
        (repository,) = json.loads(printed)["repos"]
    return figures, repository["chunks"], repository["files"]


def measure(source: Path, sizes: Sequence[int], scratch: Path) -> list[Size]:
    """First indexes of about so many chunks."""
    small = scratch / "small"
    small.mkdir()
    for suffix in _SUFFIXES:  # each kind has its grammar to load
        (small / f"one{suffix}").write_text("ONE = 1\n")
    start, _, _ = index(small, scratch)
    measured = []
    for size in sizes:
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            lay_out(source, Path(folder), size)
            print(f"about {size:,} chunks", file=sys.stderr, flush=True)
            figures, chunks, files = index(Path(folder), scratch)
        cpu, wall = (figures[name] - start[name] for name in ("cpu_seconds", "seconds"))
        row = Size(
            chunks,
            files,
            figures["seconds"],
            figures["cpu_seconds"],
            figures["peak_mb"],
            round(1e6 * cpu / chunks, 1),
            round(1e6 * wall / chunks, 1),
        )
        print(json.dumps(asdict(row)), file=sys.stderr, flush=True)
        measured.append(row)
    return measured


def merged(file: Path, new: Sequence[Size]) -> list[Size]:
    """Figures with those of a file, as far as they are of other sizes, the smallest first."""
    known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
    sizes = {row["chunks"]: Size(**row) for row in known} | {row.chunks: row for row in new}
    return [sizes[chunks] for chunks in sorted(sizes)]


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--chunks", type=int, nargs="*", default=[1_000, 10_000, 100_000])
    parser.add_argument("--save", type=Path, help="JSON file that keeps the figures")
    parser.add_argument("--plot", type=Path, help="SVG file to draw them in")
    options = parser.parse_args()
    folder = (options.folder or fetch(_DJANGO)).resolve()
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as scratch:
        rows = measure(folder, options.chunks, Path(scratch))
    if options.save:
        rows = merged(options.save, rows)
        lines = ",\n".join(json.dumps(asdict(row)) for row in rows)
        options.save.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    if options.plot:
        points = [(row.chunks, row.us_per_chunk) for row in rows]
        options.plot.write_text(draw(points, "chunks", "µs of CPU a chunk"), encoding="utf-8")
    print(json.dumps([asdict(row) for row in rows]))


if __name__ == "__main__":
    main()
