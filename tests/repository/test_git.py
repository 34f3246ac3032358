"""The git runner: what the environment and the repository must not be able to do."""

from __future__ import annotations

import os
import time
from pathlib import Path

import psutil
import pytest

from harness.errors import GitError, TransientError
from harness.repository.git import SEALED, USER, Trust, run_git
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


both = pytest.mark.parametrize(
    "trust", [pytest.param(USER, id="user"), pytest.param(SEALED, id="sealed")]
)


@both
def test_neither_profile_runs_what_a_repository_names(tmp_path: Path, trust: Trust) -> None:
    marker = tmp_path / "ran"
    root = make_repository(tmp_path / "r", {"a.py": "x"})
    hook = script(root / ".git/hooks/post-index-change", marker)
    script(root / ".git/hooks/reference-transaction", marker)
    for key in ("core.fsmonitor", "core.hooksPath", "core.pager", "core.alternateRefsCommand"):
        value = hook.parent if key == "core.hooksPath" else hook
        run_git(["config", key, str(value)], root, 30)
    run_git(["ls-files", "-o", "--exclude-standard"], root, 30, trust=trust)
    run_git(["add", "-A"], root, 30, trust=trust)
    run_git(["update-ref", "refs/heads/other", "HEAD"], root, 30, trust=trust)
    run_git(["log", "-1"], root, 30, trust=trust)
    assert not marker.exists()


def test_no_setting_of_a_repository_counts_that_could_start_something(tmp_path: Path) -> None:
    root = make_repository(tmp_path / "r", {"a.py": "x"})
    for_all = [
        *("core.hookspath", "core.fsmonitor", "gc.auto", "maintenance.auto"),
        *("protocol.ext.allow", "submodule.recurse"),
    ]
    sealed = [
        *("core.untrackedcache", "core.attributesfile", "core.excludesfile", "core.sshcommand"),
        *("core.alternaterefscommand", "core.pager", "diff.external", "diff.ignoresubmodules"),
        *("protocol.allow", "protocol.file.allow", "credential.helper", "commit.gpgsign"),
    ]
    with (root / ".git" / "config").open("a") as file:
        for key in (*for_all, *sealed):
            section, _, name = key.rpartition(".")
            first, _, rest = section.partition(".")
            file.write(f'[{first} "{rest}"]\n' if rest else f"[{first}]\n")
            file.write(f"\t{name} = planted\n")
    for trust, keys in ((USER, for_all), (SEALED, [*for_all, *sealed])):
        rows = run_git(["config", "--list", "-z"], root, 30, trust=trust).stdout.split(b"\0")
        last = dict(row.decode().split("\n", 1) for row in rows if b"\n" in row)
        assert [key for key in keys if last[key] == "planted"] == []


@both
@pytest.mark.parametrize(
    "variable", ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_CONFIG_PARAMETERS"]
)
def test_neither_profile_is_redirected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trust: Trust, variable: str
) -> None:
    root = make_repository(tmp_path / "r", {"a.py": "x"})
    other = make_repository(tmp_path / "other", {"b.py": "x"})
    values = {
        "GIT_DIR": other / ".git",
        "GIT_WORK_TREE": other,
        "GIT_INDEX_FILE": other / ".git/index",
        "GIT_CONFIG_PARAMETERS": f"'core.worktree'='{other}'",
    }
    monkeypatch.setenv(variable, str(values[variable]))
    output = run_git(["ls-files", "--cached", "--others"], root, 30, trust=trust)
    assert output.stdout == b"a.py\n"


@pytest.mark.parametrize(
    ("trust", "seen"),
    [pytest.param(USER, True, id="user"), pytest.param(SEALED, False, id="sealed")],
)
@pytest.mark.parametrize("scope", ["file", "environment"])
def test_whose_configuration_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trust: Trust, seen: bool, scope: str
) -> None:
    root = make_repository(tmp_path / "r", {"a.py": "x"})
    if scope == "file":
        (tmp_path / ".gitconfig").write_text("[http]\n\tproxy = http://proxy.example\n")
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.delenv("GIT_CONFIG_GLOBAL", raising=False)
        monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    else:
        monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
        monkeypatch.setenv("GIT_CONFIG_KEY_0", "http.proxy")
        monkeypatch.setenv("GIT_CONFIG_VALUE_0", "http://proxy.example")
    output = run_git(["config", "http.proxy"], root, 30, trust=trust, check=False)
    assert (output.stdout == b"http://proxy.example\n") is seen


@both
def test_a_profile_sees_programs_and_no_keys_unless_they_are_the_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trust: Trust
) -> None:
    monkeypatch.setenv("QDRANT_API_KEY", "a key of this process")
    root = make_repository(tmp_path / "r", {"a.py": "x"})
    output = run_git(["-c", "alias.show-it=!env", "show-it"], root, 30, trust=trust)
    names = {line.partition(b"=")[0].decode() for line in output.stdout.splitlines()}
    assert ("QDRANT_API_KEY" in names) is trust.inherits_environment
    assert {"PATH", "HOME", "GIT_ALLOW_PROTOCOL", "GIT_NO_LAZY_FETCH"} <= names


def test_a_repository_elsewhere(tmp_path: Path) -> None:
    root = make_repository(tmp_path / "r", {"a.py": "x"})
    files = tmp_path / "files"
    files.mkdir()
    (files / "b.py").write_text("x")
    output = run_git(
        ["ls-files", "--others"], files, 30, trust=SEALED, git_dir=root / ".git", work_tree=files
    )
    assert output.stdout == b"b.py\n"


def test_output_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make_repository(tmp_path / "r", {f"{number}.py": "x" for number in range(50)})
    small = Trust(settings=(), inherits_environment=True, max_output_bytes=100)
    assert run_git(["rev-parse", "HEAD"], root, 30, trust=small).stdout
    with pytest.raises(GitError, match=r"wrote more than 0\.0001 MB"):
        run_git(["ls-files"], root, 30, trust=small)


def test_much_input_and_output_at_once(tmp_path: Path) -> None:
    """More than pipes hold, both ways."""
    root = make_repository(tmp_path / "r", {"a.py": "x"})
    names = b"".join(b"some/folder/file-%d.py\0" % number for number in range(50_000))
    output = run_git(["check-attr", "-z", "--stdin", "filter"], root, 60, stdin=names)
    assert output.stdout.count(b"\0") == 150_000


def test_a_command_that_reads_no_input(tmp_path: Path) -> None:
    root = make_repository(tmp_path / "r", {"a.py": "x"})
    output = run_git(["ls-files"], root, 30, stdin=b"x" * 10_000_000)
    assert output.stdout == b"a.py\n"


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(GitError, match=r"cannot be started in .*No such file"):
        run_git(["version"], tmp_path / "none", 30)
