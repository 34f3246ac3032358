"""Commands are limited in time, output, processes, disk, environment, network and writes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from harness.workspace import CommandPolicy, commands, probe_isolation, run_command
from tests.workspace.conftest import Run, use_level


@pytest.fixture(params=["namespaces", "landlock+seccomp", "none"])
def either(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Limits must hold at every level."""
    use_level(monkeypatch, request.param)
    return str(request.param)


def alive(mark: str) -> list[int]:
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if mark in (process.info["cmdline"] or []) and process.status() != "zombie":
            found.append(process.pid)
    return found


def test_output_and_exit_code(either: str, run: Run) -> None:
    result = run("echo out; echo err >&2; exit 3")
    assert (result.exit_code, result.output, result.stopped) == (3, "out\nerr\n", "")


def test_death_by_signal_is_128_plus_its_number(either: str, run: Run) -> None:
    assert run("kill -9 $$").exit_code == 137


def test_default_signals_are_restored(either: str, run: Run) -> None:
    assert run("sh -c 'kill -TERM $$'").exit_code == 143


@pytest.mark.parametrize(
    "command",
    [
        pytest.param("sleep 41.{n} & sleep 41.{n}", id="group"),
        pytest.param("setsid sleep 42.{n} & sleep 42.{n}", id="own-session"),
        pytest.param(
            "(setsid sh -c 'setsid sleep 43.{n} & sleep 43.{n}' &) ; sleep 43.{n}", id="daemon"
        ),
        pytest.param("trap '' TERM; while :; do sleep 44.{n}; done", id="ignores-sigterm"),
    ],
)
def test_time_out_kills_everything(
    either: str, run: Run, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "GRACE_SECONDS", 0.3)
    mark = str(os.getpid())
    seconds = command.split("sleep ")[1][:2] + "." + mark
    started = time.monotonic()
    result = run(command.format(n=mark), timeout_seconds=0.6)
    assert result.stopped == "no end after 0.6 s"
    assert result.exit_code == 124
    assert time.monotonic() - started < 30, "it was waited for"
    assert alive(seconds) == []


def test_nothing_outlives_a_command_that_ended(either: str, run: Run) -> None:
    mark = f"45.{os.getpid()}"
    result = run(f"setsid sleep {mark} & disown; sleep 0.3; echo done")
    assert result.output == "done\n"
    assert result.seconds < 30
    assert alive(mark) == []


def test_sigterm_comes_first(either: str, run: Run) -> None:
    result = run("trap 'echo cleaned; exit 1' TERM; sleep 30 & wait", timeout_seconds=0.5)
    assert "cleaned" in result.output


def test_a_gigabyte_of_output_is_cut_and_ended(either: str, run: Run) -> None:
    before = psutil.Process().memory_info().rss
    result = run("head -c 1000000000 /dev/zero | tr '\\0' 'x'; echo end")
    assert "bytes of output" in result.stopped
    assert result.output_bytes < 70_000_000
    assert len(result.output) < 1_100_000
    assert psutil.Process().memory_info().rss - before < 50_000_000


def test_memory_holds_only_what_is_kept() -> None:
    kept = commands._Kept(1_000_000)
    for _ in range(400):
        kept.add(b"x" * 65_536)
        assert len(kept.head) + len(kept.tail) < 1_700_000
    assert kept.total == 400 * 65_536


def test_the_middle_of_long_output_is_left_out(run: Run) -> None:
    result = run("seq 1 100000", kept_output_bytes=1000)
    assert result.output.startswith("1\n2\n")
    assert result.output.endswith("100000\n")
    assert "bytes left out" in result.output


def test_a_fork_bomb_is_ended(either: str, run: Run) -> None:
    """Bounded: 120 sleeps at most, should the guard be gone."""
    mark = f"46.{os.getpid()}"
    result = run(f"for i in $(seq 120); do sleep {mark} & done; wait", max_processes=20)
    assert "processes" in result.stopped
    assert alive(mark) == []


def test_a_file_cannot_grow_beyond_the_limit(either: str, run: Run) -> None:
    result = run("head -c 3000000 /dev/zero > big; stat -c %s big", max_file_bytes=1_000_000)
    assert result.output.splitlines()[-1] == "1000000"


def test_many_files_cannot_fill_the_disk(either: str, run: Run) -> None:
    result = run(
        "for i in $(seq 60); do head -c 5000000 /dev/urandom > f$i; sleep 0.02; done",
        max_disk_bytes=50_000_000,
    )
    assert "written to the disk" in result.stopped


