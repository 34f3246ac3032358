"""From what a user names to a folder: paths, clones, updates, failures, discovery."""

from __future__ import annotations

import logging
import multiprocessing
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from harness.errors import (
    CredentialError,
    GitError,
    RepositoryNotFoundError,
    ServiceUnavailableError,
    TransientError,
    UsageError,
)
from harness.repository import mirrors
from harness.repository.checkout import Checkout, discover, resolve_source
from harness.repository.git import run_git
from harness.repository.sources import clone_folder, source_of
from harness.repository.walk import walk
from tests.fakes.git_server import GitServer, http_server
from tests.repositories import commit_all, make_repository


def resolve(
    source: str | Path, data_dir: Path, timeout_seconds: float = 60, ref: str = ""
) -> Checkout:
    into = data_dir.parent / "checkout"
    return resolve_source(
        str(source), into=into, data_dir=data_dir, timeout_seconds=timeout_seconds, ref=ref
    )


def resolve_into(source: str, data_dir: Path, into: Path) -> None:
    resolve_source(source, into=into, data_dir=data_dir, timeout_seconds=60)


def mirror_of(data_dir: Path) -> Path:
    (mirror,) = (data_dir / "mirrors").glob("*.git")
    return mirror


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "source", {"a.py": "a\n", "old.py": "o\n"})


