"""What a run costs when nothing, or one file in a hundred, has changed: beside ``git status``.

Makes a git repository of small files in 2,000 folders and indexes it three times: anew, unchanged,
and after one file in a hundred was edited.

    python -m benchmarks.unchanged [--files N] [--json]
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.light_embedder import LightEmbedder
from harness.engines import Engines
from harness.index.options import IndexOptions
from harness.index.run import index_repository
from harness.store.edge import EdgeStore

_FOLDERS = 2_000
_GIT = ["git", "-c", "user.name=b", "-c", "user.email=b@example.org", "-c", "commit.gpgsign=false"]


def make(root: Path, files: int) -> list[Path]:
    """A committed repository of small Python files."""
    paths = [root / f"pkg{n % 50}" / f"mod{n % _FOLDERS // 50}" / f"f{n}.py" for n in range(files)]
    for number, path in enumerate(paths):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"def f_{number}(x):\n    return x + {number}\n")
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "all"], ["status"]):
        subprocess.run([*_GIT, *command], cwd=root, check=True, capture_output=True)
    return paths


def timed(work: Callable[[], object]) -> dict[str, float]:
    """Wall and processor seconds of this process and those that it started."""
    began, used = time.perf_counter(), _processor()
    work()
    return {
        "seconds": round(time.perf_counter() - began, 2),
        "cpu_seconds": round(_processor() - used, 2),
    }


def _processor() -> float:
    both = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(sum(resource.getrusage(who)[:2]) for who in both)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root, data_dir = Path(scratch) / "repository", Path(scratch) / "data"
        root.mkdir()
        data_dir.mkdir()
        paths = make(root, options.files)
        time.sleep(3)  # files this new are not relied on
        engines = Engines(LightEmbedder(), EdgeStore(data_dir / "index"), data_dir)

        def index() -> object:
            return index_repository("benchmark", root, engines, IndexOptions())

        def status() -> object:
            return subprocess.run([*_GIT, "status"], cwd=root, check=True, capture_output=True)

        figures = {"first": timed(index), "git_status": timed(status), "unchanged": timed(index)}
        for path in random.Random(1).sample(paths, max(1, options.files // 100)):
            path.write_text(path.read_text() + "# edited\n")
        figures["one_in_a_hundred"] = timed(index)
        engines.store.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000
    ratio = figures["unchanged"]["cpu_seconds"] / max(0.001, figures["git_status"]["cpu_seconds"])
    result = figures | {"files": options.files, "peak_mb": peak, "cpu_ratio": round(ratio, 1)}
    print(json.dumps(result) if options.json else "\n".join(f"{k}: {v}" for k, v in result.items()))


if __name__ == "__main__":
    main()
