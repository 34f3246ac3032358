"""Reading in other processes: the same as in this one, whatever becomes of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import pytest

from harness.engines import Engines
from harness.index import reading
from harness.index.embedded_text import embedding_text
from harness.index.options import IndexOptions
from harness.index.planning import IndexPlan, plan
from harness.index.preparing import PreparedFile, prepare_batch
from harness.index.reading import batch_reader
from harness.index.run import index_repository
from harness.models.static.embedder import StaticEmbedder
from harness.store.edge import EdgeStore
from tests.fakes.embedder import HashEmbedder
from tests.repositories import make_repository

ROOT = Path(__file__).resolve().parents[2]
# What the worker runs, with a preparing that does the worst for files of these names.
STRANGE = (
    "import json, os, signal, sys; sys.path[:] = json.loads(sys.stdin.buffer.readline())\n"
    "from harness.index import chunk_worker\n"
    "prepare = chunk_worker.prepare_files\n"
    "def strange(root, files, *rest):\n"
    "    names = [file.path for file in files]\n"
    "    if 'deadly.py' in names: os.kill(os.getpid(), signal.SIGSEGV)\n"
    "    if 'odd.py' in names: raise OSError(24, 'Too many open files')\n"
    "    print('a grammar that prints')\n"
    "    return prepare(root, files, *rest)\n"
    "chunk_worker.prepare_files = strange\n"
    "chunk_worker.serve()\n"
)


class Light(HashEmbedder):
    """Reads texts of any length."""

    max_tokens = 0


@pytest.fixture
def engines(tmp_path: Path) -> Engines:
    return Engines(Light(), EdgeStore(tmp_path / "index"), tmp_path)


@pytest.fixture
def planned(tmp_path: Path, engines: Engines, monkeypatch: pytest.MonkeyPatch) -> IndexPlan:
    monkeypatch.setattr(reading, "_WORTH_BYTES", 0)
    monkeypatch.setattr(reading, "_PIECE_BYTES", 1500)
    files: dict[str, str | bytes] = {
        f"{n}.py": f"def f_{n}(argument):\n    return argument\n" * (n + 1) for n in range(12)
    }
    files |= {"blob.py": b"\0", "deadly.py": "x = 1\n", "odd.py": "y = 2\n"}
    root = make_repository(tmp_path / "web", files)
    return plan("web", root, engines, IndexOptions(), batch_bytes=2000)


def workers() -> list[psutil.Process]:
    found = []
    for process in psutil.Process().children():
        with suppress(psutil.Error):
            if "chunk_worker" in " ".join(process.cmdline()):
                found.append(process)
    return found


def read_all(planned: IndexPlan, engines: Engines) -> list[PreparedFile]:
    with batch_reader(planned, engines.embedder) as submit:
        reads = [submit(batch) for batch in planned.batches]
        return [file for read in reads for file in read().files]


def test_other_processes_prepare_what_this_one_would(planned: IndexPlan, engines: Engines) -> None:
    here = [prepare_batch(planned, batch, engines.embedder).files for batch in planned.batches]
    assert len(here) > 1
    assert read_all(planned, engines) == [file for files in here for file in files]
    assert workers() == []


def test_other_processes_embed_by_words(planned: IndexPlan, tmp_path: Path) -> None:
    embedder = StaticEmbedder()
    read = read_all(planned, Engines(embedder, EdgeStore(tmp_path / "index"), tmp_path))
    assert sum(file.vectors is not None for file in read) == sum(bool(f.chunks) for f in read) > 1
    for file in read:
        if file.vectors is not None:
            texts = [embedding_text(file.source.path, one.chunk) for one in file.chunks]
            np.testing.assert_array_equal(file.vectors, embedder.embed_documents(texts))


def test_a_file_that_ends_its_process_fails_alone(
    planned: IndexPlan, engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_COMMAND", STRANGE.replace("'odd.py'", "'none'"))
    read = read_all(planned, engines)
    assert {file.source.path: file.error for file in read if file.error} == {
        "deadly.py": "cannot be chunked: the process that read it was ended by signal 11"
    }
    assert sum(bool(file.chunks) for file in read) == 13


def test_what_a_process_raises_is_raised_here(
    planned: IndexPlan, engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_COMMAND", STRANGE.replace("'deadly.py'", "'none'"))
    with pytest.raises(OSError, match="Too many open files"):
        read_all(planned, engines)
    assert workers() == []


def test_without_other_processes_this_one_reads(
    planned: IndexPlan,
    engines: Engines,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(reading, "_COMMAND", "raise SystemExit(3)")
    assert sum(bool(file.chunks) for file in read_all(planned, engines)) == 14
    assert "ended with exit code 3: reading goes on in this one" in caplog.text


def test_killed_workers_lose_nothing(
    planned: IndexPlan, engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed: list[int] = []

    def kill(_step: object) -> None:
        for process in workers()[: len(killed) < 2]:
            killed.append(process.pid)
            process.kill()

    report = index_repository(
        "web", Path(planned.root), engines, IndexOptions(), on_progress=kill, batch_bytes=700
    )
    assert killed
    assert (report.files_indexed, report.files_failed) == (14, 0)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=["killed", "interrupted"])
def test_workers_end_with_the_run(planned: IndexPlan, number: signal.Signals) -> None:
    script = (
        f"import sys, time; sys.path.insert(0, {str(ROOT)!r})\n"
        "from harness.index import reading; from harness.index.embedded_text import Window\n"
        "from tests.index.test_reading import *\n"
        "reading._WORTH_BYTES = 0\n"
        "engines = Engines(Light(), EdgeStore(Path(sys.argv[2])), Path(sys.argv[2]))\n"
        "work = plan('web', Path(sys.argv[1]), engines, IndexOptions())\n"
        "with batch_reader(work, engines.embedder) as submit:\n"
        "    [submit(batch)() for batch in work.batches]\n"
        "    print(*(p.pid for p in workers()), flush=True)\n"
        "    time.sleep(60)\n"
    )
    store = Path(planned.root).parent / "other"
    command = [sys.executable, "-c", script, planned.root, str(store)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        started = [psutil.Process(int(pid)) for pid in run.stdout.readline().split()]
        assert started
        os.kill(run.pid, number)
    wait_for(lambda: not any(p.is_running() and p.status() != "zombie" for p in started))


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)
