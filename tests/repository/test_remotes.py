"""Private repositories on real servers: git's own over HTTP with a password, and sshd."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.errors import (
    CredentialError,
    HarnessError,
    RepositoryNotFoundError,
    ServiceUnavailableError,
    UsageError,
)
from harness.repository.git import run_git
from harness.repository.remotes import Remote, open_remote
from tests.fakes.git_server import SSHD, GitServer, SshServer, http_server, ssh_server
from tests.repositories import commit_all, make_repository
from tests.repository.credentials_dir import make_credential

SECRET = "planted-4711-token'\"$(x)\\"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bare repository with two branches and a tag."""
    folder = tmp_path_factory.mktemp("served")
    work = make_repository(folder / "work", {"a.py": "a = 1\n"})
    run_git(["tag", "-a", "-m", "one", "v1"], work, 30, config={
        "user.name": "Test", "user.email": "test@example.org"})  # fmt: skip
    run_git(["checkout", "-qb", "next"], work, 30)
    (work / "b.py").write_text("b = 1\n")
    commit_all(work)
    run_git(["checkout", "-q", "main"], work, 30)
    run_git(["clone", "-q", "--bare"], folder, 30, operands=[str(work), str(folder / "web.git")],
            protocols=("file",))  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def web(served: Path) -> Iterator[GitServer]:
    with http_server(served, SECRET) as server:
        yield server


@pytest.fixture(scope="module")
def ssh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    if SSHD is None:
        pytest.skip("needs sshd (Debian: openssh-server)")
    with ssh_server(tmp_path_factory.mktemp("ssh") / "server") as server:
        yield server


def commit_of(served: Path, ref: str) -> str:
    return (
        run_git(["rev-parse", f"{ref}^{{commit}}"], served / "web.git", 30).stdout.decode().strip()
    )


def over_http(server: GitServer, folder: Path, password: str = SECRET) -> Remote:
    make_credential(folder, "team", server.url, password=password, username="robot")
    return open_remote(
        f"{server.url}/web.git", timeout_seconds=60, credential="team", credentials_dir=folder
    )


def over_ssh(server: SshServer, served: Path, folder: Path, **files: str) -> Remote:
    usual = {"ssh_privatekey": server.key.read_text(), "known_hosts": server.known_hosts}
    make_credential(folder, "deploy", f"127.0.0.1:{server.port}", **{**usual, **files})
    user = os.environ.get("USER") or "root"
    return open_remote(
        f"ssh://{user}@127.0.0.1:{server.port}{served}/web.git",
        timeout_seconds=60,
        credential="deploy",
        credentials_dir=folder,
    )


def one_line(error: HarnessError, *words: str) -> None:
    assert "\n" not in str(error)
    for word in words:
        assert word in str(error)
    assert SECRET not in str(error)


def test_branches_tags_and_commits(web: GitServer, served: Path, tmp_path: Path) -> None:
    remote = over_http(web, tmp_path)
    assert remote.find("") == ("HEAD", commit_of(served, "main"))
    assert remote.find("next") == ("refs/heads/next", commit_of(served, "next"))
    assert remote.find("v1") == ("refs/tags/v1", commit_of(served, "main"))
    assert remote.find(commit_of(served, "next")) == (commit_of(served, "next"), "")
    assert set(web.logins) == {f"robot:{SECRET}"}
    with pytest.raises(RepositoryNotFoundError, match="no branch or tag 'nothing'"):
        remote.find("nothing")
    for ref in ("-x", "a b", "a..b", "a:b", "x*", "a^{}", "/a"):
        with pytest.raises(UsageError, match="not a branch"):
            remote.find(ref)


def test_over_ssh(ssh: SshServer, served: Path, tmp_path: Path) -> None:
    remote = over_ssh(ssh, served, tmp_path)
    assert remote.find("next") == ("refs/heads/next", commit_of(served, "next"))


