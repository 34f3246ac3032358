"""Programs that end with this process, and with their time."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from harness.repository.limited_process import run_limited

# It waits for its input, which comes when it is bound to this process.
RUN = (
    "import sys, os; from pathlib import Path\n"
    "from harness.repository.limited_process import run_limited\n"
    "run_limited(\n"
    "    ['sh', '-c', 'read x; sleep 1000 & echo $$ $! > pids.new; mv pids.new pids; wait'],\n"
    "    Path(sys.argv[1]), dict(os.environ), stdin=b'x', timeout_seconds=900,\n"
    "    max_output_bytes=9,\n"
    ")\n"
)
# gVisor and WSL 1 answer so.
OLD_KERNEL = (
    "import fcntl\n"
    "known = fcntl.fcntl\n"
    "def old(descriptor, command, argument=0):\n"
    "    if command == fcntl.F_SETSIG:\n"
    "        raise OSError(22, 'Invalid argument')\n"
    "    return known(descriptor, command, argument)\n"
    "fcntl.fcntl = old\n"
)


def wait_until(happened: object, what: str) -> None:
    deadline = time.monotonic() + 120
    while not happened():  # type: ignore[operator]
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.mark.skipif(sys.platform != "linux", reason="pipes send signals on Linux")
@pytest.mark.parametrize(
    ("how", "code"),
    [
        pytest.param(signal.SIGKILL, RUN, id="killed"),
        pytest.param(signal.SIGTERM, RUN, id="terminated"),
        pytest.param(signal.SIGKILL, OLD_KERNEL + RUN, id="a-kernel-without-signals-of-pipes"),
    ],
)
def test_nothing_outlives_a_killed_process(tmp_path: Path, how: signal.Signals, code: str) -> None:
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) as process:
        wait_until((tmp_path / "pids").exists, "it has not started")
        pids = [int(word) for word in (tmp_path / "pids").read_text().split()]
        assert not any(map(is_gone, pids))
        process.send_signal(how)
        process.wait()
    try:
        for pid in pids:
            wait_until(lambda pid=pid: is_gone(pid), f"{pid} is still there")
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def test_what_is_left_on_purpose_stays(tmp_path: Path) -> None:
    """As git's cache of passwords, which the next command asks."""
    script = "sleep 1000 > /dev/null 2>&1 & echo $!"
    done = run_limited(
        ["sh", "-c", script],
        tmp_path,
        dict(os.environ),
        stdin=b"",
        timeout_seconds=600,
        max_output_bytes=99,
    )
    pid = int(done.stdout)
    try:
        assert not is_gone(pid)
    finally:
        os.kill(pid, signal.SIGKILL)
