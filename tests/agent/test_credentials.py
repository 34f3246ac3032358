"""What a task can read of the stack's credentials where the kernel gives no isolation.

A process with a Job's environment and files carries a task out behind a filter of system calls
that answers as a kernel without Landlock does, and refuses every namespace. The model asks for
everything it can think of. With other letters, because Harness hides the values that it knows
wherever they appear, as they are or in a usual encoding.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from string import ascii_lowercase

import pytest

from tests.agent.conftest import make_repository
from tests.fakes.ollama_models import Turn
from tests.fakes.ollama_server import FakeOllama

KEY, PASSWORD, TOKEN = "qdrant-key-5f2c81", "prefect-word-9d40aa", "git-token-77b1e0"
_OTHER = str.maketrans(ascii_lowercase, ascii_lowercase[1:] + "a")
_ROOT = Path(__file__).resolve().parents[2]
REFUSED, ALLOWED = "Tell me as it is.", "Tell me at any risk."
_TASKS = """
import os, pathlib, sys
from harness.workspace import probe_isolation
from harness.workspace.confined import landlock, seccomp
from harness.workspace.confined.kernel import prctl

prctl(38, 1)  # PR_SET_NO_NEW_PRIVS, as in a restricted pod
calls = ("landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self")
seccomp.install([*((name, 0x00050000 | 38, ()) for name in calls), *seccomp.baseline(None)])
assert landlock.version() == 0 and probe_isolation().level == "none", "not emulated"
root, token, refused, allowed = sys.argv[1:]
(pathlib.Path(root) / "environ").symlink_to("/proc/%d/environ" % os.getpid())
other = r"tr '\\0a-z' '\\nb-za'"
environ = "/proc/%d/environ" % os.getpid()
script = f"{other} < {environ}; echo; {other} < {token}; env | {other}"
(pathlib.Path(root) / "read.sh").write_text(script)

from harness.cli import main

for text, level in ((refused, ""), (allowed, "none")):
    os.environ["HARNESS_COMMAND_ISOLATION"] = level
    os.environ["HARNESS_RESULTS_DIR"] = "results-" + (level or "default")
    sys.argv = ["harness", "task", text, "--repo", root, "--json"]
    try:
        main()
    except SystemExit:
        pass
    print("NEXT", flush=True)
"""


@pytest.fixture
def ollama() -> Iterator[FakeOllama]:
    with FakeOllama() as server:
        yield server


def _credentials(seen: str) -> set[str]:
    """Those in it, as they are, with other letters, or in any of the three ways that base64 has of
    writing a text."""
    found = set()
    for secret in (KEY, PASSWORD, TOKEN):
        forms = {secret, secret.translate(_OTHER)}
        for shift in range(3):
            whole = base64.b64encode(b"\0" * shift + secret.encode()).decode()
            # Characters at either end depend on the neighbours.
            forms.add(whole[4 if shift else 0 : -4])
        if any(form in seen for form in forms):
            found.add(secret)
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="a filter of Linux's system calls")
@pytest.mark.timeout(1200)
def test_without_isolation_a_task_reads_no_credential(ollama: FakeOllama, tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "app", {"app.py": "x = 1\n"})
    token = tmp_path / "credentials" / "team" / "token"
    token.parent.mkdir(parents=True)
    token.write_text(TOKEN)
    # A task ends at the third refusal.
    attack = (
        Turn(tool_calls=(("run", {"command": "sh read.sh"}),)),
        Turn(tool_calls=(("read_file", {"path": "environ"}),)),
        Turn(tool_calls=(("read_file", {"path": str(token)}),)),
    )
    ollama.say(*attack, *attack, Turn("Done."))
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "PYTHONPATH": str(_ROOT),
        "HARNESS_DATA_DIR": str(tmp_path / "data"),
        "HARNESS_CREDENTIALS_DIR": str(tmp_path / "credentials"),
        "OLLAMA_HOST": ollama.url,
        "CHAT_MODEL": "qwen2.5-coder:7b",
        "QDRANT_API_KEY": KEY,
        "PREFECT_API_AUTH_STRING": f"harness:{PASSWORD}",
    }
    done = subprocess.run(
        [sys.executable, "-c", _TASKS, str(repository), str(token), REFUSED, ALLOWED],
        env=environment, cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.count("NEXT") == 2, done.stderr

    def seen(text: str, printed: str, results: str) -> str:
        """Everything that the model, or a reader of the results, gets to see."""
        told = [json.dumps(body) for body in ollama.bodies("/api/chat") if text in json.dumps(body)]
        assert len(told) >= len(attack), f"no task was carried out: {done.stderr}"
        kept = [file.read_text() for file in (tmp_path / results).rglob("*") if file.is_file()]
        return "\n".join([printed, *told, *kept])

    first, second, _ = done.stdout.split("NEXT")
    as_it_is = seen(REFUSED, first, "results-default")
    assert _credentials(as_it_is + done.stderr) == set()
    assert "HARNESS_COMMAND_ISOLATION" in as_it_is, (
        "the model was not told that commands are refused"
    )
    # Why they are, unless somebody says otherwise; and that the attack would have found them.
    assert _credentials(seen(ALLOWED, second, "results-none")) == {KEY, PASSWORD, TOKEN}
