"""A first index beside semble's: the same folder, the same machine, one after the other.

Both are whole commands, from starting the interpreter to the end: ``harness index`` into an empty
data directory, and semble with a static model that model2vec has saved (its own is fetched from a
hub), told to take code, documentation and configuration. semble keeps its index in memory and a
file; ours is on disk and can be searched by another process meanwhile. Of several rounds, which
alternate, the best of each counts.

    python -m benchmarks.peers FOLDER --semble PYTHON [--rounds N] [--json]

PYTHON is that of an environment of its own with the packages semble and tokenizers.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.models.minilm import embedder as minilm

_ROOT = Path(__file__).resolve().parents[1]
_PEER = Path(__file__).with_name("peer_semble.py")
_TOKENIZER = Path(minilm.__file__).with_name("tokenizer.json")


def timed(
    command: Sequence[str | Path], changes: Mapping[str, str]
) -> tuple[dict[str, float], str]:
    """Run a command: wall seconds, processor seconds of it and its children, and the peak of the
    largest of these processes; and what it printed.

    :param changes: to the environment.
    :raises SystemExit: it failed.
    """
    with tempfile.TemporaryFile("w+") as printed:
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=printed, env=os.environ | changes)
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            sys.exit(f"{command[0]} ended with exit code {process.returncode}")
        printed.seek(0)
        figures = {
            "seconds": round(seconds, 2),
            "cpu_seconds": round(used.ru_utime + used.ru_stime, 2),
            "peak_mb": round(used.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)),
        }
        return figures, printed.read()


def ours(folder: Path, scratch: Path) -> dict[str, float]:
    """One ``harness index``."""
    with tempfile.TemporaryDirectory(dir=scratch) as data_dir:
        changes = {"HARNESS_DATA_DIR": data_dir, "PYTHONPATH": str(_ROOT)}
        command = [sys.executable, "-m", "harness", "index", str(folder), "--json"]
        figures, printed = timed(command, changes)
    report = json.loads(printed)
    return figures | {"chunks": report["chunks_total"], "files": report["files_indexed"]}


def sembles(python: Path, folder: Path, scratch: Path) -> dict[str, float]:
    """One index of semble's."""
    with tempfile.TemporaryDirectory(dir=scratch) as home:
        changes = {"HOME": home, "HF_HUB_OFFLINE": "1"}
        figures, printed = timed([python, _PEER, "index", folder, scratch / "model"], changes)
    counted: dict[str, float] = json.loads(printed)
    return figures | counted


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--semble", type=Path, required=True, help="Python with semble")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    folder = options.folder.resolve()
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        timed([options.semble, _PEER, "model", _TOKENIZER, scratch / "model"], {})
        rounds = [
            (ours(folder, scratch), sembles(options.semble, folder, scratch))
            for _ in range(options.rounds)
        ]
    best = [min(one, key=lambda figures: figures["seconds"]) for one in zip(*rounds, strict=True)]
    result = {
        "harness": best[0],
        "semble": best[1],
        "chunks_per_second": round(best[0]["chunks"] / best[0]["seconds"]),
        "seconds_ratio": round(best[0]["seconds"] / best[1]["seconds"], 2),
        "cpu_ratio": round(best[0]["cpu_seconds"] / best[1]["cpu_seconds"], 2),
    }
    print(json.dumps(result) if options.json else "\n".join(f"{k}: {v}" for k, v in result.items()))


if __name__ == "__main__":
    main()
