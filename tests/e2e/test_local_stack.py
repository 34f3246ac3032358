"""The real thing: `harness up`, a process worker, runs through Prefect's API and command line,
processes killed with -9, `harness down`. In the order of the file; each test goes on where the
one before it stopped."""

from __future__ import annotations

import base64
import http.client
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import psutil
import pytest

from harness.engines import Engines
from harness.errors import StackError
from harness.index.fingerprint import manifest_of
from harness.index.options import IndexOptions
from harness.index.planning import plan
from harness.index.preparing import prepare_batch
from harness.index.run_lock import hold_repository
from harness.models.static.embedder import StaticEmbedder
from harness.search import retrieval
from harness.service.links import login_link
from harness.service.tokens import Tokens
from harness.stack import lifecycle, processes, runs
from harness.stack.api import PrefectApi
from harness.stack.options import StackOptions
from harness.stack.ports import free_port
from harness.stack.runs import FlowRun
from harness.stack.state import Layout, read_state
from harness.stack.status import StackStatus
from harness.store.edge import EdgeStore
from tests.e2e.times import zone_at_noon
from tests.repositories import make_repository

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

DEPLOYMENT = "index-repository/index-repository"
# Small, so that a run has many batches and can be killed between them.
BATCH_BYTES = 10_000
START_SECONDS = 300.0
WORK_POOL = "team-a"
CHROMIUM = shutil.which("chromium")
# At what may be said twice, to a server whose database is busy with runs.
ATTEMPTS = 8
RUN_SECONDS = 240.0


@dataclass
class Lab:
    """One data directory with its stack, and two repositories."""

    data_dir: Path
    small: Path
    large: Path
    port: int
    status: StackStatus | None = None
    said: list[str] = field(default_factory=list)

    @property
    def api(self) -> PrefectApi:
        assert self.status is not None, "the stack did not start"
        return lifecycle.connect(self.data_dir)

    def up(self, *, serve: bool = False) -> StackStatus:
        self.said.clear()
        self.status = lifecycle.up(
            self.data_dir,
            StackOptions(self.port, START_SECONDS, WORK_POOL, serve, service_port=0),
            on_progress=self.said.append,
        )
        return self.status

    def run(self, source: Path) -> FlowRun:
        return runs.start_run(self.api, DEPLOYMENT, {"source": str(source)})

    def follow(self, run: FlowRun, on_change: Callable[[FlowRun], None] | None = None) -> FlowRun:
        return runs.follow(
            self.api, run.id, on_change=on_change, timeout_seconds=RUN_SECONDS, poll_seconds=0.2
        )

    def automation(self, name: str) -> dict[str, object]:
        found = self.api.listing("POST", "/automations/filter", {"limit": 200})
        (automation,) = [entry for entry in found if entry["name"] == name]
        return automation

    def enable(self, automation: str, enabled: bool) -> None:
        path = f"/automations/{self.automation(automation)['id']}"
        self.api.request("PATCH", path, {"enabled": enabled}, attempts=ATTEMPTS)

    def engines(self) -> Engines:
        return Engines(StaticEmbedder(), EdgeStore(self.data_dir / "index", 20.0), self.data_dir)


