"""Addresses of servers, in every form that users write, for each variable that holds one."""

from __future__ import annotations

import pytest

from harness.addresses import DefaultPorts, parse_address
from harness.errors import InvalidSettingError
from harness.models.ollama.address import parse_host
from harness.settings import QdrantSettings, load
from harness.store.options import QdrantOptions
from harness.store.qdrant_connection import address_of

PORTS = DefaultPorts(bare=9000, http=8000)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        pytest.param("h", "http://h:9000", id="host"),
        pytest.param("h/", "http://h:9000", id="trailing slash"),
        pytest.param("h:1/", "http://h:1", id="port and slash"),
        pytest.param("//h", "http://h:9000", id="without a scheme's name"),
        pytest.param(":1", "http://127.0.0.1:1", id="port alone"),
        pytest.param(" \th:1 \n", "http://h:1", id="blanks"),
        pytest.param('"h:1"', "http://h:1", id="double quotes"),
        pytest.param("'http://h'", "http://h:8000", id="single quotes"),
        pytest.param("HTTP://H", "http://h:8000", id="upper case"),
        pytest.param("https://h", "https://h:443", id="https"),
        pytest.param("https://h/a/b/", "https://h:443/a/b", id="prefix"),
        pytest.param("0.0.0.0", "http://127.0.0.1:9000", id="any IPv4"),
        pytest.param("https://0.0.0.0", "https://127.0.0.1:443", id="any IPv4 with a scheme"),
        pytest.param("::", "http://[::1]:9000", id="any IPv6"),
        pytest.param("[::]", "http://[::1]:9000", id="any IPv6 in brackets"),
        pytest.param("http://[::]:1", "http://[::1]:1", id="any IPv6 with scheme and port"),
        pytest.param("::1", "http://[::1]:9000", id="IPv6"),
        pytest.param("::1/", "http://[::1]:9000", id="IPv6 with a slash"),
        pytest.param("http://::1", "http://[::1]:8000", id="IPv6 without brackets in a URL"),
        pytest.param("[fd00::2]:1/p", "http://[fd00::2]:1/p", id="IPv6, port and prefix"),
        pytest.param("fe80::1%eth0", "http://[fe80::1%eth0]:9000", id="IPv6 with a zone"),
        pytest.param("my_host.svc.", "http://my_host.svc.:9000", id="underscore, final dot"),
    ],
)
def test_forms_that_users_write(text: str, url: str) -> None:
    assert parse_address(text, "X_HOST", PORTS) == url
    assert parse_address(url, "X_HOST", PORTS) == url


UNUSABLE = [
    pytest.param("", id="empty"),
    pytest.param(" ", id="blank"),
    pytest.param('""', id="quotes alone"),
    pytest.param("ftp://h", id="scheme"),
    pytest.param("http://", id="no host"),
    pytest.param("http:///p", id="no host but a path"),
    pytest.param("http:/h:1", id="one slash"),
    pytest.param("h:x", id="port is a word"),
    pytest.param("h:99999", id="port too large"),
    pytest.param("h:-1", id="negative port"),
    pytest.param("h:0", id="port 0"),
    pytest.param("h:", id="no port"),
    pytest.param("two words", id="blank inside"),
    pytest.param("h:1,h:2", id="two addresses"),
    pytest.param("http://[::1", id="open bracket"),
    pytest.param("h/?q=1", id="query"),
    pytest.param("h#f", id="fragment"),
    pytest.param("-h", id="leading dash"),
    pytest.param("h\x1b[2J", id="control characters"),
]


@pytest.mark.parametrize("text", UNUSABLE)
def test_anything_else_is_one_line_that_names_the_variable(text: str) -> None:
    for name, parse in (
        ("OLLAMA_HOST", parse_host),
        ("QDRANT_HOST", lambda text: address_of(QdrantOptions(host=text))),
        ("QDRANT_URL", lambda text: address_of(QdrantOptions(url=text))),
    ):
        if name == "QDRANT_URL" and not text:
            continue  # unset: the host counts
        with pytest.raises(InvalidSettingError) as refused:
            parse(text)
        message = str(refused.value)
        assert message.startswith(f"{name} cannot be used: ")
        assert message.isprintable()


@pytest.mark.parametrize(
    "text", ["http://user:hunter2@h", "user:hunter2@h", "http://user:hunter2@[::1", "hunter2@h:x"]
)
def test_a_password_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(InvalidSettingError) as refused:
        parse_address(text, "X_HOST", PORTS)
    assert "hunter2" not in str(refused.value)
    assert "password" in str(refused.value)


@pytest.mark.parametrize(
    ("variables", "address"),
    [
        pytest.param({"HOST": "q"}, "http://q:6333", id="host"),
        pytest.param({"HOST": "q", "PORT": "7000"}, "http://q:7000", id="host and port"),
        pytest.param({"HOST": "q:1", "PORT": "7000"}, "http://q:1", id="the host's own port"),
        pytest.param({"HOST": "http://q", "PORT": "7000"}, "http://q:7000", id="http and port"),
        pytest.param({"HOST": "https://q"}, "https://q:443", id="https"),
        pytest.param({"HOST": "https://q", "PORT": "6333"}, "https://q:6333", id="https and port"),
        pytest.param({"HOST": "0.0.0.0"}, "http://127.0.0.1:6333", id="any"),
        pytest.param({"HOST": "::1", "PORT": "7000"}, "http://[::1]:7000", id="IPv6 and port"),
        pytest.param({"URL": "https://q.example"}, "https://q.example:443", id="TLS"),
        pytest.param(
            {"URL": "https://q.example", "PORT": "6333"}, "https://q.example:443", id="URL alone"
        ),
        pytest.param({"URL": "http://q/base/"}, "http://q:6333/base", id="plain URL"),
        pytest.param({"URL": "q:1", "HOST": "other"}, "http://q:1", id="URL first"),
        pytest.param({"URL": "http://q", "PORT": ""}, "http://q:6333", id="empty port"),
    ],
)
def test_qdrant_by_host_port_and_url(
    variables: dict[str, str], address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HOST", "PORT", "URL"):
        monkeypatch.delenv(f"QDRANT_{name}", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(f"QDRANT_{name}", value)
    settings = load(QdrantSettings)
    assert address_of(settings.options()) == address
    assert address_of(settings) == address  # type: ignore[arg-type]
