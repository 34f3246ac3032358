"""The local stack without a Prefect server: processes, state, ports, and the tour's start."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest

from harness.errors import ServiceUnavailableError, StackError
from harness.stack import lifecycle, processes, runs
from harness.stack.api import PrefectApi
from harness.stack.environment import server_environment, stack_environment
from harness.stack.options import StackOptions
from harness.stack.ports import free_port, port_or_free
from harness.stack.processes import STACK_ID_VARIABLE, ProcessRecord
from harness.stack.state import Layout, StackState, read_state, write_state
from tests.fakes.prefect_api import FakePrefect

SLEEP = "import time; time.sleep(60)"
# Ignores SIGTERM and has a child in a session of its own, as a worker and its flow runs do.
STUBBORN = f"""
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", {SLEEP!r}], start_new_session=True)
print("ready", flush=True)
time.sleep(60)
"""


def _start(tmp_path: Path, code: str, stack_id: str = "test") -> ProcessRecord:
    return processes.start(
        "worker",
        (sys.executable, "-c", code),
        env=os.environ | {STACK_ID_VARIABLE: stack_id},
        cwd=tmp_path,
        log=tmp_path / "worker.log",
    )


def test_a_stubborn_process_and_its_descendants_are_ended(tmp_path: Path) -> None:
    record = _start(tmp_path, STUBBORN)
    while "ready" not in (tmp_path / "worker.log").read_text():
        time.sleep(0.05)
    found = processes.members("test", [record])
    assert len(found) == 2
    assert (tmp_path / "worker.log").stat().st_mode & 0o077 == 0

    assert processes.end(found, grace_seconds=0.3) == []
    assert processes.members("test", [record]) == []


def test_what_a_server_makes_is_private(tmp_path: Path) -> None:
    code = "import os; open('made.new', 'w').close(); os.rename('made.new', 'made')"
    processes.start(
        "server",
        (sys.executable, "-c", code),
        env=os.environ,
        cwd=tmp_path,
        log=tmp_path / "server.log",
        private=True,
    )
    while not (tmp_path / "made").exists():
        time.sleep(0.05)
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o600


def test_an_orphan_is_found_by_its_environment(tmp_path: Path) -> None:
    record = _start(tmp_path, STUBBORN)
    while "ready" not in (tmp_path / "worker.log").read_text():
        time.sleep(0.05)
    psutil.Process(record.pid).kill()
    while processes.is_running(record):
        time.sleep(0.05)

    orphans = processes.members("test", [record])
    assert len(orphans) == 1
    assert processes.members("another", [record]) == []
    processes.end(orphans, grace_seconds=2)


def test_a_process_that_got_an_old_pid_is_left_alone() -> None:
    started = psutil.Process().create_time()
    assert processes.is_running(ProcessRecord("server", os.getpid(), started))
    assert not processes.is_running(ProcessRecord("server", os.getpid(), started - 3600))


def test_state_survives_and_is_private(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "data")
    layout.create()
    state = StackState("id", 4200, auth_string="harness:x", service_port=4280)
    state = state.with_process(ProcessRecord("server", 1, 2.0))
    write_state(layout, state)

    assert read_state(layout) == state
    assert "harness:x" not in repr(state)
    assert layout.state_file.stat().st_mode & 0o077 == 0
    assert layout.prefect_home.stat().st_mode & 0o077 == 0
    newer = state.with_process(ProcessRecord("server", 3, 4.0))
    assert newer == replace(state, processes=(ProcessRecord("server", 3, 4.0),))


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 99}', "\0"])
def test_a_state_that_cannot_be_read_is_none(tmp_path: Path, content: str) -> None:
    layout = Layout(tmp_path)
    layout.create()
    layout.state_file.write_text(content)
    assert read_state(layout) is None


def test_a_state_written_before_pools_had_names_is_understood(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.create()
    layout.state_file.write_text('{"format": 1, "id": "a", "port": 4321, "processes": []}')
    assert read_state(layout) == StackState("a", 4321, "harness", auth_string=None)


def test_up_heeds_its_settings_and_leaves_nothing_behind(tmp_path: Path) -> None:
    port = free_port()
    settings = {
        "HARNESS_DATA_DIR": str(tmp_path),
        "HARNESS_PORT": str(port),
        "HARNESS_START_TIMEOUT_SECONDS": "1",
    }
    done = subprocess.run(
        [sys.executable, "-m", "harness", "up"],
        env=os.environ | settings,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == StackError.exit_code
    assert f"http://127.0.0.1:{port}" in done.stderr
    assert "not ready after 1 s" in done.stderr
    assert read_state(Layout(tmp_path)) is None
    named = [p for p in psutil.process_iter(["environ"]) if _data_dir(p) == str(tmp_path)]
    assert named == []


def test_a_stack_of_a_version_without_passwords_is_started_anew(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.create()
    worker = _start(tmp_path, SLEEP)
    # Stands for the server; processes.members never names the process that asks.
    server = ProcessRecord("server", os.getpid(), psutil.Process().create_time())
    said: list[str] = []
    database = layout.prefect_home / "prefect.db"
    database.touch()
    database.chmod(0o644)
    with FakePrefect() as prefect:
        port = urlsplit(prefect.url).port or 0
        write_state(layout, StackState("test", port, processes=(server, worker)))
        assert lifecycle.status(tmp_path) is not None, "it would be found and left as it is"
        with pytest.raises(StackError, match="not ready"):
            lifecycle.up(tmp_path, StackOptions(free_port(), 0.5), on_progress=said.append)
    assert "no password" in said[0]
    assert not processes.is_running(worker)
    assert layout.profile_file.stat().st_mode & 0o077 == 0
    assert database.stat().st_mode & 0o077 == 0


def test_what_a_lost_worker_had_taken_and_not_begun_is_not_ended() -> None:
    with FakePrefect() as prefect:
        for state in ("PENDING", "RUNNING", "CANCELLING"):
            run = {"id": state.lower(), "state_type": state}
            prefect.children.append(run)
            prefect.runs[run["id"]] = run
        assert runs.end_orphans(PrefectApi(prefect.url), "harness") == 3
        assert {run["id"]: run["state_type"] for run in prefect.children} == {
            "pending": "SCHEDULED", "running": "CRASHED", "cancelling": "CANCELLED",
        }  # fmt: skip


class _BusyPrefect(FakePrefect):
    """Has no time for the first questions."""

    too_early = 3

    def answer(self, path: str, body: dict[str, Any] | None) -> tuple[int, object]:
        if path == "/api/health" and self.too_early:
            self.too_early -= 1
            return 503, {"exception_message": "Service Unavailable"}
        return super().answer(path, body)


def test_a_server_that_is_busy_keeps_its_flow_runs(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.create()
    worker = _start(tmp_path, SLEEP)
    server = ProcessRecord("server", os.getpid(), psutil.Process().create_time())
    with _BusyPrefect() as prefect:
        port = urlsplit(prefect.url).port or 0
        write_state(layout, StackState("test", port, "pool", (server, worker), "a:b"))
        with pytest.raises(ServiceUnavailableError, match="runs and does not answer"):
            lifecycle.connect(tmp_path)
        status = lifecycle.up(tmp_path, StackOptions(port, 60.0, serve=False))
    assert (status.pids, status.started) == ({"server": os.getpid(), "worker": worker.pid}, False)
    assert processes.is_running(worker)
    assert processes.end(processes.members("test", [worker]), grace_seconds=5) == []


def _data_dir(process: psutil.Process) -> str | None:
    environment: dict[str, str] = process.info["environ"] or {}
    return environment.get("HARNESS_DATA_DIR")


def test_the_service_takes_another_port_where_its_own_is_taken() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        assert port_or_free(taken) not in (0, taken)
    assert port_or_free(0) != 0
    # Somebody else may take a free one meanwhile, but not each time.
    assert any(port_or_free(free) == free for free in (free_port() for _ in range(9)))


def test_a_taken_port_names_the_option(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(StackError, match=rf"port {port} .*--port or HARNESS_PORT"):
            lifecycle.up(tmp_path, StackOptions(port=port))
    assert lifecycle.status(tmp_path) is None
    assert read_state(Layout(tmp_path)) is None


def test_down_without_a_stack(tmp_path: Path) -> None:
    assert lifecycle.down(tmp_path / "none") is False
    assert not (tmp_path / "none").exists()


def test_another_prefect_installation_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "https://api.prefect.example")
    monkeypatch.setenv("PREFECT_API_KEY", "secret")
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example")
    monkeypatch.setenv("PREFECT_PROFILES_PATH", "/elsewhere/profiles.toml")
    state = StackState("id", 4321, "team-a", auth_string="harness:x")
    env = stack_environment(Layout(Path("/data")), state)
    assert env["PREFECT_API_URL"] == "http://127.0.0.1:4321/api"
    assert not {"PREFECT_API_KEY", "PREFECT_PROFILES_PATH"} & set(env)
    assert env["PREFECT_API_AUTH_STRING"] == "harness:x"
    assert "127.0.0.1" in env["NO_PROXY"]
    assert env["DO_NOT_TRACK"] == "1"
    assert env["HARNESS_WORK_POOL"] == "team-a"
    server = server_environment(Layout(Path("/data")), state)
    assert env.items() <= server.items()
    assert server["PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED"] == "events,flow_runs"


def test_no_server_is_started_without_a_password() -> None:
    with pytest.raises(StackError, match="no password"):
        server_environment(Layout(Path("/data")), StackState("id", 4321))
    done = subprocess.run(
        [sys.executable, "-m", "deployments.server"],
        env=os.environ | {"PREFECT_SERVER_API_AUTH_STRING": "", "PREFECT_SERVER_API_PORT": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "no password" in done.stderr


def test_a_server_that_is_not_there() -> None:
    api = PrefectApi(f"http://127.0.0.1:{free_port()}/api")
    assert not api.is_healthy()
    with pytest.raises(ServiceUnavailableError, match="harness up"):
        runs.start_run(api, "a/b", {})


def test_only_reading_is_repeated_while_the_server_is_busy() -> None:
    with FakePrefect() as prefect:
        api = PrefectApi(prefect.url)
        made = api.mapping("POST", "/deployments/d1/create_flow_run", {"idempotency_key": "k"})
        path = f"/flow_runs/{made['id']}"
        prefect.busy_reads = 2
        assert api.mapping("GET", path)["id"] == made["id"]
        prefect.busy_reads = 3
        with pytest.raises(ServiceUnavailableError, match="503"):
            api.mapping("GET", path)
        prefect.busy = 1
        with pytest.raises(ServiceUnavailableError, match="503"):
            api.mapping("POST", "/deployments/d1/create_flow_run", {"idempotency_key": "l"})
        assert prefect.busy == 0
        # Set twice, a state is what it is set once.
        prefect.busy_states = 2
        assert runs.cancel(api, runs.read_run(api, str(made["id"]))).state_type == "CANCELLING"


def test_importing_the_stack_loads_no_prefect() -> None:
    code = "import sys, harness.stack.lifecycle, harness.tour; sys.exit('prefect' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
