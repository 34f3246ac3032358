"""Indexing and searching beside other programs: the same folder, the same machine, one after the
other, in one run.

All are whole commands, from starting the interpreter to the end. Of several rounds, which
alternate, the best of each counts, and each figure of a peer has the ratio of ours to it.

- semble with a static model that model2vec has saved (its own is fetched from a hub), told to take
  code, documentation and configuration, beside ``harness index`` into an empty data directory.
  semble keeps its index in memory and a file; ours is on disk and can be searched by another
  process meanwhile.
- cocoindex-code beside ``harness index``, both with an imitation of an Ollama server that answers
  every text with the same vector: what each needs besides the model. Its daemon does the work, so
  that one's start, processor seconds and memory count, too.
- ripgrep beside ``harness search``: one search of a word, in the files and in the index.

    python -m benchmarks.peers [FOLDER] [--install] [--semble PYTHON] [--cocoindex CCC]
                               [--ripgrep RG] [--rounds N] [--json]

PYTHON is that of an environment of its own with the packages semble and tokenizers, CCC the
program ``ccc`` of one with cocoindex-code; ``--install`` makes both. Those that are not named are
left out. Without a FOLDER it is the source of Flask.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.corpora import Corpus, fetch
from benchmarks.peer_environments import COCOINDEX, SEMBLE, installed
from harness import PRODUCT_THREADS
from harness.models.minilm import embedder as minilm
from tests.fakes.ollama_server import FakeOllama

_ROOT = Path(__file__).resolve().parents[1]
_PEER = Path(__file__).with_name("peer_semble.py")
_FLASK = Corpus("flask", "pypi", "flask", "3.1.3", ".", "python")
_TOKENIZER = Path(minilm.__file__).with_name("tokenizer.json")


def timed(
    command: Sequence[str | Path],
    changes: Mapping[str, str],
    folder: Path | None = None,
    *,
    may_find_nothing: bool = False,
) -> tuple[dict[str, float], str]:
    """Run a command: wall seconds, processor seconds of it and its children, and the peak of the
    largest of these processes; and what it printed.

    :param changes: to the environment.
    :param folder: where it runs.
    :param may_find_nothing: exit code 1 is no failure, as with grep.
    :raises SystemExit: it failed.
    """
    with tempfile.TemporaryFile("w+") as printed:
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=printed, env=_environment(changes), cwd=folder)
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in (0, 1 if may_find_nothing else 0):
            sys.exit(f"{command[0]} ended with exit code {process.returncode}")
        printed.seek(0)
        figures = {
            "seconds": round(seconds, 2),
            "cpu_seconds": round(used.ru_utime + used.ru_stime, 2),
            "peak_mb": round(used.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)),
        }
        return figures, printed.read()


def ours(folder: Path, scratch: Path, ollama: str = "", word: str = "") -> dict[str, float]:
    """One ``harness index``; with a word also one search for it.

    :param ollama: URL of the model server; empty: the embedded model.
    """
    with tempfile.TemporaryDirectory(dir=scratch) as data_dir:
        changes = {"HARNESS_DATA_DIR": data_dir, "PYTHONPATH": str(_ROOT), "OLLAMA_HOST": ollama}
        command = [sys.executable, "-m", "harness"]
        figures, printed = timed([*command, "index", str(folder), "--json"], changes)
        report = json.loads(printed)
        figures |= {"chunks": report["chunks_total"], "files": report["files_indexed"]}
        if word:
            found, _ = timed([*command, "search", word, "--json"], changes)
            figures |= {f"search_{name}": value for name, value in found.items()}
    return figures


def sembles(python: Path, folder: Path, scratch: Path) -> dict[str, float]:
    """One index of semble's."""
    with tempfile.TemporaryDirectory(dir=scratch) as home:
        changes = {"HOME": home, "HF_HUB_OFFLINE": "1"}
        figures, printed = timed([python, _PEER, "index", folder, scratch / "model"], changes)
    counted: dict[str, float] = json.loads(printed)
    return figures | counted


