"""What a push may add to the registry."""

from __future__ import annotations

import hashlib
import hmac
import json
from contextlib import closing
from pathlib import Path

import pytest

from harness.engines import Engines
from harness.errors import InvalidSettingError
from harness.store.edge import EdgeStore
from harness.webhook.events import Push
from harness.webhook.registering import Owner, allowed, read_owners, register_push
from harness.webhook.routes import Target
from tests.fakes.embedder import HashEmbedder
from tests.webhook.lab import SECRET, SHA, Lab

OWNERS = read_owners("git.example.org/Team=reader, github.com/us/")


def push(*urls: str, branch: str | None = "main") -> Push:
    return Push(urls, "a" * 40, branch, "main")


def test_owners_are_read() -> None:
    assert (Owner("git.example.org/team", "reader"), Owner("github.com/us", "")) == OWNERS
    assert read_owners("") == ()


@pytest.mark.parametrize(
    "text",
    [
        "git.example.org",
        "git.example.org/*",
        "https://git.example.org/team",
        "me@h/team",
        "http://h",
    ],
)
def test_what_is_no_host_and_owner_is_refused(text: str) -> None:
    with pytest.raises(InvalidSettingError, match="a host and an owner"):
        read_owners(text)


@pytest.mark.parametrize(
    "url",
    [
        "https://git.example.org.evil.net/team/app",
        "https://git.example.org:8443/team/app",
        "https://git.example.org/team-two/app",
        "https://git.example.org/team",
        "https://git.example.org/team/../other/app",
        "https://git.example.org/team/%2e%2e/other/app",
        "https://user:secret@git.example.org/team/app",
        "https://evil.net/git.example.org/team/app",
        "file:///git.example.org/team/app",
        "file://git.example.org/team/app",
        "/git.example.org/team/app",
        "git.example.org/team/app",
        "https://git.example.org/team%2fother/app",
        "https://git.example.org/team/%252e%252e/other/app",
        "https://git.example.org/team/..%5cother/app",
        "https://git.example.org/team/..\\other/app",
        "https://git.example.org/team//app",
        "https://git.example.org/team/./app",
        "https://git.example.org/team/--upload-pack=x",
        "git@git.example.org:team/-x",
        "ssh://-oProxyCommand=id/team/app",
        "https://git.example.org/team/" + "a" * 1_000,
        "http://git.example.org/team/app",
        "HTTP://git.example.org/team/app",
        "git://git.example.org/team/app",
    ],
)
def test_what_nobody_allows(url: str) -> None:
    assert allowed(push(url), OWNERS) is None


def test_https_is_preferred() -> None:
    urls = ("git@git.example.org:team/app.git", "https://git.example.org/team/app.git")
    assert allowed(push(*urls), OWNERS) == (urls[1], OWNERS[0])
    assert allowed(push(urls[0]), OWNERS) == (urls[0], OWNERS[0])


def test_what_is_not_encrypted_is_read_where_the_list_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    owners = read_owners("http://git.corp/team=reader")
    plain, ssh = "http://git.corp/team/app.git", "git@git.corp:team/app.git"
    assert allowed(push(plain, ssh), owners) == (plain, owners[0])
    assert allowed(push("git://git.corp/team/app.git"), owners) is None
    # Elsewhere another address of the same repository is taken.
    owners = read_owners("git.corp/team")
    assert allowed(push(plain, ssh), owners) == (ssh, owners[0])
    assert allowed(push(plain), owners) is None
    assert "write http://git.corp/team into HARNESS_WEBHOOK_REGISTER" in caplog.text


def test_a_push_registers_a_repository_once(tmp_path: Path) -> None:
    url = "https://git.example.org/team/app.git"
    other = "https://github.com/us/app"
    with closing(EdgeStore(tmp_path / "index")) as store:
        engines = Engines(HashEmbedder(), store, tmp_path)
        assert register_push(push(url, branch="feature"), OWNERS, engines) is None
        assert store.repositories() == []
        for _ in range(2):
            assert register_push(push(url), OWNERS, engines) == Target("app", url)
        assert register_push(push(other), OWNERS, engines) == Target("us/app", other)
        found = {r.name: (r.registered, r.credential) for r in store.repositories()}
    assert found == {"app": (True, "reader"), "us/app": (True, "")}


def test_one_repository_is_registered_once_whatever_its_url(tmp_path: Path) -> None:
    urls = (
        "https://git.example.org/team/app.git",
        "git@git.example.org:team/app.git",
        "ssh://git@git.example.org/Team/App",
        "https://git.example.org:443/team/app",
        "https://git.example.org//team/app/",
    )
    with closing(EdgeStore(tmp_path / "index")) as store:
        engines = Engines(HashEmbedder(), store, tmp_path)
        found = [register_push(push(url), OWNERS, engines) for url in urls]
        assert [record.name for record in store.repositories()] == ["app"]
    assert {one.name for one in found if one} == {"app"}
    assert None not in found


def test_the_push_that_registers_is_indexed(lab: Lab, tmp_path: Path) -> None:
    with closing(EdgeStore(tmp_path / "index")) as store:
        engines = Engines(HashEmbedder(), store, tmp_path)
        lab.stop()
        lab.register = lambda push: register_push(push, OWNERS, engines)
        lab.start()
        expected = (("git.example.org", 202, "accepted"), ("evil.net", 404, "unknown"))
        for host, code, status in expected:
            url = f"https://{host}/team/new.git"
            document = {"clone_url": url, "default_branch": "main"}
            body = json.dumps({"ref": "refs/heads/main", "after": SHA, "repository": document})
            headers = signed(body.encode())
            answer = lab.post("github", body.encode(), **headers)
            assert (answer[0], answer[1]["status"]) == (code, status)
        assert [record.name for record in store.repositories()] == ["new"]


def signed(body: bytes) -> dict[str, str]:
    digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    return {"x-hub-signature-256": f"sha256={digest}", "x-github-event": "push"}