class TestPaths:
    def test_folder(self, source: Path, data: Path) -> None:
        assert resolve(source, data) == Checkout("source", source, None)
        assert not data.exists()

    def test_relative_path_and_link(
        self, source: Path, data: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(source)
        assert resolve(".", data) == Checkout("source", source, None)
        (source.parent / "link").symlink_to(source)
        assert resolve("../link", data).root == source

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            pytest.param("missing", "does not exist; give an existing folder", id="missing"),
            pytest.param("source/a.py", "not a folder; give the folder", id="file"),
            pytest.param("", "empty or malformed", id="empty"),
            pytest.param("a\0b", "empty or malformed", id="NUL"),
            pytest.param("x" * 5_000, "cannot be opened", id="too long"),
        ],
    )
    def test_no_folder(
        self,
        source: Path,
        data: Path,
        text: str,
        message: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.chdir(source.parent)
        with pytest.raises(RepositoryNotFoundError, match=message) as caught:
            resolve(text, data)
        assert "\n" not in str(caught.value)

    def test_bare_repository(self, tmp_path: Path, data: Path) -> None:
        run_git(["init", "-q", "--bare", "x.git"], tmp_path, 30)
        with pytest.raises(UsageError, match=r"bare repository .* harness index file:///"):
            resolve(tmp_path / "x.git", data)

    def test_git_folder(self, source: Path, data: Path) -> None:
        with pytest.raises(UsageError, match="folder above"):
            resolve(source / ".git", data)


class TestClones:
    def test_clone_is_shallow_and_whole(self, source: Path, data: Path) -> None:
        (source / "b.py").write_text("b\n")
        commit_all(source)
        found = resolve(source.as_uri(), data)
        assert (found.name, found.url) == ("source", source.as_uri())
        assert found.root == data.parent / "checkout"
        assert found.commit == run_git(["rev-parse", "HEAD"], source, 30).stdout.decode().strip()
        listing = walk(found.root, max_file_bytes=1000)
        assert [file.path for file in listing.files] == ["a.py", "b.py", "old.py"]
        assert run_git(["rev-list", "--count", "HEAD"], found.root, 30).stdout == b"1\n"

    def test_update_follows_history_that_was_rewritten(self, source: Path, data: Path) -> None:
        found = resolve(source.as_uri(), data)
        (found.root / "stray.py").write_text("left by a killed run")
        (mirror_of(data) / "shallow.lock").touch()  # by a killed fetch
        (source / "old.py").unlink()
        (source / "a.py").write_text("changed\n")
        commit_all(source)
        run_git(["checkout", "-q", "--orphan", "new"], source, 30)
        commit_all(source)
        again = resolve(source.as_uri(), data)
        assert again.root == found.root
        assert sorted(path.name for path in again.root.iterdir()) == [".git", "a.py"]
        assert (again.root / "a.py").read_text() == "changed\n"
        head = run_git(["rev-parse", "HEAD"], source, 30).stdout
        assert run_git(["rev-parse", "HEAD"], again.root, 30).stdout == head

    def test_bare_source_and_name(self, source: Path, tmp_path: Path, data: Path) -> None:
        bare = tmp_path / "Group" / "My Lib.git"
        bare.parent.mkdir()
        args = ["clone", "-q", "--bare"]
        run_git(args, tmp_path, 30, operands=[str(source), str(bare)], protocols=["file"])
        found = resolve(f"file://{bare}/", data)
        assert found.name == "My Lib"
        assert (found.root / "a.py").is_file()

    def test_source_without_commits(self, tmp_path: Path, data: Path) -> None:
        run_git(["init", "-q", "empty"], tmp_path, 30)
        found = resolve((tmp_path / "empty").as_uri(), data)
        assert walk(found.root, max_file_bytes=10).files == ()
        (tmp_path / "empty/a.py").write_text("a")
        commit_all(tmp_path / "empty")
        assert (resolve((tmp_path / "empty").as_uri(), data).root / "a.py").is_file()

    def test_a_server_that_lost_its_branches_empties_nothing(
        self, source: Path, data: Path
    ) -> None:
        indexed = resolve(source.as_uri(), data).commit
        run_git(["symbolic-ref", "HEAD", "refs/heads/gone"], source, 30)
        with pytest.raises(RepositoryNotFoundError, match="the default is not among them"):
            resolve(source.as_uri(), data)
        assert resolve(source.as_uri(), data, ref="main").commit == indexed
        run_git(["update-ref", "-d", "refs/heads/main"], source, 30)
        assert resolve(source.as_uri(), data).commit == ""
        with pytest.raises(RepositoryNotFoundError, match=f"any more, and {indexed[:9]} was"):
            resolve_source(
                source.as_uri(), into=data.parent / "checkout", data_dir=data, timeout_seconds=60,
                indexed=indexed,
            )  # fmt: skip

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
    def test_source_of_another_user(self, source: Path, data: Path) -> None:
        for path in (source, source / ".git"):
            os.chown(path, 12345, 12345)
        assert (resolve(source.as_uri(), data).root / "a.py").is_file()

    def test_no_hooks_and_no_submodules(self, source: Path, tmp_path: Path, data: Path) -> None:
        marker = tmp_path / "ran"
        library = make_repository(tmp_path / "library", {"lib.py": "l"})
        args = ["submodule", "add", "-q"]
        run_git(args, source, 30, operands=[str(library), "sub"], protocols=["file"])
        commit_all(source)
        found = resolve(source.as_uri(), data)
        for name in ("post-checkout", "reference-transaction", "post-index-change"):
            hook = mirror_of(data) / "hooks" / name
            hook.parent.mkdir(exist_ok=True)
            hook.write_text(f"#!/bin/sh\ntouch {marker}\n")
            hook.chmod(0o755)
        (source / "a.py").write_text("again\n")
        commit_all(source)
        resolve(source.as_uri(), data)
        assert not marker.exists()
        assert not (found.root / "sub/lib.py").exists()

    def test_lfs_filters_of_the_user_do_not_run(
        self, source: Path, tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        marker = tmp_path / "ran"
        (source / ".gitattributes").write_text("*.dat filter=lfs\n")
        (source / "x.dat").write_text("pointer\n")
        commit_all(source)
        settings = tmp_path / "gitconfig"
        settings.write_text(
            f'[filter "lfs"]\n smudge = touch {marker}; cat\n clean = touch {marker}; cat\n'
            f" process = touch {marker}\n required = true\n"
        )
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
        found = resolve(source.as_uri(), data)
        assert (found.root / "x.dat").read_text() == "pointer\n"
        assert not marker.exists()

    def test_damaged_mirror_is_made_anew(self, source: Path, data: Path) -> None:
        found = resolve(source.as_uri(), data)
        (mirror_of(data) / "HEAD").write_text("nonsense")
        assert resolve(source.as_uri(), data) == found
        assert (found.root / "a.py").is_file()
        assert len(list((data / "mirrors").iterdir())) == 2  # the mirror and its lock

    def test_a_mirror_of_which_a_part_is_gone_is_made_anew(self, source: Path, data: Path) -> None:
        """Somebody cleaned up the cache by age: what commits share went with the older one."""
        resolve(source.as_uri(), data)
        (old,) = mirror_of(data).glob("objects/pack/*.pack")
        (source / "new.py").write_text("new\n")
        commit_all(source)
        resolve(source.as_uri(), data)
        old.unlink()
        found = resolve(source.as_uri(), data)
        assert (found.root / "a.py").is_file() and (found.root / "new.py").is_file()

        (mirror_of(data) / "shallow").write_text("nonsense\n")
        (source / "newer.py").write_text("newer\n")
        commit_all(source)
        assert (resolve(source.as_uri(), data).root / "newer.py").is_file()

    def test_unreachable_leaves_nothing_behind(self, tmp_path: Path, data: Path) -> None:
        with pytest.raises(RepositoryNotFoundError, match=r"cannot fetch file:///.*check the addr"):
            resolve((tmp_path / "nothing.git").as_uri(), data)
        assert [path.suffix for path in (data / "mirrors").iterdir()] == [".lock"]

    def test_unreachable_keeps_the_mirror(self, source: Path, data: Path) -> None:
        commit = resolve(source.as_uri(), data).commit
        source.rename(source.parent / "gone")
        with pytest.raises(RepositoryNotFoundError, match="cannot fetch file:") as caught:
            resolve(source.as_uri(), data)
        assert "\n" not in str(caught.value)
        found = resolve(source.as_uri(), data, ref=commit)
        assert (found.root / "a.py").read_text() == "a\n"

    def test_leftovers_of_a_killed_fetch_are_removed(self, source: Path, data: Path) -> None:
        resolve(source.as_uri(), data)
        leftover = mirror_of(data).with_name(f"{mirror_of(data).name}.tmp-dead")
        leftover.mkdir()
        resolve(source.as_uri(), data)
        assert not leftover.exists()

    def test_a_branch_a_tag_and_a_commit(self, source: Path, data: Path) -> None:
        first = resolve(source.as_uri(), data).commit
        run_git(["tag", "v1"], source, 30)
        run_git(["checkout", "-qb", "next"], source, 30)
        (source / "a.py").write_text("next\n")
        commit_all(source)
        run_git(["checkout", "-q", "main"], source, 30)
        for ref, text in (("next", "next\n"), ("v1", "a\n"), (first, "a\n"), ("", "a\n")):
            found = resolve(source.as_uri(), data, ref=ref)
            assert (found.root / "a.py").read_text() == text
        shutil.rmtree(data)
        assert resolve(source.as_uri(), data, ref=first).commit == first
        with pytest.raises(RepositoryNotFoundError, match="no branch or tag"):
            resolve(source.as_uri(), data, ref="other")
        with pytest.raises(RepositoryNotFoundError, match="has no commit"):
            resolve(source.as_uri(), data, ref="0" * 40)

    def test_a_checkout_outlives_the_mirror(self, source: Path, data: Path) -> None:
        found = resolve(source.as_uri(), data)
        shutil.rmtree(data)
        assert run_git(["cat-file", "-p", "HEAD:a.py"], found.root, 30).stdout == b"a\n"
        assert run_git(["fsck", "--strict"], found.root, 60).returncode == 0

    def test_a_mirror_of_many_packs_is_made_anew(
        self, source: Path, data: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(mirrors, "_MOST_PACKS", 2)
        for number in range(5):
            (source / "a.py").write_text(f"{number}\n")
            commit_all(source)
            found = resolve(source.as_uri(), data)
            assert (found.root / "a.py").read_text() == f"{number}\n"
            assert len(list(mirror_of(data).glob("objects/pack/*.pack"))) <= 2

    def test_an_unchanged_branch_is_not_fetched_again(self, source: Path, data: Path) -> None:
        resolve(source.as_uri(), data)
        before = sorted(mirror_of(data).rglob("*"))
        resolve(source.as_uri(), data)
        assert sorted(mirror_of(data).rglob("*")) == before

    def test_a_clone_of_former_versions_is_removed(self, source: Path, data: Path) -> None:
        clone = data / "checkouts" / clone_folder(source_of(source.as_uri()))
        clone.mkdir(parents=True)
        resolve(source.as_uri(), data)
        assert not clone.exists()

    def test_work_folders_are_removed_also_after_a_kill(self, source: Path, data: Path) -> None:
        code = (
            "import sys, time; from pathlib import Path\n"
            "from harness.repository.mirrors import work_folder\n"
            "with work_folder(sys.argv[1], Path(sys.argv[2])) as folder:\n"
            "    (folder / 'x').touch(); print(folder, flush=True); time.sleep(60)\n"
        )
        command = [sys.executable, "-c", code, source.as_uri(), str(data)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            killed = Path(process.stdout.readline().strip())
            with mirrors.work_folder(source.as_uri(), data) as own:
                assert own is not None and own != killed
                assert killed.exists(), "somebody is at work in it"
                process.kill()
                process.wait()
            with mirrors.work_folder(source.as_uri(), data) as other:
                assert not killed.exists() and other is not None
                assert other.stat().st_mode & 0o777 == 0o700
        assert list((data / "checked-out").iterdir()) == []
        with mirrors.work_folder(str(source), data) as none:
            assert none is None

    def test_waits_for_another_process(self, source: Path, data: Path) -> None:
        resolve(source.as_uri(), data)
        with (
            FileLock(f"{mirror_of(data)}.lock"),
            pytest.raises(TransientError, match="another process"),
        ):
            resolve(source.as_uri(), data, timeout_seconds=0.2)

    def test_two_processes_at_once(self, source: Path, data: Path) -> None:
        context = multiprocessing.get_context("spawn")
        children = [
            context.Process(target=resolve_into, args=(source.as_uri(), data, data / f"own-{n}"))
            for n in range(2)
        ]
        for child in children:
            child.start()
        for child in children:
            child.join(60)
        assert [child.exitcode for child in children] == [0, 0]
        assert [(data / f"own-{n}/a.py").read_text() for n in range(2)] == ["a\n", "a\n"]

    def test_git_missing(self, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", "/nonexistent")
        with pytest.raises(GitError, match="install git"):
            resolve("https://127.0.0.1:1/x.git", data)


class TestCredentials:
    @pytest.fixture
    def server(self, tmp_path: Path) -> Iterator[GitServer]:
        with http_server(tmp_path, "hunter2hunter2") as server:
            yield server

    def test_are_sent_but_never_shown_or_kept(
        self, server: GitServer, data: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        url = server.url.replace("//", "//alice:hunter2hunter2@") + "/team/x.git"
        with pytest.raises(RepositoryNotFoundError, match="not found") as caught:
            resolve(url, data)
        assert server.logins[0] == "alice:hunter2hunter2"
        assert f"{server.url}/team/x.git" in str(caught.value)
        assert "hunter2" not in str(caught.value) + caplog.text
        assert "alice" not in str(caught.value) + caplog.text

    def test_without_any_does_not_wait_for_a_terminal(self, server: GitServer, data: Path) -> None:
        with pytest.raises(CredentialError, match="asks for a credential"):
            resolve(f"{server.url}/x.git", data, timeout_seconds=20)

    def test_clone_over_http_keeps_none(self, server: GitServer, source: Path, data: Path) -> None:
        url = server.url.replace("//", "//alice:hunter2hunter2@") + "/source/.git"
        found = resolve(url, data)
        assert found.name == "source"
        assert found.url == f"{server.url}/source/.git"
        assert (found.root / "a.py").is_file()
        (source / "a.py").write_text("changed\n")
        commit_all(source)
        assert resolve(url, data).root == found.root
        assert (found.root / "a.py").read_text() == "changed\n"
        for folder in (data, found.root):
            for path in folder.rglob("*"):
                assert path.is_dir() or b"hunter2" not in path.read_bytes()

    def test_are_not_in_the_arguments(
        self, tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        wrapper, log = tmp_path / "bin/git", tmp_path / "log"
        wrapper.parent.mkdir()
        wrapper.write_text(f'#!/bin/sh\necho "$@" >> {log}\nexec {shutil.which("git")} "$@"\n')
        wrapper.chmod(0o755)
        monkeypatch.setenv("PATH", f"{wrapper.parent}:{os.environ['PATH']}")
        with pytest.raises(ServiceUnavailableError):
            resolve("http://alice:hunter2hunter2@127.0.0.1:1/x.git", data)
        assert "http://127.0.0.1:1/x.git" in log.read_text()
        assert "hunter2" not in log.read_text()

    def test_nobody_listens(self, data: Path) -> None:
        with pytest.raises(ServiceUnavailableError, match="check the address") as caught:
            resolve("https://token-1234@127.0.0.1:1/x.git", data)
        assert "token-1234" not in str(caught.value)
        assert "\n" not in str(caught.value)

    def test_malformed_url_is_not_echoed(self, data: Path) -> None:
        with pytest.raises(RepositoryNotFoundError) as caught:
            resolve("https://u:secret123@[::1/x.git", data)
        assert "secret123" not in str(caught.value)


class TestDiscover:
    def test_finds_repositories_at_any_depth(self, tmp_path: Path) -> None:
        for name in ("b", "a/deep/er", "b/nested", "node_modules/x", "a/.git-like"):
            (tmp_path / name).mkdir(parents=True)
        for name in ("b", "a/deep/er", "b/nested", "node_modules/x"):
            (tmp_path / name / ".git").mkdir()
        (tmp_path / "worktree").mkdir()
        (tmp_path / "worktree/.git").write_text("gitdir: elsewhere")
        (tmp_path / "link").symlink_to(tmp_path / "b")
        (tmp_path / "a/loop").symlink_to(tmp_path)
        found = [path.relative_to(tmp_path).as_posix() for path in discover(tmp_path)]
        assert found == ["a/deep/er", "b", "worktree"]

    def test_root_that_is_a_repository(self, source: Path) -> None:
        assert discover(source) == [source]

    def test_without_repositories_every_folder_counts(self, tmp_path: Path) -> None:
        for name in ("b", "a/x", ".hidden"):
            (tmp_path / name).mkdir(parents=True)
        (tmp_path / "file.py").touch()
        assert discover(tmp_path) == [tmp_path / "a", tmp_path / "b"]

    def test_empty(self, tmp_path: Path) -> None:
        assert discover(tmp_path) == []

    def test_missing(self, tmp_path: Path) -> None:
        with pytest.raises(RepositoryNotFoundError, match="not a folder"):
            discover(tmp_path / "missing")
