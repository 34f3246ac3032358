"""How ``OLLAMA_HOST`` and the names of models are read."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from harness.errors import InvalidSettingError
from harness.models.ollama.address import parse_host, same_model
from harness.models.ollama.prefixes import prefixes_of


class TestAddress:
    @pytest.mark.parametrize(
        ("text", "url"),
        [
            pytest.param("localhost", "http://localhost:11434", id="host"),
            pytest.param("gpu-box:8080", "http://gpu-box:8080", id="host and port"),
            pytest.param(":8080", "http://127.0.0.1:8080", id="port alone"),
            pytest.param("  10.0.0.5 ", "http://10.0.0.5:11434", id="IPv4 with spaces"),
            pytest.param("http://ollama:11434", "http://ollama:11434", id="URL"),
            pytest.param("http://ollama:11434/", "http://ollama:11434", id="trailing slash"),
            pytest.param("http://ollama", "http://ollama:80", id="http without port"),
            pytest.param("https://ai.example.org", "https://ai.example.org:443", id="https"),
            pytest.param("HTTPS://ai.example.org", "https://ai.example.org:443", id="upper case"),
            pytest.param(
                "https://ai.example.org/team/ollama/",
                "https://ai.example.org:443/team/ollama",
                id="prefix",
            ),
            pytest.param("example.org/x", "http://example.org:11434/x", id="prefix, no scheme"),
            pytest.param("::1", "http://[::1]:11434", id="bare IPv6"),
            pytest.param("[::1]", "http://[::1]:11434", id="IPv6 in brackets"),
            pytest.param("[fd00::2]:9000", "http://[fd00::2]:9000", id="IPv6 and port"),
            pytest.param("http://[::1]:9000/p", "http://[::1]:9000/p", id="IPv6 URL"),
            pytest.param("0.0.0.0", "http://127.0.0.1:11434", id="any IPv4"),
            pytest.param("0.0.0.0:8080", "http://127.0.0.1:8080", id="any IPv4 and port"),
            pytest.param("[::]:8080", "http://[::1]:8080", id="any IPv6"),
            pytest.param("ollama_gpu", "http://ollama_gpu:11434", id="underscore"),
        ],
    )
    def test_forms_that_users_write(self, text: str, url: str) -> None:
        assert parse_host(text) == url
        assert parse_host(url) == url

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("", id="empty"),
            pytest.param("ftp://host", id="scheme"),
            pytest.param("host:port", id="port is a word"),
            pytest.param("host:99999", id="port too large"),
            pytest.param("host:0", id="port 0"),
            pytest.param("host:", id="no port"),
            pytest.param("two words", id="space"),
            pytest.param("http://[::1", id="open bracket"),
            pytest.param("http://host/?q=1", id="query"),
            pytest.param("-host", id="leading dash"),
        ],
    )
    def test_anything_else_names_the_variable(self, text: str) -> None:
        with pytest.raises(InvalidSettingError, match="OLLAMA_HOST"):
            parse_host(text)

    def test_a_password_is_refused_and_not_shown(self) -> None:
        with pytest.raises(InvalidSettingError) as refused:
            parse_host("https://user:hunter2@host")
        assert "hunter2" not in str(refused.value)

    def test_latest_is_implied(self) -> None:
        assert same_model("nomic-embed-text", "Nomic-Embed-Text:latest")
        assert same_model("registry.ollama.ai/library/a", "a:latest")
        assert not same_model("a:7b", "a")
        assert not same_model("hf.co/x/a", "a")


class TestPrefixes:
    @pytest.mark.parametrize(
        ("model", "document", "query"),
        [
            pytest.param(
                "nomic-embed-text:v1.5", "search_document: ", "search_query: ", id="nomic"
            ),
            pytest.param("mxbai-embed-large", "", "Represent this sentence", id="mxbai"),
            pytest.param("snowflake-arctic-embed:33m", "", "Represent this", id="arctic 1"),
            pytest.param("snowflake-arctic-embed2", "", "query: ", id="arctic 2"),
            pytest.param("bge-m3", "", "", id="bge-m3 wants none"),
            pytest.param("hf.co/team/multilingual-e5-base", "passage: ", "query: ", id="e5"),
            pytest.param("embeddinggemma", "title: none | text: ", "task: ", id="gemma"),
            pytest.param("qwen3-embedding:0.6b", "", "Instruct: ", id="qwen3"),
            pytest.param("something-else", "", "", id="unknown"),
        ],
    )
    def test_prefixes_by_model(self, model: str, document: str, query: str) -> None:
        found = prefixes_of(model)
        assert found.document == document
        assert found.query.startswith(query)
        assert bool(found.query) == bool(query)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALL_PROXY", "socks5://127.0.0.1:1"),
        ("HTTP_PROXY", "nonsense://x"),
        ("NO_PROXY", "http://[::1"),
        ("OLLAMA_HOST", "[::1"),
        ("SSL_CERT_FILE", "/nowhere/at/all.pem"),
    ],
)
def test_no_variable_breaks_the_import_of_the_client(name: str, value: str) -> None:
    script = (
        "import os, sys\n"
        "from harness.models.ollama.client import OllamaClient\n"
        "OllamaClient('127.0.0.1:1').close()\n"
        "print(os.environ[sys.argv[1]])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, name],
        env={**os.environ, name: value},
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    assert done.stdout.strip() == value