@pytest.mark.parametrize("held", ["open", "mapped"])
def test_files_without_a_name_cannot_fill_the_disk(held: str, either: str, run: Run) -> None:
    way = (
        "kept.append(mmap.mmap(f.fileno(), 0)); f.close()" if held == "mapped" else "kept.append(f)"
    )
    code = f"""
import mmap, os, time
kept = []
for name in "abcdef":
    f = open(name, "wb+"); os.unlink(name); f.write(os.urandom(10_000_000)); f.flush(); {way}
time.sleep(20)
"""
    result = run(f"python3 - <<'EOF'{code}EOF", max_disk_bytes=30_000_000)
    assert "written to the disk" in result.stopped


def test_memory_is_limited(run: Run) -> None:
    code = "bytearray(3_000_000_000)"
    result = run(f"python3 -c '{code}'", max_memory_bytes=1_000_000_000)
    assert "MemoryError" in result.output


def test_no_core_files(run: Run) -> None:
    assert run("ulimit -c").output == "0\n"


def test_the_environment_is_an_allow_list(
    either: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QDRANT_API_KEY", "s3cr3t-value")
    result = run("env", environment={"PATH": "/usr/bin:/bin", "LANG": "C"})
    assert "s3cr3t-value" not in result.output
    assert "PATH=/usr/bin:/bin" in result.output
    assert "HOME=" + str(Path.home()) not in result.output.splitlines()


def test_other_processes_environment_is_out_of_sight(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = [] if os.geteuid() == 0 else ["--map-current-user"]
    own = ["unshare", *user, "--pid", "--fork", "--mount-proc", "true"]
    if shutil.which("unshare") is None or subprocess.run(own, check=False).returncode != 0:
        pytest.skip("the platform grants no own /proc")
    secret = f"s3cr3t-{os.getpid()}"
    holder = subprocess.Popen(["sleep", "20"], env={"API_KEY": secret, "PATH": os.defpath})
    try:
        result = run("cat /proc/[0-9]*/environ | tr '\\0' '\\n'")
    finally:
        holder.kill()
        holder.wait()
    assert "HOME=" in result.output
    assert secret not in result.output


def test_no_network(run: Run) -> None:
    if probe_isolation().level != "namespaces":
        pytest.skip("the platform grants no network namespace")
    assert "lo" in run("cat /proc/net/dev").output
    other = run("grep -v -c -e lo: -e '|' /proc/net/dev").output.strip()
    assert other == "0"
    assert run("cat /proc/net/dev | wc -l", network=True).output.strip() != "3"


def test_writes_outside_are_refused(run: Run, tmp_path: Path) -> None:
    if probe_isolation().level == "none":
        pytest.skip("commands cannot be confined here")
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "work.txt").write_text("years of work")
    (tmp_path / "tree" / "link").symlink_to(precious)
    run(f"rm -rf {precious} link/; echo x > {precious}/work.txt; mv {precious} gone")
    run("echo x > link/y")
    assert (precious / "work.txt").read_text() == "years of work"
    assert [path.name for path in precious.iterdir()] == ["work.txt"]
    assert run("echo x > f && mkdir d && mv f d/ && cat d/f && echo x > $TMPDIR/t").output == "x\n"


def test_standard_input_is_empty(either: str, run: Run) -> None:
    assert run("cat; echo end").output == "end\n"


def test_a_cancelled_command_ends(either: str, tmp_path: Path, run: Run) -> None:
    started = time.monotonic()
    result = run_command(
        "sleep 30",
        tmp_path / "tree",
        tmp_path / "scratch",
        CommandPolicy(least_isolation="none"),
        cancelled=lambda: time.monotonic() - started > 0.3,
    )
    assert result.stopped == "cancelled"


def test_commands_end_when_harness_is_killed(tmp_path: Path, run: Run) -> None:
    mark = f"47.{os.getpid()}"
    code = (
        f"from pathlib import Path; from harness.workspace import *; p = Path(r'{tmp_path}');"
        f"run_command('sleep {mark}', p / 'tree', p / 'scratch', CommandPolicy())"
    )
    holder = subprocess.Popen([sys.executable, "-c", code])
    try:
        deadline = time.monotonic() + 10
        while not alive(mark) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert alive(mark)
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        while alive(mark) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert alive(mark) == []
    finally:
        holder.kill()
        holder.wait()
