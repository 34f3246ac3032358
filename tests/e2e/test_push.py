"""A real `git push` to a bare repository whose hook, the documented one, posts a signed event: the
new commit can be searched. On the real local server, worker and receiver."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.engines import Engines
from harness.models.static.embedder import StaticEmbedder
from harness.repository.git import run_git
from harness.search import retrieval
from harness.stack import lifecycle, runs
from harness.stack.options import StackOptions
from harness.stack.ports import free_port
from harness.store.edge import EdgeStore
from tests.e2e.times import zone_at_noon
from tests.repositories import commit_all, make_repository

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

ROOT = Path(__file__).resolve().parent.parent.parent
SECRET = "shared-with-the-hook"


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name in ("OLLAMA_HOST", "QDRANT_HOST", "QDRANT_URL", "PREFECT_API_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HARNESS_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("HARNESS_WEBHOOK_SECRET", SECRET)
    monkeypatch.setenv("HARNESS_TIMEZONE", zone_at_noon())
    yield tmp_path / "data"
    lifecycle.down(tmp_path / "data")


@pytest.fixture
def receiver(data_dir: Path) -> Iterator[str]:
    """Address of `harness webhook`, started before there is a Prefect server."""
    command = [sys.executable, "-m", "harness", "webhook", "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ.copy()) as process:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, b"}\n")
        yield json.loads(b"".join(lines) + b"}")["url"]
        process.terminate()
        process.wait(timeout=15)


def served_repository(folder: Path, receiver: str) -> tuple[Path, Path]:
    """A bare repository with the hook of docs/webhook.md, and a working copy that pushes there."""
    work = make_repository(folder / "work", {"routes.py": "def register_route(rule):\n    pass\n"})
    bare = folder / "served.git"
    run_git(["clone", "-q", "--bare"], folder, 30, operands=[str(work), str(bare)],
            protocols=("file",))  # fmt: skip
    page = (ROOT / "docs" / "webhook.md").read_text()
    match = re.search(r"```sh\n(.*?)```", page, re.DOTALL)
    assert match is not None
    hook = bare / "hooks" / "post-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(match[1].replace("http://127.0.0.1:8080", receiver))
    hook.chmod(0o755)
    return work, bare


def push(work: Path, bare: Path) -> str:
    # Not run_git, which runs no hooks. What the hook prints comes back with the push.
    done = subprocess.run(
        ["git", "push", str(bare), "main"], cwd=work, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.mark.skipif(
    not (shutil.which("curl") and shutil.which("openssl")), reason="the hook needs curl, openssl"
)
def test_what_is_pushed_can_be_searched(tmp_path: Path, data_dir: Path, receiver: str) -> None:
    work, bare = served_repository(tmp_path, receiver)
    lifecycle.up(data_dir, StackOptions(free_port(), 300, serve=False))
    api = lifecycle.connect(data_dir)
    first = runs.start_run(
        api, "index-repository/index-repository", {"source": f"file://{bare}", "name": "app"}
    )
    assert runs.follow(api, first.id, timeout_seconds=240).state_type == "COMPLETED"

    for number in range(3):  # in quick succession
        (work / "cookies.py").write_text(f"def sign_session_cookie_{number}(value):\n    pass\n")
        commit_all(work, f"cookies {number}")
        # Kept, when Prefect's database is busy for more than a second.
        assert re.search('"status":"(accepted|queued|kept)"', push(work, bare))

    head = run_git(["rev-parse", "HEAD"], work, 30).stdout.decode().strip()
    with Engines(StaticEmbedder(), EdgeStore(data_dir / "index", 20.0), data_dir) as engines:
        deadline = time.monotonic() + 200
        while engines.store.repositories()[0].commit != head:
            assert time.monotonic() < deadline, "the last commit was not indexed"
            time.sleep(0.5)
        hits = retrieval.search("sign_session_cookie_2", engines, repo="app", limit=3)
    assert hits[0].path == "cookies.py"
    assert "sign_session_cookie_2" in hits[0].text
    with urllib.request.urlopen(f"{receiver}/healthz", timeout=10) as page:
        assert json.load(page)["pending"] == 0