def test_wrong_password(web: GitServer, tmp_path: Path) -> None:
    with pytest.raises(CredentialError) as caught:
        over_http(web, tmp_path, "wrong").find("")
    host = web.url.removeprefix("http://")
    one_line(caught.value, f"{web.url}/web.git", f"{host} refuses the password", "'team'")
    assert "wrong:" not in str(caught.value)


def test_no_credential(web: GitServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    with pytest.raises(CredentialError) as caught:
        open_remote(f"{web.url}/web.git", timeout_seconds=60).find("")
    one_line(caught.value, "asks for a credential and was given none", "--credential")


def test_the_users_own_helper_is_not_asked(
    web: GitServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "gitconfig"
    helper = f"!f() {{ touch {tmp_path}/asked; echo username=me; echo password=mine; }}; f"
    settings.write_text('[credential]\n helper = "' + helper.replace('"', '\\"') + '"\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    over_http(web, tmp_path / "credentials").find("")
    assert not (tmp_path / "asked").exists()


def test_a_redirect_to_another_host_gets_nothing(web: GitServer, tmp_path: Path) -> None:
    """`localhost` is another name than 127.0.0.1, and so another host."""
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    class Redirect(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("Location", f"{web.url}{self.path}")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    before = len(web.logins)
    with ThreadingHTTPServer(("127.0.0.1", 0), Redirect) as http:
        threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05}).start()
        url = f"http://localhost:{http.server_address[1]}"
        make_credential(tmp_path, "team", url, password=SECRET)
        remote = open_remote(
            f"{url}/web.git", timeout_seconds=60, credential="team", credentials_dir=tmp_path
        )
        with pytest.raises(CredentialError):
            remote.find("")
        http.shutdown()
    assert len(web.logins) == before


def test_expired_key(ssh: SshServer, served: Path, tmp_path: Path) -> None:
    remote = over_ssh(ssh, served, tmp_path)
    line = ssh.authorized.read_text()
    ssh.expire()
    try:
        with pytest.raises(CredentialError) as caught:
            remote.find("")
    finally:
        ssh.authorized.write_text(line)
    one_line(caught.value, "refuses the key of the credential 'deploy'", "it has expired")


@pytest.mark.parametrize(
    ("known", "words"),
    [
        pytest.param("other.example.org ssh-ed25519 AAAA\n", "is not in known_hosts", id="unknown"),
        pytest.param("", "is not in known_hosts", id="empty"),
    ],
)
def test_unknown_host_key(
    ssh: SshServer, served: Path, tmp_path: Path, known: str, words: str
) -> None:
    with pytest.raises(CredentialError) as caught:
        over_ssh(ssh, served, tmp_path, known_hosts=known).find("")
    one_line(caught.value, words, "'deploy'", f"ssh-keyscan -p {ssh.port} 127.0.0.1`")


def test_changed_host_key(ssh: SshServer, served: Path, tmp_path: Path) -> None:
    other = ssh.key.with_suffix(".pub").read_text().strip()
    known = f"{ssh.host} {other}\n"
    with pytest.raises(CredentialError) as caught:
        over_ssh(ssh, served, tmp_path, known_hosts=known).find("")
    one_line(caught.value, "shows another host key", "nothing was sent")


def test_key_that_others_can_read(ssh: SshServer, served: Path, tmp_path: Path) -> None:
    remote = over_ssh(ssh, served, tmp_path)
    (tmp_path / "deploy/ssh-privatekey").chmod(0o644)
    with pytest.raises(CredentialError, match="chmod 600"):
        remote.find("")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl for a certificate")
def test_a_private_authority(served: Path, tmp_path: Path) -> None:
    pem = tmp_path / "server.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *(
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=test",
                "-addext",
                "subjectAltName=IP:127.0.0.1",
            ),
            *("-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "ca")),
        ],
        check=True,
        capture_output=True,
        timeout=60,
    )
    pem.write_text((tmp_path / "ca").read_text() + (tmp_path / "key").read_text())
    with http_server(served, SECRET, pem) as server:
        host = server.url.removeprefix("https://")
        make_credential(tmp_path, "team", host, password=SECRET)

        def find() -> str:
            return open_remote(
                f"{server.url}/web.git",
                timeout_seconds=60,
                credential="team",
                credentials_dir=tmp_path,
            ).find("")[0]

        with pytest.raises(CredentialError) as caught:
            find()
        one_line(caught.value, "cannot be trusted", "ca.crt", host)
        assert server.logins == []
        make_credential(tmp_path, "team", host, ca_crt=(tmp_path / "ca").read_text())
        assert find() == "HEAD"


