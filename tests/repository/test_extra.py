"""Submodules and large files: from the repository's own server or one that its credential names, at
the recorded commit, and from nowhere else."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from itertools import chain, repeat
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.errors import (
    CredentialError,
    GitError,
    HarnessError,
    RepositoryNotFoundError,
    ServiceUnavailableError,
    UsageError,
)
from harness.repository import elsewhere, extent, lfs, submodules
from harness.repository.checkout import Checkout, resolve_source
from harness.repository.elsewhere import Extra, is_loopback, related
from harness.repository.git import run_git
from harness.repository.remotes import open_remote
from harness.repository.submodules import resolved
from harness.repository.walk import walk
from harness.types import SkipReason
from tests.fakes.git_server import GitServer, http_server
from tests.repositories import commit_all, make_repository
from tests.repository.credentials_dir import make_credential

SECRET = "planted-4711-token"
BIG = b"def big() -> int:\n    return 4711\n"
OTHER = b"other\n"


def pointer(content: bytes) -> bytes:
    oid = hashlib.sha256(content).hexdigest()
    return (
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(content)}\n"
    ).encode()


def publish(work: Path, root: Path) -> None:
    """Put what a work tree has committed on the server, under its name."""
    bare = root / f"{work.name}.git"
    shutil.rmtree(bare, ignore_errors=True)
    operands = [str(work), str(bare)]
    run_git(["clone", "-q", "--bare"], work, 30, operands=operands, protocols=("file",))


def link(work: Path, path: str, target: Path, url: str) -> str:
    """Commit a submodule as it is now, without asking its URL; its commit."""
    commit = run_git(["rev-parse", "HEAD"], target, 30).stdout.decode().strip()
    with (work / ".gitmodules").open("a") as file:
        file.write(f'[submodule "{path}"]\n\tpath = {path}\n\turl = {url}\n')
    (work / path).mkdir(parents=True, exist_ok=True)
    commit_all(work)
    run_git(["update-index", "--add", "--cacheinfo", f"160000,{commit},{path}"], work, 30)
    config = {"user.name": "Test", "user.email": "test@example.org"}
    run_git(["commit", "-q", "-m", "link"], work, 30, config=config)
    return commit


@pytest.fixture(scope="module")
def works(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """`app` with the submodule `lib` at a commit that is no longer its newest, and `base` in it."""
    folder = tmp_path_factory.mktemp("works")
    files: dict[str, dict[str, str | bytes]] = {
        "base": {"base.py": "base = 1\n"},
        "lib": {"lib.py": "lib = 1\n", "x.ipynb": pointer(OTHER)},
        "app": {"app.py": "app = 1\n", "big.py": pointer(BIG), "small.txt": "x\n"},
    }
    works = {name: make_repository(folder / name, content) for name, content in files.items()}
    link(works["lib"], "deep/base", works["base"], "../base.git")
    link(works["app"], "vendored lib", works["lib"], "../lib.git")
    (works["lib"] / "lib.py").write_text("lib = 2\n")
    commit_all(works["lib"])
    return works


@pytest.fixture(scope="module")
def server(works: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitServer]:
    root = tmp_path_factory.mktemp("served")
    for work in works.values():
        publish(work, root)
    with http_server(root, SECRET) as server:
        yield server


@pytest.fixture
def large(server: GitServer) -> Iterator[GitServer]:
    server.large = {hashlib.sha256(BIG).hexdigest(): BIG}
    yield server
    server.large, server.large_from, server.large_list, server.large_list_bytes = {}, "", b"", 0
    server.moved = {}


def fetched(
    server: GitServer, tmp_path: Path, name: str = "app", *, submodules: bool = False, lfs: int = 0
) -> Checkout:
    make_credential(tmp_path / "credentials", "team", server.url, password=SECRET)
    into = tmp_path / "files"
    return resolve_source(
        f"{server.url}/{name}.git",
        into=into,
        data_dir=tmp_path / "data",
        timeout_seconds=60,
        credential="team",
        credentials_dir=tmp_path / "credentials",
        submodules=submodules,
        lfs_bytes=lfs,
    )


def contents(checkout: Checkout) -> dict[str, str]:
    listing = walk(checkout.root, max_file_bytes=9_999, pristine=True)
    return {file.path: (checkout.root / file.path).read_text() for file in listing.files}


def refused(caught: pytest.ExceptionInfo[HarnessError], *words: str) -> None:
    message = str(caught.value)
    assert "\n" not in message and SECRET not in message
    for word in words:
        assert word in message


def test_the_files_of_submodules_count_with_the_others(
    server: GitServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extent, "MAX_FILES", 6)
    assert contents(fetched(server, tmp_path))  # five, a link among them
    with pytest.raises(UsageError, match="million files"):
        fetched(server, tmp_path, submodules=True)
    monkeypatch.setattr(extent, "MAX_FILES", 100)
    for limit, says in (("MAX_SUBMODULES", "more than 1 submodules"), ("MAX_BYTES", "GB of files")):
        with monkeypatch.context() as patch, pytest.raises(UsageError, match=says):
            patch.setattr(submodules, limit, 1)
            fetched(server, tmp_path, submodules=True)


def test_a_server_leads_neither_submodules_nor_large_files_elsewhere(
    large: GitServer, tmp_path: Path
) -> None:
    """The repository's address is the user's choice; these are the repository's."""
    (large.root / "moved.git").symlink_to("lib.git")
    large.moved = {"/lib.git": "/moved.git"}
    with pytest.raises(HarnessError, match="submodule vendored lib cannot be had"):
        fetched(large, tmp_path, submodules=True)
    assert not [path for path in large.requests if path.startswith("/moved.git")]
    large.moved = {"/large/": f"{large.url}/elsewhere/large/"}
    asked = len(large.requests)
    with pytest.raises(GitError, match="answers 302 for the large files"):
        fetched(large, tmp_path, lfs=9_999)
    assert not [path for path in large.requests[asked:] if "elsewhere" in path]


