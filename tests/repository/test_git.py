"""The git runner: what the environment and the repository must not be able to do."""

from __future__ import annotations

import os
import time
from pathlib import Path

import psutil
import pytest

from harness.errors import GitError, TransientError
from harness.repository.git import redact, run_git
from tests.repositories import make_repository


def script(path: Path, marker: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\ntouch {marker}\ncat\n")
    path.chmod(0o755)
    return path


def test_output_is_bytes(tmp_path: Path) -> None:
    root = make_repository(tmp_path / "r", {"a b.py": "x", "né\nw.py": "x"})
    output = run_git(["ls-files", "-z"], root, 30)
    assert output.stdout == "a b.py\0né\nw.py\0".encode()


def test_failure_is_one_line_with_the_reason(tmp_path: Path) -> None:
    root = make_repository(tmp_path / "r", {"a.py": "x"})
    with pytest.raises(GitError, match="unknown revision") as caught:
        run_git(["log", "nothing-like-this"], root, 30)
    assert "\n" not in str(caught.value)


def test_check_off_returns_the_exit_code(tmp_path: Path) -> None:
    output = run_git(["rev-parse", "--git-dir"], tmp_path, 30, check=False)
    assert output.returncode == 128
    assert output.reason().startswith("not a git repository")


def test_git_missing_is_said_clearly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GitError, match="install git"):
        run_git(["version"], tmp_path, 30)


def test_timeout_kills_the_children_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A stand-in git whose child keeps the pipes open, as a hanging ssh does.
    fake = tmp_path / "bin" / "git"
    fake.parent.mkdir()
    pid_file = tmp_path / "pid"
    fake.write_text(f"#!/bin/sh\nsleep 60 &\necho $! > {pid_file}\nsleep 60\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")
    started = time.monotonic()
    with pytest.raises(TransientError, match="longer than 2 s"):
        run_git(["fetch"], tmp_path, 2)
    assert time.monotonic() - started < 20
    pid = int(pid_file.read_text())
    # Gone, or a zombie until its new parent looks.
    for _ in range(50):
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return
        time.sleep(0.05)
    os.kill(pid, 9)
    pytest.fail("the child was left running")


def test_operands_are_never_options(tmp_path: Path) -> None:
    root = make_repository(tmp_path / "r", {"a.py": "x"})
    marker = tmp_path / "ran"
    evil = f"--upload-pack=touch {marker};"
    with pytest.raises(GitError):
        run_git(["fetch"], root, 30, operands=[evil, "HEAD"], protocols=["file"])
    assert not marker.exists()


def test_hooks_and_file_system_monitor_do_not_run(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    root = make_repository(tmp_path / "r", {"a.py": "x"})
    hook = script(root / ".git/hooks/post-checkout", marker)
    script(root / ".git/hooks/post-index-change", marker)
    run_git(["config", "core.fsmonitor", str(hook)], root, 30)
    run_git(["config", "core.hooksPath", str(hook.parent)], root, 30)
    run_git(["ls-files", "-o", "--exclude-standard"], root, 30)
    run_git(["reset", "--hard", "-q", "HEAD"], root, 30)
    run_git(["checkout", "-q", "-b", "other"], root, 30)
    assert not marker.exists()


def test_variables_of_a_surrounding_git_do_not_redirect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = make_repository(tmp_path / "wanted", {"wanted.py": "x"})
    other = make_repository(tmp_path / "other", {"other.py": "x"})
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / ".git/index"))
    assert run_git(["ls-files"], wanted, 30).stdout == b"wanted.py\n"


def test_settings_of_the_user_in_the_environment_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "http.proxy")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "http://proxy.example")
    root = make_repository(tmp_path / "r", {"a.py": "x"})
    output = run_git(["config", "http.proxy"], root, 30, config={"a.b": "c"})
    assert output.stdout == b"http://proxy.example\n"
    assert run_git(["config", "a.b"], root, 30, config={"a.b": "c"}).stdout == b"c\n"


@pytest.mark.parametrize(
    ("protocols", "works"),
    [pytest.param((), False, id="none by default"), pytest.param(("file",), True, id="asked for")],
)
def test_transports_only_when_asked_for(
    tmp_path: Path, protocols: tuple[str, ...], works: bool
) -> None:
    source = make_repository(tmp_path / "source", {"a.py": "x"})
    root = make_repository(tmp_path / "r", {"a.py": "x"})
    # The repository's own settings must not widen it.
    run_git(["config", "protocol.allow", "always"], root, 30)
    output = run_git(
        ["fetch", "-q"],
        root,
        30,
        operands=[source.as_uri(), "HEAD"],
        protocols=protocols,
        check=False,
    )
    assert (output.returncode == 0) is works


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_repository_of_another_user_is_read(tmp_path: Path) -> None:
    root = make_repository(tmp_path / "r", {"a.py": "x"})
    for path in (root, root / ".git"):
        os.chown(path, 12345, 12345)
    assert run_git(["ls-files"], root, 30).stdout == b"a.py\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("at https://u:pw@h/x.git'", "at https://***@h/x.git'", id="password"),
        pytest.param("https://ghp_secret@h/x", "https://***@h/x", id="token as user"),
        pytest.param("ssh://git@h/x", "ssh://git@h/x", id="user of ssh"),
        pytest.param("git@h:x/y.git", "git@h:x/y.git", id="scp-like"),
        pytest.param("https://h/x?private_token=abc d", "https://h/x?*** d", id="query"),
        pytest.param("see a?b and c@d", "see a?b and c@d", id="no URL"),
    ],
)
def test_redact(text: str, expected: str) -> None:
    assert redact(text) == expected
