"""Servers killed at random moments, and networks that fail between them."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.stack.ports import free_port
from tests.fakes.ollama_server import FakeOllama
from tests.fakes.prefect_api import FakePrefect
from tests.faults import servers, victims
from tests.faults.children import HANG_SECONDS, call, start
from tests.faults.line import Fault, line_to
from tests.faults.oracle import judge_whole
from tests.faults.rounds import in_places, rounds
from tests.faults.stores import NewIndex
from tests.faults.trees import Tree


class Pushes:
    """Pushes, one after the other, to a receiver that may be killed, and what Prefect does with
    the runs: each reads whatever was pushed before it began.

    ``kept``: by repository, the number of the last push that was answered as kept; ``read``: the
    last push that a run has read.
    """

    def __init__(self, port: int, prefect: FakePrefect) -> None:
        self.kept = dict.fromkeys(servers.REPOSITORIES, 0)
        self.read = dict.fromkeys(servers.REPOSITORIES, 0)
        self._port, self._prefect = port, prefect
        self._sent = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._push, daemon=True)

    def __enter__(self) -> Pushes:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(HANG_SECONDS)
        assert not self._thread.is_alive(), "a push was never answered"

    def _push(self) -> None:
        while not self._ended.is_set():
            self._sent += 1
            name = servers.REPOSITORIES[self._sent % len(servers.REPOSITORIES)]
            code, answer = servers.push(self._port, name, self._sent)
            if code:
                status = json.loads(answer)["status"]
                assert status in {"accepted", "queued", "kept", "not_kept"}, answer
                if status != "not_kept":
                    self.kept[name] = self._sent
            else:
                self._ended.wait(0.01)
            if self._sent % 5 == 0:
                self.carry_out()

    def carry_out(self) -> None:
        """Every run that is scheduled begins and ends."""
        for run in list(self._prefect.runs.values()):
            if run["state_type"] == "SCHEDULED":
                run["state_type"] = "COMPLETED"
                self.read[run["parameters"]["name"]] = self._sent


@pytest.mark.parametrize("kills", rounds(3))
def test_the_webhook(tmp_path: Path, kills: int) -> None:
    """Whatever was answered as kept is read by a run that begins afterwards."""
    chance = random.Random(kills)
    port = free_port()
    with FakePrefect() as prefect:
        with Pushes(port, prefect) as pushes:
            for _ in range(kills):
                with servers.running(servers.webhook, tmp_path, prefect.url, port=port):
                    time.sleep(chance.uniform(0, 0.3))
        with servers.running(servers.webhook, tmp_path, prefect.url, port=port):
            deadline = time.monotonic() + HANG_SECONDS
            while json.loads(servers.get(port, "/healthz")[1])["pending"]:
                assert time.monotonic() < deadline, "pushes are not handed over"
                time.sleep(0.02)
        pushes.carry_out()
        keys = [run["idempotency_key"] for run in prefect.runs.values()]
    assert any(pushes.kept.values()), "nothing was kept"
    assert len(keys) == len(set(keys)), "started twice"
    for name, number in pushes.kept.items():
        assert pushes.read[name] >= number, f"{name}: a push that was kept is lost"


@in_places(edge=2, qdrant=0)
def test_the_service(tmp_path: Path, new_index: NewIndex, kills: int) -> None:
    """It answers rightly after each kill, and leaves the index as it is."""
    chance = random.Random(kills)
    tree = Tree.make(tmp_path / "tree", seed=kills)
    data = new_index(tmp_path / "data")
    call(victims.index, data, tree.root)
    whole = call(victims.look, data)
    port = free_port()
    wrong: list[bytes] = []
    ended = threading.Event()
    right = 0

    def ask() -> None:
        nonlocal right
        while not ended.is_set():
            code, answer = servers.get(port, "/api/v1/search?q=register+route&limit=1")
            if code == 200 and len(json.loads(answer)["results"]) == 1:
                right += 1
            elif code:
                wrong.append(answer)
            else:
                ended.wait(0.01)

    asking = [threading.Thread(target=ask, daemon=True) for _ in range(2)]
    for thread in asking:
        thread.start()
    for _ in range(kills):
        with servers.running(servers.service, data, port=port):
            before, deadline = right, time.monotonic() + HANG_SECONDS
            while right == before:
                assert time.monotonic() < deadline, "it does not answer"
                time.sleep(0.01)
            time.sleep(chance.uniform(0, 0.2))
        judge_whole(call(victims.look, data), whole)
    ended.set()
    for thread in asking:
        thread.join(HANG_SECONDS)
    assert not wrong, wrong[:3]


def _index(data: Path, source: Path, url: str) -> tuple[int, str]:
    """Index over a network that fails: what failed, or the one error."""
    try:
        return call(servers.index_by_ollama, data, source, url)
    except HarnessError as error:
        return -1, str(error)


def _judge_by(data: Path, tree: Tree, url: str, whole: victims.Contents) -> None:
    assert _index(data, tree.root, url) == (0, "")
    judge_whole(call(victims.look, data), whole)


@in_places(edge=1, qdrant=0)
def test_the_model_server(tmp_path: Path, new_index: NewIndex, kills: int) -> None:
    """A run whose model server is killed ends with an error of the tree, and the next one ends the
    work."""
    chance = random.Random(kills)
    tree = Tree.make(tmp_path / "tree", seed=kills)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with servers.running(servers.ollama, port=port):
        assert _index(tmp_path / "fresh", tree.root, url) == (0, "")
    whole = call(victims.look, tmp_path / "fresh")
    for number in range(kills):
        data = new_index(tmp_path / f"data-{number}")
        with servers.running(servers.ollama, port=port):
            child, answer = start(servers.index_by_ollama, data, tree.root, url)
            time.sleep(chance.uniform(0, 0.6))
        assert answer.poll(HANG_SECONDS), "the run hangs"
        kind, found = answer.recv()
        child.join()
        answer.close()
        assert kind in {"value", "error"}, found
        with servers.running(servers.ollama, port=port):
            _judge_by(data, tree, url, whole)


ALL = (Fault.REFUSE, Fault.CUT, Fault.DELAY, Fault.CORRUPT, Fault.SILENCE)


@pytest.mark.parametrize("times", rounds(1))
def test_a_line_to_the_model_server(tmp_path: Path, times: int) -> None:
    """Half of the connections have a fault. What was indexed is right or recorded as failed, and
    the next run ends the work."""
    tree = Tree.make(tmp_path / "tree", seed=times, files=4)
    with FakeOllama() as fake:
        assert _index(tmp_path / "fresh", tree.root, fake.url) == (0, "")
        whole = call(victims.look, tmp_path / "fresh")
        for number in range(times):
            data = tmp_path / f"data-{number}"
            with line_to(fake.port, *ALL, *[Fault.NONE] * len(ALL), seed=number) as line:
                failed, why = _index(data, tree.root, line.url)
            assert not failed or why, "failed without a word"
            _judge_by(data, tree, fake.url, whole)


@pytest.mark.parametrize("times", rounds(3))
@pytest.mark.parametrize("fault", [fault for fault in ALL if fault is not Fault.SILENCE])
def test_a_line_to_prefect(tmp_path: Path, fault: Fault, times: int) -> None:
    """Whatever comes over it, an answer or an error of the tree."""
    from harness.stack.api import PrefectApi

    with FakePrefect() as prefect, line_to(_port(prefect.url), fault) as line:
        api = PrefectApi(f"{line.url}/api", timeout_seconds=2, read_attempts=1)
        calls: list[Callable[[], object]] = [
            api.is_healthy,
            lambda: api.request("GET", "/deployments/name/agent-task/agent-task"),
            lambda: api.request("POST", "/flows/filter", {"limit": 1}),
        ]
        for _ in range(times):
            for ask in calls:
                try:
                    ask()
                except HarnessError:
                    continue
    assert line.drawn


def _port(url: str) -> int:
    return int(url.rpartition(":")[2].partition("/")[0])