def test_unreachable_hosts(tmp_path: Path) -> None:
    for url in ("http://127.0.0.1:1/x.git", "ssh://git@127.0.0.1:1/x.git"):
        make_credential(
            tmp_path, "team", "http://127.0.0.1:1\n127.0.0.1:1", password=SECRET,
            ssh_privatekey="k", known_hosts="",
        )  # fmt: skip
        remote = open_remote(url, timeout_seconds=60, credential="team", credentials_dir=tmp_path)
        with pytest.raises(ServiceUnavailableError) as caught:
            remote.find("")
        one_line(caught.value, url, "127.0.0.1:1 cannot be reached")


@contextmanager
def watched_processes(secret: str) -> Iterator[tuple[list[str], set[str]]]:
    """Looks at every process of the machine again and again: where the secret was seen, and the
    names of those that were there."""
    seen: list[str] = []
    names: set[str] = set()
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            for process in Path("/proc").glob("[0-9]*"):
                try:
                    text = (process / "cmdline").read_bytes()
                except OSError:
                    continue
                names.add(text.split(b"\0")[0].decode(errors="replace").rpartition("/")[2])
                if secret.encode() in text:
                    seen.append(text.decode(errors="replace"))
            time.sleep(0.001)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen, names
    finally:
        stop.set()
        watcher.join()


@pytest.mark.parametrize(
    "ref",
    ["-x", "--upload-pack=x", "/x", "a b", "a..b", "a:b", "+a:*", "a~1", "a^{}", "a@{1}", "a\n",
     "\x1b", "a.lock", "a/", "a.", "a//b", "*", "a\\b", "[a]", "?"],
)  # fmt: skip
def test_what_is_no_name_of_a_ref_is_not_asked_for(ref: str) -> None:
    nobody = open_remote("http://127.0.0.1:9/web.git", timeout_seconds=20)
    with pytest.raises(UsageError, match="is not a branch, a tag or a whole commit id") as caught:
        nobody.find(ref)
    assert str(caught.value).isprintable()


def test_no_process_is_told_the_secret(
    web: GitServer, served: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    remote = over_http(web, tmp_path / "credentials")
    run_git(["init", "-q", "--bare", "mirror"], tmp_path, 30)
    with watched_processes(SECRET) as (seen, names):
        for number in range(3):
            remote.fetch(f"+refs/heads/next:refs/harness/{number}", tmp_path / "mirror")
    assert seen == []
    assert any(name.startswith("git-remote-http") for name in names), "nothing was watched"
    assert SECRET not in repr((remote.access.config, remote.access.variables))
    found = run_git(["rev-parse", "refs/harness/2"], tmp_path / "mirror", 30).stdout.decode()
    assert found.strip() == commit_of(served, "next")
    assert SECRET not in caplog.text
    for path in (tmp_path / "mirror").rglob("*"):
        assert path.is_dir() or SECRET.encode() not in path.read_bytes()


def test_nor_that_of_a_url(served: Path) -> None:
    """Git's helper for HTTP is given the URL as its argument, and so without the password."""
    with http_server(served, "hunter2 hunter2") as server:
        url = server.url.replace("http://", "http://alice:hunter2%20hunter2@")
        remote = open_remote(f"{url}/web.git", timeout_seconds=60)
        with watched_processes("hunter2") as (seen, names):
            for _ in range(5):
                assert remote.find("")[0] == "HEAD"
        assert set(server.logins) == {"alice:hunter2 hunter2"}
    assert seen == []
    assert any(name.startswith("git-remote-http") for name in names), "nothing was watched"