def cocoindexs(ccc: Path, folder: Path, scratch: Path, ollama: str) -> dict[str, float]:
    """One index of cocoindex-code's, of a copy: it writes into the folder."""
    with tempfile.TemporaryDirectory(dir=scratch) as name:
        home, copy = Path(name), Path(name) / "copy"
        shutil.copytree(folder, copy, symlinks=True)
        settings = home / ".cocoindex_code" / "global_settings.yml"
        settings.parent.mkdir()
        settings.write_text("embedding:\n  provider: litellm\n  model: ollama/nomic-embed-text\n")
        changes = {
            "HOME": name,
            "OLLAMA_API_BASE": ollama,
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else it asks the network for prices
            "COCOINDEX_DISABLE_USAGE_TRACKING": "1",
        }
        timed([ccc, "init", "-f"], changes, copy)
        began = time.perf_counter()
        # Started here, because `ccc index` waits for it for a fixed time only.
        with subprocess.Popen(
            [ccc, "run-daemon"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=_environment(changes),
        ) as daemon:
            try:
                while daemon.poll() is None and not (settings.parent / "daemon.sock").exists():
                    time.sleep(0.02)
                figures, _ = timed([ccc, "index"], changes, copy)
                figures["seconds"] = round(time.perf_counter() - began, 2)
                figures |= daemons(home, figures)
            finally:
                daemon.terminate()
    return figures


def _environment(changes: Mapping[str, str]) -> dict[str, str]:
    """Ours, without what Harness has set for itself when it was imported: peers choose their own
    number of threads."""
    return {k: v for k, v in os.environ.items() if k not in PRODUCT_THREADS} | dict(changes)


def daemons(home: Path, command: Mapping[str, float]) -> dict[str, float]:
    """Processor seconds and peak of a command together with the processes that it left behind; on
    Linux, which tells what other processes use. They are known by their home folder."""
    seconds, peak = command["cpu_seconds"], command["peak_mb"]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"HOME={home}".encode() not in (process / "environ").read_bytes().split(b"\0"):
                continue
            fields = (process / "stat").read_text().rpartition(")")[2].split()
            status = (process / "status").read_text()
        except OSError:  # it has ended, or is somebody else's
            continue
        # The 14th and 15th field of proc(5): user and system time in ticks.
        seconds += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        peak = max(peak, int(status.partition("VmHWM:")[2].split()[0]) / 1000)
    return {"cpu_seconds": round(seconds, 2), "peak_mb": round(peak)}


def ripgreps(program: Path, folder: Path, word: str) -> dict[str, float]:
    """One search of a word in all files."""
    command = [program, "--fixed-strings", "--word-regexp", "--count", word, folder]
    figures, _ = timed(command, {}, may_find_nothing=True)
    return figures


def best(rounds: Sequence[Mapping[str, float]], by: str = "seconds") -> Mapping[str, float]:
    """The quickest."""
    return min(rounds, key=lambda figures: figures[by])


def ratios(
    we: Mapping[str, float], they: Mapping[str, float], prefix: str = ""
) -> dict[str, float]:
    """Ours to theirs; below 1 we need less."""
    names = ("seconds", "cpu_seconds", "peak_mb")
    return {n: round(we[prefix + n] / max(they[n], 0.01), 2) for n in names}


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--install", action="store_true", help="install the peers once")
    parser.add_argument("--semble", type=Path, help="Python with semble")
    parser.add_argument("--cocoindex", type=Path, help="the program ccc")
    rg = shutil.which("rg")
    parser.add_argument("--ripgrep", type=Path, default=rg, help="the program rg")
    parser.add_argument("--word", default="request", help="what ripgrep and we search for")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    folder = (options.folder or fetch(_FLASK)).resolve()
    if options.install:
        options.semble = options.semble or installed(SEMBLE)
        options.cocoindex = options.cocoindex or installed(COCOINDEX)
    runs: dict[str, list[dict[str, float]]] = {}

    def note(name: str, figures: dict[str, float]) -> None:
        runs.setdefault(name, []).append(figures)

    with tempfile.TemporaryDirectory() as name, FakeOllama(embeddings="noop") as ollama:
        scratch = Path(name)
        if options.semble:
            timed([options.semble, _PEER, "model", _TOKENIZER, scratch / "model"], {})
        for _ in range(options.rounds):
            note("harness", ours(folder, scratch, word=options.word))
            if options.semble:
                note("semble", sembles(options.semble, folder, scratch))
            if options.ripgrep:
                note("ripgrep", ripgreps(options.ripgrep, folder, options.word))
            if options.cocoindex:
                note("harness with ollama", ours(folder, scratch, ollama.url))
                note("cocoindex-code", cocoindexs(options.cocoindex, folder, scratch, ollama.url))
    result: dict[str, Any] = {name: best(each) for name, each in runs.items()}
    first = result["harness"]
    compared: dict[str, Any] = {"chunks_per_second": round(first["chunks"] / first["seconds"])}
    if options.semble:
        compared["harness : semble"] = ratios(result["harness"], result["semble"])
    if options.cocoindex:
        we, they = result["harness with ollama"], result["cocoindex-code"]
        compared["harness with ollama : cocoindex-code"] = ratios(we, they)
    if options.ripgrep:
        we = best(runs["harness"], "search_seconds")
        compared["harness search : ripgrep"] = ratios(we, result["ripgrep"], "search_")
    result |= compared
    print(json.dumps(result) if options.json else "\n".join(f"{k}: {v}" for k, v in result.items()))


if __name__ == "__main__":
    main()
