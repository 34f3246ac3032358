"""Reading what is left of a damaged shard, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

READ = (
    "import sys\n"
    "from pathlib import Path\n"
    "from harness.store.edge_salvage import read_points\n"
    "list(read_points(Path(sys.argv[1]), quiet_seconds=600))\n"
)


def wait_until(happened: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 120
    while not happened():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def has_ended(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.status() == psutil.STATUS_ZOMBIE
    return True


@pytest.mark.skipif(sys.platform != "linux", reason="pipes send signals on Linux")
def test_no_reader_is_left_at_the_files_of_a_killed_process(tmp_path: Path) -> None:
    # The engine waits for what this says, as it would be at work on a large shard.
    config = tmp_path / "edge_config.json"
    os.mkfifo(config)
    with subprocess.Popen([sys.executable, "-c", READ, str(tmp_path)]) as process:
        writers: list[int] = []

        def is_read() -> bool:
            with suppress(OSError):  # nobody reads yet
                writers.append(os.open(config, os.O_WRONLY | os.O_NONBLOCK))
            return bool(writers)

        try:
            wait_until(is_read, "the engine does not open its configuration")
            (reader,) = psutil.Process(process.pid).children()
            assert not has_ended(reader)
            process.kill()
            wait_until(lambda: has_ended(reader), "the reader works on")
        finally:
            process.kill()
            for writer in writers:
                os.close(writer)
