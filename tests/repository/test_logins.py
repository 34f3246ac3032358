"""Credentials by name: what their files may hold, and where they may be used."""

from __future__ import annotations

import shlex
from itertools import pairwise
from pathlib import Path

import pytest

from harness.errors import CredentialError
from harness.repository.git import run_git
from harness.repository.git_access import access_to
from harness.repository.logins import all_secrets, key_scan, login_called, place_of
from tests.repository.credentials_dir import make_credential

SECRET = "planted-4711-token"


@pytest.mark.parametrize(
    ("hosts", "url", "allowed"),
    [
        pytest.param("git.example.org", "https://git.example.org/x", True, id="https"),
        pytest.param("git.example.org", "https://GIT.example.org:443/x", True, id="own-port"),
        pytest.param("git.example.org", "git@git.example.org:x", True, id="ssh"),
        pytest.param("[2001:db8::1]", "git@[2001:db8::1]:x", True, id="ipv6"),
        pytest.param("[2001:db8::1]", "git@[2001:db8::2]:x", False, id="another-ipv6"),
        pytest.param("git.example.org", "https://git.example.org:8443/x", False, id="other-port"),
        pytest.param("git.example.org:8443", "https://git.example.org:8443/x", True, id="port"),
        pytest.param("git.example.org", "http://git.example.org/x", False, id="no-tls"),
        pytest.param("http://git.internal:3000", "http://git.internal:3000/x", True, id="plain"),
        pytest.param("http://git.internal", "https://git.internal/x", False, id="plain-only"),
        pytest.param("git.example.org", "https://git.example.org.evil.net/x", False, id="suffix"),
        pytest.param("git.example.org", "https://evil.net/git.example.org", False, id="path"),
        pytest.param("# a\n\nb.org\nc.org # d", "https://c.org/x", True, id="several"),
        pytest.param("git.example.org", "git://git.example.org/x", False, id="unsafe"),
        pytest.param("git.example.org", "file:///srv/x", False, id="file"),
    ],
)
def test_hosts(tmp_path: Path, hosts: str, url: str, allowed: bool) -> None:
    make_credential(tmp_path, "team", hosts, password=SECRET)
    assert login_called("team", tmp_path).allows(place_of(url)) is allowed


@pytest.mark.parametrize(
    ("host", "command"),
    [
        ("git.example.org", "ssh-keyscan git.example.org"),
        ("ssh://git.example.org:2222", "ssh-keyscan -p 2222 git.example.org"),
        ("[2001:db8::1]:2222", "ssh-keyscan -p 2222 2001:db8::1"),
    ],
)
def test_where_the_servers_keys_are_shown(host: str, command: str) -> None:
    assert key_scan(host) == command


@pytest.mark.parametrize(
    ("files", "message"),
    [
        pytest.param({"password": f"{SECRET}\nmore\n"}, "exactly one line", id="two lines"),
        pytest.param({"password": ""}, "exactly one line", id="empty"),
        pytest.param({"password": "x" * 100_000}, "no secret", id="large"),
        pytest.param({"hosts": ""}, "no host is named", id="no host"),
        pytest.param({"hosts": "https://a/b"}, "is not a host", id="a URL"),
        pytest.param({"hosts": "*.example.org"}, "is not a host", id="a pattern"),
        pytest.param({"ssh_privatekey": SECRET}, "has a key and no", id="no known hosts"),
    ],
)
def test_files_that_cannot_be_used(tmp_path: Path, files: dict[str, str], message: str) -> None:
    make_credential(tmp_path, "team", **{"hosts": "a.org", **files})
    with pytest.raises(CredentialError, match=message) as caught:
        login_called("team", tmp_path)
    assert SECRET not in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["other", "../team", "", "a/b", "."])
def test_a_name_that_is_no_credential(tmp_path: Path, name: str) -> None:
    make_credential(tmp_path / "all", "team", "a.org", password=SECRET)
    make_credential(tmp_path, "team", "a.org", password=SECRET)
    with pytest.raises(CredentialError, match="there are: team"):
        login_called(name, tmp_path / "all")


def test_what_git_gets_holds_no_secret(tmp_path: Path) -> None:
    make_credential(
        tmp_path, "team", "a.org", password=f"{SECRET}\n", ssh_privatekey=SECRET, known_hosts="x"
    )
    for url in ("https://a.org/x", "ssh://git@a.org/x", "git@a.org:x"):
        access = access_to(url, "team", tmp_path)
        assert SECRET not in repr((access.config, access.variables))
    assert all_secrets(tmp_path) == (SECRET,)


def test_it_is_not_used_elsewhere(tmp_path: Path) -> None:
    make_credential(tmp_path, "team", "a.org", password=SECRET)
    with pytest.raises(CredentialError, match=r"not for https://b\.org"):
        access_to("https://b.org/x", "team", tmp_path)
    with pytest.raises(CredentialError, match="has no ssh-privatekey"):
        access_to("git@a.org:x", "team", tmp_path)
    with pytest.raises(CredentialError, match="set HARNESS_CREDENTIALS_DIR"):
        access_to("https://a.org/x", "team", None)


def test_the_users_own_helpers_are_not_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "gitconfig"
    own.write_text('[credential]\n\thelper = "!echo username=own; echo password=own; :"\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(own))
    make_credential(tmp_path, "team", "a.org", password=SECRET)
    access = access_to("https://a.org/x", "team", tmp_path)
    for host, found in (("a.org", [SECRET]), ("b.org", [])):
        output = run_git(
            ["credential", "fill"],
            tmp_path,
            30,
            stdin=f"protocol=https\nhost={host}\n\n".encode(),
            config=access.config,
            variables=access.variables,
            check=False,
        )
        lines = output.stdout.decode().splitlines()
        said = [line.partition("=")[2] for line in lines if line.startswith("password=")]
        assert said == found, host


def test_ssh_follows_nothing_of_the_users(tmp_path: Path) -> None:
    make_credential(tmp_path, "team", "a.org", ssh_privatekey=SECRET, known_hosts="x")
    command = access_to("git@a.org:x", "team", tmp_path).variables["GIT_SSH_COMMAND"]
    words = shlex.split(command)
    options = {two for one, two in pairwise(words) if one == "-o"}
    assert words[1:3] == ["-F", "none"]
    assert options >= {
        *("BatchMode=yes", "StrictHostKeyChecking=yes", "IdentitiesOnly=yes"),
        *("IdentityAgent=none", "GlobalKnownHostsFile=none", "UpdateHostKeys=no"),
        f"UserKnownHostsFile={tmp_path / 'team' / 'known_hosts'}",
    }