def _functions(first: int, count: int) -> str:
    return "".join(
        f"def compute_{n}(argument):\n"
        f'    """Says what compute_{n} does with its argument, in a sentence or two."""\n'
        f"    return [argument * step + {n} for step in range({n})]\n\n\n"
        for n in range(first, first + count)
    )


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("stack")
    small = make_repository(
        folder / "small", {"routes.py": "def register_route(rule):\n    return rule\n"}
    )
    large = make_repository(
        folder / "large", {f"part_{n:03}.py": _functions(n * 40, 40) for n in range(280)}
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HARNESS_BATCH_BYTES", str(BATCH_BYTES))
        patch.setenv("HARNESS_TIMEZONE", zone_at_noon())
        for name in ("OLLAMA_HOST", "QDRANT_HOST", "QDRANT_URL"):
            patch.delenv(name, raising=False)
        lab = Lab(folder / "data", small, large, free_port())
        yield lab
        lifecycle.down(lab.data_dir)


def _prefect(lab: Lab, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Prefect's own command line, as `harness up` says how to use it."""
    profiles = {"PREFECT_PROFILES_PATH": str(lifecycle.profile_file(lab.data_dir))}
    return subprocess.run(
        [sys.executable, "-m", "prefect", *arguments],
        env=_environment() | profiles,
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}


def _kill(pid: int) -> None:
    process = psutil.Process(pid)
    process.kill()
    process.wait(timeout=10)


def _flow_process(status: StackStatus) -> psutil.Process:
    """The process that carries out a flow run."""
    for child in psutil.Process(status.pids["worker"]).children(recursive=True):
        if "prefect.engine" in " ".join(child.cmdline()):
            return child
    raise AssertionError("no flow run process below the worker")


def test_up_then_up_again_finds_the_first(lab: Lab) -> None:
    first = lab.up()
    assert first.started
    assert {change.change for change in first.changes} == {"created"}
    assert (
        psutil.Process(first.pids["server"]).net_connections(kind="inet")[0].laddr.ip == "127.0.0.1"
    )

    second = lab.up()
    assert not second.started
    assert lab.said == []
    assert second.pids == first.pids
    assert lifecycle.status(lab.data_dir) == second


def test_the_page_is_there_and_only_for_its_owner(lab: Lab) -> None:
    status = lab.up(serve=True)
    assert status.service_url
    with httpx.Client(base_url=status.service_url, trust_env=False) as nobody:
        assert nobody.get("/readyz").json()["ok"]
        assert nobody.get("/api/v1/repositories").status_code == 401, "others share the machine"
    tokens = Tokens(lab.data_dir / "service" / "tokens.json")
    token = login_link(tokens, status.service_url).partition("#")[2]
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=status.service_url, headers=headers, trust_env=False) as owner:
        assert owner.get("/api/v1/tasks").json() == {"tasks": []}, "it knows the server's password"

    _kill(status.pids["service"])
    after = lab.up(serve=True)
    assert after.pids["server"] == status.pids["server"]
    assert after.pids["worker"] == status.pids["worker"]
    with httpx.Client(base_url=after.service_url, trust_env=False) as nobody:
        assert nobody.get("/healthz").json() == {"ok": True}


def test_only_the_owner_and_no_other_site_may_use_the_server(lab: Lab) -> None:
    status = lab.up()
    state = read_state(Layout(lab.data_dir))
    assert state is not None and state.auth_string is not None
    with pytest.raises(StackError, match="401"):
        PrefectApi(status.api_url).request("GET", "/admin/version")
    assert PrefectApi(status.api_url).is_healthy(), "as probes do"

    basic = base64.b64encode(state.auth_string.encode()).decode()
    create = _Request("POST", "/api/flows/", {"Authorization": f"Basic {basic}"})
    assert create.code(lab.port) == 403, "what a page makes the owner's browser send has no token"
    read = _Request("GET", "/api/admin/version", {"Authorization": f"Basic {basic}"})
    assert read.code(lab.port) == 200
    assert read.with_header("Host", "rebound.example").code(lab.port) == 403
    assert read.with_header("Origin", "https://elsewhere.example").code(lab.port) == 403

    # Through the processes' arguments other accounts would see it.
    for process in processes.members(state.id, state.processes):
        assert state.auth_string not in " ".join(process.cmdline())


@pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's package chromium")
def test_the_printed_link_logs_a_browser_in(lab: Lab, tmp_path: Path) -> None:
    status = lab.up()

    def shows_deployments(profile: str, address: str) -> bool:
        page = subprocess.run(
            [
                *(str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"),
                *(f"--user-data-dir={tmp_path / profile}", "--virtual-time-budget=60000", address),
            ],
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
            check=True,
        )
        return "nightly-index" in page.stdout

    link = lifecycle.new_login_url(lab.data_dir, "/deployments")
    assert shows_deployments("owner", link)
    assert shows_deployments("owner", f"{status.url}/deployments"), "it stays logged in"
    assert not shows_deployments("other", link), "the link was used"


@dataclass(frozen=True)
class _Request:
    method: str
    path: str
    headers: dict[str, str]

    def with_header(self, name: str, value: str) -> _Request:
        return replace(self, headers=self.headers | {name: value})

    def code(self, port: int) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            connection.request(self.method, self.path, headers=self.headers)
            return connection.getresponse().status
        finally:
            connection.close()


def test_deploying_again_changes_nothing(lab: Lab) -> None:
    changes = lifecycle.deploy(lab.data_dir, url=lab.api.url, work_pool=WORK_POOL)
    assert {change.change for change in changes} == {"unchanged"}
    assert f"{DEPLOYMENT}" in {change.name for change in changes}


def test_what_is_no_longer_declared_goes_only_with_prune(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deploy(prune: bool = False) -> dict[str, str]:
        changes = lifecycle.deploy(lab.data_dir, url=lab.api.url, work_pool=WORK_POOL, prune=prune)
        return {change.name: change.change for change in changes if change.change != "unchanged"}

    limit = "ollama-http-models-example-11434"
    with monkeypatch.context() as patch:
        patch.setenv("OLLAMA_HOST", "http://models.example:11434")
        patch.setenv("HARNESS_NOTIFY_URL", "json://127.0.0.1:9/nobody")
        made = deploy()
    notifying = (
        "harness-cannot-start", "harness-check-stack-failing", "harness-crashed", "harness-late",
        "harness-nightly-failing",
    )  # fmt: skip
    created = dict.fromkeys((limit, "harness-notify", *notifying), "created")
    assert made == created
    (action,) = lab.automation("harness-late")["actions"]  # type: ignore[misc]
    assert action["type"] == "send-notification"  # type: ignore[index]
    # Made by somebody else.
    other = {"name": "other", "limit": 1}
    lab.api.request("POST", "/v2/concurrency_limits/", other)
    lab.enable("harness-no-heartbeat", False)

    # What only notifies goes with the notifications; the block they went through stays.
    assert deploy() == dict.fromkeys(notifying, "deleted")
    assert deploy(prune=True) == {limit: "deleted", "harness-notify": "deleted"}
    assert lab.automation("harness-no-heartbeat")["enabled"] is False, "paused stays paused"
    lab.enable("harness-no-heartbeat", True)
    limits = lab.api.listing("POST", "/v2/concurrency_limits/filter", {})
    assert "other" in {entry["name"] for entry in limits}


def test_a_crashed_run_is_started_again_once(lab: Lab) -> None:
    status = lab.up()

    def kill_when_running() -> None:
        while runs.read_run(lab.api, run.id).state_type != "RUNNING":
            time.sleep(0.05)
        _flow_process(status).kill()

    # It waits for its turn, so that it cannot have ended when it is killed.
    with lab.engines() as engines, hold_repository(engines.store, lab.data_dir, str(lab.small)):
        run = lab.run(lab.small)
        for attempt in (1, 2):
            kill_when_running()
            assert lab.follow(run).state_type == "CRASHED", attempt
    time.sleep(22)  # the automation waits for 15 s and looks every 5
    again = lab.api.mapping("GET", f"/flow_runs/{run.id}")
    assert (again["state_type"], again["run_count"]) == ("CRASHED", 2)


def test_prefect_deployment_run_watched(lab: Lab) -> None:
    done = _prefect(
        lab, "deployment", "run", DEPLOYMENT, "--param", f"source={lab.small}", "--watch"
    )
    assert done.returncode == 0, done.stdout + done.stderr

    with lab.engines() as engines:
        hits = retrieval.search("register a route", engines, repo="small", limit=3)
    assert hits[0].path == "routes.py"
    made = lab.api.listing("POST", "/flow_runs/filter", {})
    assert "index small" in {str(run["name"]).split("@")[0] for run in made}
    logs = lab.api.listing("POST", "/logs/filter", {})
    assert "harness.index.planning" in {log["name"] for log in logs}, (
        "logs of the core are not in the run"
    )


def _harness(lab: Lab, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "harness", *arguments],
        env=_environment() | {"HARNESS_DATA_DIR": str(lab.data_dir)},
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )


def test_harness_run_follows_a_run_to_its_reason(lab: Lab, tmp_path: Path) -> None:
    lab.up()
    done = _harness(lab, "run", "index-repository", "--param", f"source={lab.small}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Completed: small: " in done.stdout and "index-report-small: http" in done.stdout
    # Not `running`: so short a run may begin and end between two looks at it.
    assert "/runs/flow-run/" in done.stderr and ": scheduled" in done.stderr

    gone = tmp_path / "gone"
    failed = _harness(lab, "run", DEPLOYMENT, "--param", f"source={gone}", "--json")
    assert failed.returncode == 1
    document = json.loads(failed.stdout)
    assert f"{gone} does not exist" in document["reason"]
    (why,) = document["artifacts"]
    assert why["key"] == "failure-index-repository"
    artifact = lab.api.mapping("GET", f"/artifacts/{why['url'].rpartition('/')[2]}")
    assert f"{gone} does not exist" in str(artifact["data"])


def test_harness_run_counts_the_runs_that_it_starts(lab: Lab, tmp_path: Path) -> None:
    make_repository(tmp_path / "one", {"a.py": "def one():\n    return 1\n"})
    done = _harness(lab, "run", "nightly-index", "--param", f"root={tmp_path}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 of 1 runs that it started have ended" in done.stderr
    assert "1 of 1 repositories indexed" in done.stdout and "index-all: http" in done.stdout


def test_wrong_parameters_are_refused_when_the_run_is_made(lab: Lab) -> None:
    done = _prefect(lab, "deployment", "run", DEPLOYMENT, "--param", "source=relative/path")
    assert done.returncode != 0
    assert "source" in done.stdout + done.stderr


def test_a_flow_process_killed_in_the_middle_loses_at_most_one_batch(lab: Lab) -> None:
    status = lab.up()
    # The second start would be at work on the same repository.
    lab.enable("harness-restart-crashed", False)
    run = lab.run(lab.large)

    def kill(seen: FlowRun) -> None:
        if 25 < (seen.progress or 0) < 90 and not killed:
            process = _flow_process(status)
            killed.append(process.pid)
            process.kill()

    killed: list[int] = []
    assert lab.follow(run, on_change=kill).state_type == "CRASHED"
    assert killed

    with lab.engines() as engines:
        collection = manifest_of(engines.embedder).collection
        stored = engines.store.count_chunks(collection, "large")
        left = plan("large", lab.large, engines, IndexOptions(), batch_bytes=BATCH_BYTES)
        every = plan("large", lab.large, engines, IndexOptions(full=True), batch_bytes=BATCH_BYTES)
        prepared = [prepare_batch(every, batch, engines.embedder) for batch in every.batches]
    expected = sum(len(file.chunks) for batch in prepared for file in batch.files)
    assert 0 < stored < expected
    # What was embedded is stored, but for the batch that was under way.
    assert len(left.batches) < len(every.batches)

    again = lab.follow(lab.run(lab.large))
    lab.enable("harness-restart-crashed", True)
    assert again.state_type == "COMPLETED"
    assert f"{expected - stored} chunks embedded" in again.message

    with lab.engines() as engines:
        assert engines.store.count_chunks(collection, "large") == expected
        for number in (0, 279, 559):
            hits = retrieval.search(f"compute_{number}", engines, repo="large", limit=10)
            places = [(hit.path, hit.start_line) for hit in hits]
            assert len(places) == len(set(places)), "a passage is there twice"
            assert any(f"compute_{number}(" in hit.text for hit in hits), "a passage is missing"


def test_a_killed_worker_is_replaced_and_its_run_ends_truly(lab: Lab) -> None:
    before = lab.up()
    run = lab.run(lab.small)
    while runs.read_run(lab.api, run.id).state_type != "RUNNING":
        time.sleep(0.1)
    _kill(before.pids["worker"])

    after = lab.up()
    assert after.pids["server"] == before.pids["server"]
    assert after.pids["worker"] != before.pids["worker"]
    assert lab.follow(run).state_type in ("CRASHED", "COMPLETED")


def test_everything_killed_is_noticed_and_started_anew(lab: Lab) -> None:
    before = lab.up()
    for pid in before.pids.values():
        _kill(pid)
    after = lab.up()
    assert any("did not end cleanly" in line for line in lab.said)
    assert not set(after.pids.values()) & set(before.pids.values())
    assert {change.change for change in after.changes} == {"unchanged"}, "ids stay"


def test_down_leaves_nothing_running(lab: Lab) -> None:
    lab.up()
    state = read_state(Layout(lab.data_dir))
    assert state is not None
    run = lab.run(lab.large)
    while runs.read_run(lab.api, run.id).state_type != "RUNNING":
        time.sleep(0.1)

    api = lab.api
    assert lifecycle.down(lab.data_dir) is True

    assert processes.members(state.id, state.processes) == []
    assert not api.is_healthy()
    assert lifecycle.status(lab.data_dir) is None
    assert lifecycle.down(lab.data_dir) is False
    for secret in (lab.data_dir / "prefect", lab.data_dir / "stack"):
        assert secret.stat().st_mode & 0o077 == 0
