"""What several workers make of the same repositories: the check of docs/scaling.md's arithmetic.

Each worker is what a flow run on a machine of its own is, without Prefect: a new process of
``harness index`` for each repository, with a data directory that nobody else uses. All have the
cores of this machine together, so the time that passes says how far those reach; processor seconds
for a chunk say whether more workers cost more work.

    python -m benchmarks.workers [--workers 1 2 4] [--repositories 4] [--files 150] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from harness.cores import available_cores
from tests.repositories import make_repository

_VERBS = ("read", "sign", "keep", "send", "check", "count", "drop")
_NOUNS = ("route", "cookie", "table", "token", "page", "order", "lease", "batch")
_WORDS = [f"{verb}_{noun}" for verb in _VERBS for noun in _NOUNS]
_FUNCTIONS = 12
_KEPT = ("PATH", "HOME", "LANG", "PYTHONPATH")


@dataclass(frozen=True, slots=True)
class Outcome:
    """One number of workers; seconds, chunks of all repositories.

    :param passed_seconds: from the first start to the last end.
    """

    workers: int
    chunks: int
    cpu_seconds: float
    passed_seconds: float

    @property
    def cpu_ms_per_chunk(self) -> float:
        """Of all processes, their start included."""
        return 1000 * self.cpu_seconds / self.chunks


def make_repositories(folder: Path, repositories: int, files: int) -> list[Path]:
    """Repositories of modules that differ, the same ones each time."""
    pick = random.Random(7)
    return [
        make_repository(
            folder / f"repository-{number}",
            {f"src/part_{at % 13}/module_{at}.py": _module(pick, at) for at in range(files)},
        )
        for number in range(repositories)
    ]


def _module(pick: random.Random, number: int) -> str:
    parts = []
    for at in range(_FUNCTIONS):
        name, *words = pick.sample(_WORDS, 9)
        lines = [f"    {word} = {name}({other}, {pick.randrange(999)})"
                 for word, other in pairwise(words)]  # fmt: skip
        told = " ".join(words).replace("_", " the ")
        parts += [f'def {name}_{number}_{at}(value):\n    """Will {told}."""', *lines,
                  f"    return {words[-1]}\n\n"]  # fmt: skip
    return "\n".join(parts)


def measure(workers: int, repositories: Sequence[Path]) -> Outcome:
    """Index every repository once, that many at a time."""
    began = time.perf_counter()
    with ThreadPoolExecutor(max_workers=workers) as threads:
        done = list(threads.map(_index, repositories))
    return Outcome(
        workers,
        sum(chunks for chunks, _ in done),
        sum(seconds for _, seconds in done),
        time.perf_counter() - began,
    )


def _index(repository: Path) -> tuple[int, float]:
    """Chunks, and processor seconds of the process and those that it started and waited for."""
    with tempfile.TemporaryDirectory() as data:
        env = {name: os.environ[name] for name in _KEPT if name in os.environ}
        process = subprocess.Popen(
            [sys.executable, "-m", "harness", "index", str(repository), "--json"],
            env={**env, "HARNESS_DATA_DIR": data},
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        said = process.stdout.read()
        process.stdout.close()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"harness index ended with {process.returncode}")
    report: dict[str, Any] = json.loads(said)
    return int(report["chunks_embedded"] + report["chunks_reused"]), usage.ru_utime + usage.ru_stime


def table(outcomes: Sequence[Outcome]) -> str:
    """The Markdown table of docs/scaling.md."""
    first = outcomes[0]
    lines = ["| workers | chunks | CPU ms for a chunk | to one worker | passed | chunks a second |",
             "|---|---|---|---|---|---|"]  # fmt: skip
    for one in outcomes:
        ratio = one.cpu_ms_per_chunk / first.cpu_ms_per_chunk
        speed = one.chunks / one.passed_seconds
        lines.append(
            f"| {one.workers} | {one.chunks:,} | {one.cpu_ms_per_chunk:.2f} | {ratio:.2f} "
            f"| {one.passed_seconds:.1f} s | {speed:,.0f} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Make the repositories, index them with each number of workers, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--repositories", type=int, default=4)
    parser.add_argument("--files", type=int, default=150, help="in each repository")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        repositories = make_repositories(Path(folder), options.repositories, options.files)
        outcomes = [measure(workers, repositories) for workers in options.workers]
    if options.json:
        print(json.dumps([asdict(one) for one in outcomes], indent=2))
    else:
        print(table(outcomes), f"{available_cores()} cores", sep="")


if __name__ == "__main__":
    main()
