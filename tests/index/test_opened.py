"""A repository to work on, and its patch as a branch on its server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import (
    CredentialError,
    PatchConflictError,
    PolicyError,
    RepositoryNotFoundError,
    UsageError,
)
from harness.index.opened import Opened, opened_repository
from harness.index.registry import unindexed
from harness.repository.git import run_git
from harness.repository.sources import source_of
from harness.types import RepositoryRecord
from harness.workspace.branches import branch_name, commit_message, push_patch
from tests.fakes.git_server import GitServer, http_server
from tests.repositories import commit_all, make_repository
from tests.repository.credentials_dir import make_credential

SECRET = "planted-4711-token"
PATCH = """diff --git a/a.py b/a.py
--- a/a.py
+++ b/a.py
@@ -1 +1 @@
-a = 1
+a = 2
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    work = make_repository(tmp_path / "work", {"a.py": "a = 1\n"})
    (tmp_path / "served").mkdir()
    bare = [str(work), str(tmp_path / "served/web.git")]
    run_git(["clone", "-q", "--bare"], tmp_path, 30, operands=bare, protocols=("file",))
    make_credential(tmp_path / "credentials", "team", "", password=SECRET)
    with http_server(tmp_path / "served", SECRET) as server:
        make_credential(tmp_path / "credentials", "team", server.url, password=SECRET)
        yield server


def record_of(server: GitServer, commit: str) -> RepositoryRecord:
    url = f"{server.url}/web.git"
    entry = unindexed("web", source_of(url), url)
    return replace(entry, commit=commit, credential="team", collection="c")


def opened(
    what: str, records: list[RepositoryRecord], tmp_path: Path, ref: str | None = None
) -> AbstractContextManager[Opened]:
    return opened_repository(
        what, records, ref=ref, data_dir=tmp_path / "data",
        credentials_dir=tmp_path / "credentials",
    )  # fmt: skip


def rev(folder: Path, ref: str) -> str:
    return run_git(["rev-parse", ref], folder, 30).stdout.decode().strip()


def push_more(tmp_path: Path) -> str:
    work = tmp_path / "work"
    (work / "b.py").write_text("b = 1\n")
    commit_all(work)
    where = [str(tmp_path / "served/web.git"), "main:main"]
    run_git(["push", "-q"], work, 30, operands=where, protocols=("file",))
    return rev(work, "HEAD")


def test_a_url_is_opened_at_the_commit_that_is_indexed(server: GitServer, tmp_path: Path) -> None:
    record = record_of(server, rev(tmp_path / "work", "HEAD"))
    newest = push_more(tmp_path)
    url = f"{server.url}/web.git"
    for what in ("web", url, url.removesuffix(".git")):
        with opened(what, [record], tmp_path) as repository:
            assert sorted(p.name for p in repository.root.iterdir()) == [".git", "a.py"]
            assert (repository.record, repository.ref) == (record, None)
        assert not repository.root.exists()
    with opened("web", [record], tmp_path, "main") as repository:
        assert rev(repository.root, "HEAD") == newest


def test_folders_and_what_is_none(tmp_path: Path) -> None:
    folder = make_repository(tmp_path / "own", {"a.py": "a = 1\n"})
    record = unindexed("own", str(folder), str(folder))
    for what in ("own", str(folder)):
        with opened(what, [record], tmp_path, "HEAD") as repository:
            assert repository == Opened(folder, "HEAD", record, None)
    with (
        pytest.raises(RepositoryNotFoundError, match="indexed are: own"),
        opened("other", [record], tmp_path),
    ):
        pass
    with pytest.raises(UsageError, match="nothing is indexed"), opened("other", [], tmp_path):
        pass
    gone = replace(record, path="/gone", source="/gone")
    with (
        pytest.raises(RepositoryNotFoundError, match="index its new place"),
        opened("own", [gone], tmp_path),
    ):
        pass


def test_a_patch_becomes_a_new_branch_and_no_other(server: GitServer, tmp_path: Path) -> None:
    record = record_of(server, rev(tmp_path / "work", "HEAD"))
    bare = tmp_path / "served/web.git"
    task = f"Set a to two!\n\nThe token is {SECRET}."
    branch = branch_name(task, "0a1b2c3d-4e5f", (SECRET,))
    assert branch == "harness/set-a-to-two-the-token-is-redacted-0a1b2c3d"
    message = commit_message(task, "the flow run quiet-owl")

    def push(patch: str = PATCH) -> str:
        with opened("web", [record], tmp_path) as repository:
            assert repository.remote is not None
            return push_patch(
                patch, repository.root, repository.remote, branch=branch, message=message,
                secrets=(SECRET,),
            )  # fmt: skip

    with pytest.raises(CredentialError, match="is for reading"):
        push()
    (tmp_path / "credentials/team/access").write_text("write\n")
    push_more(tmp_path)  # the branch begins at the indexed commit all the same
    commit = push()
    assert rev(bare, f"refs/heads/{branch}") == commit
    assert rev(bare, f"{commit}^") == record.commit
    assert run_git(["show", f"{commit}:a.py"], bare, 30).stdout == b"a = 2\n"
    said = run_git(["log", "-1", "--format=%an%n%B", commit], bare, 30).stdout.decode()
    assert said.startswith("harness\nSet a to two!\n\nMade by the flow run quiet-owl")
    assert SECRET not in said
    with pytest.raises(PolicyError, match="exists already"):
        push(PATCH.replace("a = 2", "a = 3"))
    assert rev(bare, f"refs/heads/{branch}") == commit
    with pytest.raises(PatchConflictError, match="does not fit"):
        push(PATCH.replace("-a = 1", "-a = 9"))


def test_what_the_server_does_not_take(server: GitServer, tmp_path: Path) -> None:
    (tmp_path / "credentials/team/access").write_text("write\n")
    hook = tmp_path / "served/web.git/hooks/pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    record = record_of(server, rev(tmp_path / "work", "HEAD"))
    with opened("web", [record], tmp_path) as repository:
        assert repository.remote is not None
        for branch, said in (("harness/x-1", "does not take the branch"), ("main", "not pushed")):
            with pytest.raises(PolicyError, match=said):
                push_patch(
                    PATCH, repository.root, repository.remote, branch=branch, message="x",
                    secrets=(),
                )  # fmt: skip
        # A name that some file systems take for git's own folder, and git itself does not.
        other = PATCH.replace("a.py", ".g\u200cit/config")
        with pytest.raises(PatchConflictError, match="may be git's own folder"):
            push_patch(
                other, repository.root, repository.remote, branch="harness/x-2", message="x",
                secrets=(),
            )  # fmt: skip