def test_a_login_for_large_files_is_for_the_server_that_asked(
    large: GitServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(elsewhere, "is_loopback", lambda host: False)
    other = large.large_from = large.url.replace("127.0.0.1", "localhost")
    fetched(large, tmp_path)
    credentials = tmp_path / "others"
    make_credential(credentials, "team", f"{large.url}\n{other}", password=SECRET)
    remote = open_remote(f"{large.url}/app.git", timeout_seconds=60, credential="team",
                         credentials_dir=credentials)  # fmt: skip
    before = len(large.logins)
    with pytest.raises(CredentialError, match="refuses the large files"):
        lfs.replace_pointers(remote, tmp_path / "files", tmp_path / "cache",
                             Extra(lfs_bytes=9_999, credentials_dir=credentials))  # fmt: skip
    assert len(large.logins) == before + 1, "the list's"


def test_submodules_are_files_at_their_recorded_commits(
    server: GitServer, works: dict[str, Path], tmp_path: Path
) -> None:
    plain = fetched(server, tmp_path)
    listing = walk(plain.root, max_file_bytes=9_999, pristine=True)
    assert [(s.path, s.reason) for s in listing.skipped if s.reason is SkipReason.SUBMODULE] == [
        ("vendored lib/", SkipReason.SUBMODULE)
    ]
    whole = fetched(server, tmp_path, submodules=True)
    found = contents(whole)
    assert found["vendored lib/lib.py"] == "lib = 1\n"
    assert found["vendored lib/deep/base/base.py"] == "base = 1\n"
    assert found["app.py"] == "app = 1\n"
    listing = walk(whole.root, max_file_bytes=9_999, pristine=True)
    assert listing.commit == whole.commit == plain.commit
    assert SkipReason.SUBMODULE not in {skipped.reason for skipped in listing.skipped}
    assert all(file.content_id for file in listing.files)
    # The mirrors have everything now: whether this repository may read it, the server is asked.
    asked = len(server.requests)
    fetched(server, tmp_path, submodules=True)
    paths = " ".join(server.requests[asked:])
    assert "/lib.git/info/refs" in paths and "/base.git/info/refs" in paths


@pytest.mark.parametrize(
    ("url", "words"),
    [
        pytest.param("file:///etc", "is no plain address", id="file"),
        pytest.param("/etc", "is no plain address", id="path"),
        pytest.param("ext::sh -c touch% x", "is no plain address", id="ext"),
        pytest.param("http://me:pw@127.0.0.1/x.git", "is no plain address", id="password"),
        pytest.param("http://127.0.0.1:1/x.git", "leads to this machine", id="other-port"),
        pytest.param("http://localhost:8080/lib.git", "leads to this machine", id="localhost"),
        pytest.param("http://[::ffff:127.0.0.1]/x", "leads to this machine", id="mapped"),
        pytest.param("http://0x7f.1/x.git", "leads to this machine", id="hexadecimal"),
        pytest.param("http://169.254.169.254/x.git", "leads to another server", id="metadata"),
        pytest.param("https://other.example/x.git", "leads to another server", id="other-host"),
        pytest.param("git@127.0.0.1:x.git", "leads to this machine", id="ssh"),
    ],
)
def test_an_address_that_leads_elsewhere_is_refused(tmp_path: Path, url: str, words: str) -> None:
    make_credential(tmp_path, "team", "http://127.0.0.1:8080\ngit.example.org", password=SECRET)
    own = "http://127.0.0.1:8080/app.git"
    app = open_remote(own, timeout_seconds=1, credential="team", credentials_dir=tmp_path)
    with pytest.raises(CredentialError) as caught:
        related(app, url, "the submodule sub", tmp_path)
    refused(caught, own, "the submodule sub", words)
    assert "pw" not in str(caught.value)
    with pytest.raises(CredentialError):
        related(open_remote("file:///srv/app.git", timeout_seconds=1), "file:///srv/lib.git", "x",
                tmp_path)  # fmt: skip


def test_an_address_on_the_same_server_or_one_of_the_credentials(tmp_path: Path) -> None:
    make_credential(tmp_path, "team", "http://127.0.0.1:8080\ngit.example.org", password=SECRET)
    own = "http://127.0.0.1:8080/app.git"
    app = open_remote(own, timeout_seconds=1, credential="team", credentials_dir=tmp_path)
    assert related(app, "http://127.0.0.1:8080/x.git", "x", tmp_path).access is app.access
    other = related(app, "https://git.example.org/x.git", "x", tmp_path)
    assert (other.access.place.host, other.access.credential) == ("git.example.org", "team")
    own_means = open_remote("https://git.example.org/app.git", timeout_seconds=1)
    with pytest.raises(CredentialError, match="--credential"):
        related(own_means, "https://other.example/x.git", "x", None)


def test_a_submodule_that_leads_elsewhere_ends_the_checkout(
    server: GitServer, works: dict[str, Path], tmp_path: Path
) -> None:
    work = make_repository(tmp_path / "bad", {"a.py": "a = 1\n"})
    link(work, "sub", works["base"], f"http://localhost:{server.url.rpartition(':')[2]}/lib.git")
    publish(work, server.root)
    asked = len(server.requests)
    with pytest.raises(CredentialError) as caught:
        fetched(server, tmp_path, "bad", submodules=True)
    refused(caught, "the submodule sub", "leads to this machine")
    assert all(path.startswith("/bad.git") for path in server.requests[asked:])


def test_a_submodule_that_is_nowhere_is_named(
    server: GitServer, works: dict[str, Path], tmp_path: Path
) -> None:
    work = make_repository(tmp_path / "lost", {"a.py": "a = 1\n"})
    link(work, "sub", works["base"], "../nothing.git")
    publish(work, server.root)
    with pytest.raises(RepositoryNotFoundError) as caught:
        fetched(server, tmp_path, "lost", submodules=True)
    refused(caught, "lost.git: its submodule sub cannot be had", "nothing.git", "without --submod")


def test_a_submodule_in_itself_ends(server: GitServer, tmp_path: Path) -> None:
    work = make_repository(tmp_path / "loop", {"a.py": "a = 1\n"})
    link(work, "again", work, "../loop.git")
    publish(work, server.root)
    with pytest.raises(UsageError) as caught:
        fetched(server, tmp_path, "loop", submodules=True)
    refused(caught, "one of itself")


def test_large_files_take_the_place_of_their_pointers(large: GitServer, tmp_path: Path) -> None:
    plain = walk(fetched(large, tmp_path).root, max_file_bytes=9_999, pristine=True)
    whole = fetched(large, tmp_path, lfs=9_999, submodules=True)
    found = contents(whole)
    assert found["big.py"] == BIG.decode()
    assert pointer(OTHER).decode() == found["vendored lib/x.ipynb"], "of another repository"
    listing = walk(whole.root, max_file_bytes=9_999, pristine=True)
    before, after = (
        next(file.content_id for file in one.files if file.path == "big.py")
        for one in (plain, listing)
    )
    assert before != after, "the next run would take it for unchanged"
    assert listing.commit == plain.commit
    asked = len(large.requests)
    assert contents(fetched(large, tmp_path, lfs=9_999))["big.py"] == BIG.decode()
    assert not [path for path in large.requests[asked:] if "large" in path or "lfs" in path]


def test_a_large_file_above_the_limit_stays_a_pointer(large: GitServer, tmp_path: Path) -> None:
    assert contents(fetched(large, tmp_path, lfs=len(BIG) - 1))["big.py"] == pointer(BIG).decode()


def test_large_files_that_are_not_there_or_not_the_right_ones(
    large: GitServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (oid,) = large.large
    fetched(large, tmp_path)
    make_credential(tmp_path / "credentials", "team", large.url, password=SECRET)
    remote = open_remote(f"{large.url}/app.git", timeout_seconds=60, credential="team",
                         credentials_dir=tmp_path / "credentials")  # fmt: skip

    def replaced() -> bool:
        extra = Extra(lfs_bytes=9_999, credentials_dir=tmp_path / "credentials")
        return lfs.replace_pointers(remote, tmp_path / "files", tmp_path / "cache", extra)

    for content in (b"x" * len(BIG), BIG + b"x", BIG[:-1]):
        large.large[oid] = content
        with pytest.raises(GitError) as caught:
            replaced()
        refused(caught, "sends another file")
    large.large = {}
    with pytest.raises(GitError) as caught:
        replaced()
    refused(caught, "does not have all large files", "--lfs")
    monkeypatch.setattr(lfs, "_MAX_ANSWER_BYTES", 300_000)
    action = {"href": "https://x.example/f", "header": {"X": "ä"}}
    for download in (action, {**action, "header": [1]}, {"href": "https://x.example/?\ud800"}):
        offer = {"oid": oid, "actions": {"download": download}}
        large.large_list = json.dumps({"objects": [offer]}).encode()
        with pytest.raises(GitError) as caught:
            replaced()
        refused(caught, "does not have all")
    large.large_list = b"[" * 200_000
    with pytest.raises(GitError) as caught:
        replaced()
    refused(caught, "does not have all")
    # Whoever reads all of it notices that it ends before that.
    large.large_list, large.large_list_bytes = b" " * 400_000, 1 << 40
    with pytest.raises(GitError) as caught:
        replaced()
    refused(caught, "more than a list")
    large.large_list, large.large = b"", {oid: BIG}
    clock = chain([0.0], repeat(61.0))
    monkeypatch.setattr(lfs, "time", SimpleNamespace(monotonic=clock.__next__))
    with pytest.raises(ServiceUnavailableError) as slow:
        replaced()
    refused(slow, "more than 60 s")
    assert not list((tmp_path / "cache").iterdir())
    monkeypatch.setattr(lfs, "MAX_TOTAL_BYTES", 1)
    with pytest.raises(UsageError) as usage:
        replaced()
    refused(usage, "more than")


def test_large_files_come_from_nowhere_else(large: GitServer, tmp_path: Path) -> None:
    url = large.large_from = "https://other.example/lfs"
    with pytest.raises(CredentialError) as caught:
        fetched(large, tmp_path, lfs=9_999)
    refused(caught, "a large file (")
    files: dict[str, str | bytes] = {".lfsconfig": f"[lfs]\n\turl = {url}\n", "a.py": pointer(BIG)}
    publish(make_repository(tmp_path / "config", files), large.root)
    with pytest.raises(CredentialError) as caught:
        fetched(large, tmp_path, "config", lfs=9_999)
    refused(caught, "the server of its large files")


@pytest.mark.parametrize(
    ("parent", "url", "expected"),
    [
        ("https://h/team/app", "../lib.git", "https://h/team/lib.git"),
        ("https://h/team/app.git", "./lib", "https://h/team/app.git/lib"),
        ("https://h/app", "../../../x", "https://h/x"),
        ("git@h:team/app.git", "../lib.git", "git@h:team/lib.git"),
        ("ssh://git@h:22/team/app", "../../o/lib", "ssh://git@h:22/o/lib"),
        ("https://h/app", "https://o/x", "https://o/x"),
        ("git@[2001:db8::1]:app", "../../o/lib", "git@[2001:db8::1]:../o/lib"),
    ],
)
def test_a_relative_address_starts_from_its_parents(parent: str, url: str, expected: str) -> None:
    assert resolved(parent, url) == expected


@pytest.mark.parametrize("url", ["git@[2001:db8::2]:x", "ssh://git@[2001:db8::2]/x", "../\nhost=x"])
def test_another_address_of_ipv6_is_another_server(url: str) -> None:
    remote = open_remote("git@[2001:db8::1]:app", timeout_seconds=1)
    assert related(remote, "git@[2001:db8::1]:lib", "lib", None).url == "git@[2001:db8::1]:lib"
    with pytest.raises(CredentialError) as caught:
        related(remote, url, "lib", None)
    refused(caught, "is not fetched")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "0.0.0.0", "2130706433", "127.1",
                                  "0x7f000001", "a.localhost", "LOCALHOST.", "::"])  # fmt: skip
def test_this_machine_in_every_form(host: str) -> None:
    assert is_loopback(host)
    assert not any(map(is_loopback, ("git.example.org", "10.0.0.1", "127.example.org", "fe80::1")))
