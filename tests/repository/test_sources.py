"""What a name or a URL denotes."""

from __future__ import annotations

import pytest

from harness.errors import RepositoryNotFoundError
from harness.repository.sources import clone_folder, is_clone, is_git_url, secrets_of, source_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://github.com/pallets/flask", True),
        ("http://git.internal/x.git", True),
        ("ssh://git@host:2222/x.git", True),
        ("file:///srv/x.git", True),
        ("git@github.com:pallets/flask.git", True),
        ("me.too@host.example:x", True),
        ("/srv/x.git", False),
        ("x.git", False),
        ("C:/code", False),
        ("host:path", False),
        ("ext::sh -c touch% x", False),
        ("https://", False),
        ("https://h/x\n--upload-pack=y", False),
        ("-u@host:path", True),
        ("git@-oProxyCommand=x:y", False),
        ("", False),
    ],
)
def test_is_git_url(text: str, expected: bool) -> None:
    assert is_git_url(text) is expected


def test_a_clone_is_told_by_its_place() -> None:
    url = "https://git.example.org/team/web"
    clone = f"/anywhere/checkouts/{clone_folder(source_of(url + '.git'))}"
    assert is_clone(clone)
    assert is_clone(clone, of=url)
    assert not is_clone(clone, of="https://git.example.org/team/api")
    assert not is_clone("/srv/web")
    assert not is_clone(clone + "/src")


@pytest.mark.parametrize(
    ("url", "secrets"),
    [
        pytest.param("https://git.example.org/x", set(), id="none"),
        pytest.param("https://me:pw@git.example.org/x", {"me:pw", "me", "pw"}, id="password"),
        pytest.param("https://token@git.example.org/x", {"token"}, id="token"),
        pytest.param("https://git.example.org/x?t=token", {"t=token"}, id="query"),
        pytest.param("ssh://git@git.example.org/x", set(), id="ssh"),
        pytest.param("ssh://git:pw@git.example.org/x", {"pw"}, id="ssh-password"),
        pytest.param("git@git.example.org:x", set(), id="scp"),
        pytest.param("file:///srv/x.git", set(), id="file"),
    ],
)
def test_secrets_of_a_url(url: str, secrets: set[str]) -> None:
    assert set(secrets_of(url)) == secrets


@pytest.mark.parametrize(
    ("url", "words"),
    [
        pytest.param("http://127.0.0.1:99999/x", "no valid port", id="too-large"),
        pytest.param("ssh://git@git.example.org:twelve/x", "no valid port", id="no-number"),
        pytest.param("https://git.example.org:0/x", "no valid port", id="zero"),
        pytest.param("https://me:pw@git.example.org:1:2/x?t=k", "no valid port", id="two"),
        pytest.param("https:///x", "no valid host", id="no-host"),
        pytest.param("ssh://-oProxyCommand=x/y", "no valid host", id="an-option"),
        pytest.param("ssh://git@-oProxyCommand=x/y", "no valid host", id="an-option-as-host"),
        pytest.param("ssh://-oProxyCommand=x@git.example.org/y", "no valid host", id="as-user"),
        pytest.param("https://[::1/x", "not a valid URL", id="half-a-bracket"),
    ],
)
def test_an_address_that_cannot_be_one_is_refused_in_one_line(url: str, words: str) -> None:
    for look in (source_of, secrets_of):
        with pytest.raises(RepositoryNotFoundError, match=words) as caught:
            look(url)
        assert "\n" not in str(caught.value)
        assert "pw" not in str(caught.value)
