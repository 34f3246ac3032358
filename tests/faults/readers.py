"""Everything that reads what comes from outside, each with pieces of its own language to try.

``read`` gets a text and may raise what is in the tree of errors, or ``refuses``.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from harness.abridging.abridge import abridge
from harness.addresses import DefaultPorts, parse_address
from harness.agent.call_format import NativeProtocol, TextProtocol
from harness.agent.json_repair import read_object
from harness.agent.tools.tool import Tool, ToolOutput, schema
from harness.agent.validation import FormatError, validate
from harness.backup import manifest as manifests
from harness.chunking.chunker import chunk_text
from harness.chunking.notebooks import read_notebook
from harness.errors import HarnessError
from harness.markdown import code_block, inert
from harness.models import lexical
from harness.models.conversation import ChatTurn, ToolCall, ToolSpec
from harness.models.ollama.address import parse_host
from harness.patterns import PathPatterns
from harness.repository import content
from harness.repository.generated import is_generated
from harness.repository.ignore import IgnoreTree
from harness.repository.secret_finding import secret_spans
from harness.repository.sources import (
    clone_folder,
    is_git_url,
    secrets_of,
    source_of,
    url_name,
    without_credentials,
)
from harness.search import query
from harness.search.operators import contains, read_operators
from harness.search.path_filter import read_filter
from harness.service.tokens import Tokens
from harness.store import edge_archives, integrity, records, sqlite_files
from harness.types import RepositoryRecord
from harness.webhook.providers import PROVIDERS

_SPEC = ToolSpec(
    "edit_file",
    "Changes a file.",
    schema(
        ("path",),
        path={"type": "string", "minLength": 1},
        old={"type": "string"},
        line={"type": "integer", "minimum": 1, "maximum": 9},
    ),
)
_TOOL = Tool(_SPEC, {"path": "a.py"}, lambda _: ToolOutput("done"))
_PROTOCOLS = (NativeProtocol([_TOOL]), TextProtocol([_TOOL]))
_RECORD = RepositoryRecord("web", "/srv/web", "", "", "", 1, 1, 0, "", source="/srv/web")


@dataclass(frozen=True, slots=True)
class Reader:
    """``pieces`` are put together at random, and repeated."""

    read: Callable[[str], object]
    pieces: tuple[str, ...]
    refuses: tuple[type[BaseException], ...] = (HarnessError,)


def _ignore_rules(text: str) -> None:
    patterns = PathPatterns.parse(text)
    tree = IgnoreTree()
    tree.add("", text)
    tree.add("src", text)
    for path in ("src/a.py", "src/" + "a" * 200, "a/" * 60 + "b", "src/[a]*b?.txt", text[:300]):
        patterns.verdict(path, False)
        patterns.chooses(path)
        tree.ignores(path)
        tree.lets_in(path)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _file(text: str) -> None:
    """As the walk reads a file, before it is chunked."""
    content.decode(_bytes(text))
    for path in ("a.min.js", "b.py", "c.json", ".env"):
        content.classify(path, text)
    content.without_secrets(text)
    is_generated(text)
    secret_spans(_bytes(text))


def _tool_calls(text: str) -> None:
    for start in (0, text.find("{")):
        read_object(text, max(0, start))
    for protocol in _PROTOCOLS:
        try:
            parsed = protocol.parse(ChatTurn(text))
            protocol.assistant(parsed)
        except FormatError:
            continue


def _arguments(text: str) -> None:
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        given = {"path": text, "line": text, text: text}
    validate(ToolCall("edit_file", given if isinstance(given, dict) else {"path": given}), [_SPEC])


def _webhook(text: str) -> None:
    body = _bytes(text)
    for provider in PROVIDERS:
        kind = provider.push_header
        headers = {kind.name: kind.value} if kind else {}
        for extra in ({}, {"content-type": "application/x-www-form-urlencoded"}):
            provider.delivery_keys({**headers, **extra}, body)
            try:
                provider.read_event({**headers, **extra}, body)
            except HarnessError:
                continue


def _in_file(name: str, read: Callable[[Path], object]) -> Callable[[str], object]:
    def from_text(text: str) -> object:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            path.write_bytes(_bytes(text))
            return read(path)

    return from_text


def _tokens(path: Path) -> None:
    """A text as the file, and as each field of a token in it."""
    text = path.read_text("utf-8", "surrogatepass")
    good = {"id": "a1", "name": "n", "hash": hashlib.sha256(b"harness_a1_x").hexdigest()}
    good |= {"scope": "read", "repos": ["*"], "created": 1, "expires": None}  # type: ignore[dict-item]
    values: list[object] = [text]
    with suppress(ValueError, RecursionError):
        values.append(json.loads(text))
    files = [text, *(json.dumps([{**good, key: value}]) for key in good for value in values)]
    for tried in files:
        path.write_bytes(_bytes(tried))
        tokens = Tokens(path, clock=lambda: 1.0)
        with suppress(HarnessError):
            tokens.find("harness_a1_x")
        with suppress(HarnessError):
            tokens.listing()


def _records(text: str) -> None:
    for read in (records.read_manifest, records.read_repository, records.read_file):
        try:
            record = read(text)  # type: ignore[operator]
            records.to_json(record)
        except HarnessError:
            continue


def _database(path: Path) -> None:
    with sqlite_files.connect(path) as db:
        sqlite_files.check_schema(db, path, {"files": "CREATE TABLE files (a TEXT)"})


def _archive(path: Path) -> None:
    (path.parent / "out").mkdir()
    edge_archives.extract(path, path.parent / "out", 10)


def _address(text: str) -> None:
    for read in (
        lambda one: parse_address(one, "QDRANT_HOST", DefaultPorts(6333)),
        parse_host,
    ):
        try:
            read(text)
        except HarnessError:
            continue


def _source(text: str) -> None:
    source = source_of(text)
    if is_git_url(text):
        secrets_of(text)
        url_name(without_credentials(text))
        assert "/" not in clone_folder(source)


def _query(text: str) -> None:
    text = query.readable(text)
    asked = read_operators(text)
    if asked.words:
        query.parse(asked.words)
        lexical.query_vector(asked.words)
    contains("some text", asked.exact)


def _path_filter(text: str) -> None:
    read_filter(text, [_RECORD]).choose(["src/a.py", "a" * 300, "x/" * 60 + "y.py"])


def _chunks(suffix: str) -> Callable[[str], object]:
    def read(text: str) -> None:
        abridge(f"a.{suffix}", text)
        for chunk in chunk_text(f"a.{suffix}", text):
            lexical.document_vector(chunk.text, "a", chunk.symbol)

    return read


_JSON = ("{", "}", "[", "]", ":", ",", '"', "\\", "null", "1e999", "-1", '"a"', "\\ud800", "NaN")
_CODE = (
    "def f(a):\n    return a\n", "class A {\n", "}\n", "(", ")", '"', "'", "/*", "*/", "//", "#",
    "<a>", "</a>", "<script>", "```\n", "---\n", "| a |\n", "\t", "\n", "\r\n", "\\", "{{", "}}",
    "$(", "`", "0x", "é", "漢字", "\ud83d", "\0", "𝕏", "if (", "else", "=>", "::", "@", "&&", ";",
)  # fmt: skip
SUFFIXES = (
    "py", "js", "ts", "tsx", "go", "rs", "java", "c", "cpp", "cs", "rb", "php", "kt", "swift",
    "scala", "sh", "sql", "html", "css", "scss", "yaml", "toml", "json", "dockerfile", "md", "rst",
    "csv", "vue", "svelte", "lua", "ex", "hs", "zig", "ipynb", "xml", "mk", "tf", "proto",
    "graphql", "ini", "pl", "nim", "f90", "thrift", "txt",
)  # fmt: skip

READERS: Mapping[str, Reader] = {
    "ignore": Reader(
        _ignore_rules,
        ("*", "**", "/", "!", "?", "[", "]", "[!a]", "[a-", "\\", "a", "**/", "*a", " ", "\n", "#",
         "[[:alpha:]]", "{a,b}", "\r"),
    ),
    "file": Reader(
        _file,
        ("api_key = ", "AKIA", "-----BEGIN RSA PRIVATE KEY-----\n", "-----END RSA PRIVATE KEY-----",
         "ghp_", "a1B2c3D4", "password: ", "'", '"', "\n", "=", "://u:p@h", "eyJ", ".", "xoxb-",
         "# Code generated by x. DO NOT EDIT.\n", "/*", "*/", "\0", "é", "0123456789abcdef", " "),
    ),
    "tool-calls": Reader(
        _tool_calls,
        (*_JSON, '{"name": "edit_file", "arguments": ', "<tool_call>", "</tool_call>", "```json\n",
         "```\n", "edit_file(", 'path="a.py"', "<edit_file>", "</edit_file>", "<path>", "\n",
         "<|tool|>", "ACTION: edit_file\n", "<<<<<<< SEARCH\n", "=======\n", ">>>>>>> REPLACE\n",
         '"""', "'''", "[TOOL_CALLS]"),
    ),
    "arguments": Reader(
        _arguments,
        (*_JSON, '{"path": ', '"line": ', '"file": ', "9" * 400, "true", '{"path": "a", "line": '),
        (FormatError,),
    ),
    "webhook": Reader(
        _webhook,
        (*_JSON, '{"ref": "refs/heads/main", "after": "', "0" * 40, '"repository": {"clone_url": ',
         "payload=", "&", "%7B", "%", '"project": {"git_http_url": ', '"push": {"changes": [', "é"),
    ),
    "backup-manifest": Reader(
        _in_file("manifest.json", lambda path: manifests.read(path.parent)),
        (*_JSON, '{"schema_version": 2, "files": [', '{"schema_version": [', '"file": "', "../",
         '"collection": "', '"samples": [', '"created_at": "x", "engine": "edge"', "1"),
    ),
    "tokens": Reader(
        _in_file("tokens.json", _tokens),
        (*_JSON, '[{"id": "a1", "name": "n", "hash": "', "a" * 64, '", "scope": "read", "repos": [',
         '"*"], "created": ', '1, "expires": ', "}]", '"x"'),
    ),
    "records": Reader(
        _records,
        (*_JSON, '{"name": "a", "path": ', '"status": "indexed"', '"warnings": ', '"dimension": ',
         '"collection": "harness-', "1" * 30, "[" * 50),
    ),
    "database": Reader(
        _in_file("records.sqlite", _database),
        ("SQLite format 3\0", "\0", "\x10", "CREATE", "a"),
        (HarnessError, sqlite3.DatabaseError),  # as it says
    ),
    "archive": Reader(_in_file("a.tar.gz", _archive), ("\x1f", "\x8b", "\x08", "\0", "ustar", "a")),
    "seal": Reader(
        _in_file(integrity.SEAL, lambda path: integrity.read(path.parent)),
        (*_JSON, '{"version": 1, "settled": true, "crc32": ', '"files": {"a": [1, 2, 3]'),
    ),
    "address": Reader(
        _address, ("http", "https", "://", ":", "[", "]", "::1", "/", "@", "0.0.0.0", "99999", "%",
                   "é", "²", "．", "a", "?", "#", "\\", "[v1.a]", "1", ".", "-", "xn--"),
    ),
    "source": Reader(
        _source, ("https://", "ssh://", "git@", "file://", ":", "/", "@", "[", "]", "..", ".git",
                  "a", "é", "~", "?", "#", "%", "-", "℀", "\ud83d", "host", "0", "\0"),
    ),
    "query": Reader(
        _query, ("repo:", "lang:", "path:", "kind:function ", '"', "a", "A", "_", ".", "/", ":12",
                 "::", "()", " ", "\n", '  File "a.py", line 3\n', "é", "ǅ", "\u0301", "漢", "'",
                 "\ud83d", "\\", "-", "at a.b(C.java:1)", "İ", "ß", "xY"),
    ),
    "path-filter": Reader(
        _path_filter, ("*", "**", "/", "!", "{", "}", ",", "[", "]", "a", ".", "..", "\\", "-", "~",
                       "C:", "/srv/web", "?", " "),
    ),
    "markdown": Reader(
        lambda text: (code_block(text), inert(text)),
        ("`", "```", "~~~", "<", "![", "](", "http://", "\n", "    ", ">", "&", "[a]: ", "\\", "|"),
    ),
    "notebook": Reader(
        read_notebook,
        (*_JSON, '{"cells": [', '{"cell_type": "code", "source": [', '"print(1)\\n"',
         '"metadata": {"language_info": {"name": ', "\n"),
    ),
    **{f"chunks-{suffix}": Reader(_chunks(suffix), _CODE) for suffix in SUFFIXES},
}  # fmt: skip
