"""What flow runs take for a source: parameters, names and events are kept by the server."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from flows.sources import Repository, Source

SOURCE = TypeAdapter(Source)
REPOSITORY = TypeAdapter(Repository)


@pytest.mark.parametrize(
    "text",
    [
        "/srv/repos/flask",
        "/srv/a b/@c?d",
        "~/src/flask",
        "https://git.example.org/team/web.git",
        "HTTPS://git.example.org:8443/team/@scope/web",
        "http://[::1]:3000/team/web",
        "ssh://git@git.example.org:2222/team/web.git",
        "git+ssh://git.example.org/team/web",
        "git@git.example.org:team/web.git",
        "file:///srv/web.git",
    ],
)
def test_sources(text: str) -> None:
    assert SOURCE.validate_python(text) == text
    assert REPOSITORY.validate_python(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "https://user:planted@git.example.org/web",
        "https://planted@git.example.org/web",
        "http://user:planted@[::1]/web",
        "https://git.example.org/web?private_token=planted",
        "https://git.example.org/web#planted",
        "ssh://git:planted@git.example.org/web",
        "HtTpS://user:planted@git.example.org/web",
        "user:planted@git.example.org:web",
        "relative/path",
        "ext::sh -c x",
    ],
)
def test_no_credentials(text: str) -> None:
    with pytest.raises(ValidationError):
        SOURCE.validate_python(text)


@pytest.mark.parametrize("text", ["web", "work/api", "my app", "a:b", "relative/path", "@x/y"])
def test_names(text: str) -> None:
    assert REPOSITORY.validate_python(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "https://user:planted@git.example.org/web",
        "https://planted@git.example.org/web",
        "HTTPS://git.example.org/web?private_token=planted",
        "ssh://git:planted@git.example.org/web",
        "ftp://user:planted@git.example.org/web",
    ],
)
def test_no_credentials_for_a_task(text: str) -> None:
    with pytest.raises(ValidationError):
        REPOSITORY.validate_python(text)
