"""Reading one file: safely, decoded, and judged by its content."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from harness.repository import content, credentials
from harness.repository.content import (
    SourceText,
    blob_id,
    classify,
    decode,
    read_source,
    without_secrets,
)
from harness.types import SkipReason, SourceFile
from tests.repositories import run_unprivileged

LIMIT = 1_000_000


def source(root: Path, name: str, data: bytes | None = None) -> SourceFile:
    path = root / name
    if data is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    status = path.lstat()
    return SourceFile(name, status.st_size, status.st_mtime_ns)


def read(root: Path, name: str, data: bytes | None = None) -> SourceText | SkipReason:
    return read_source(root, source(root, name, data), LIMIT)


class TestReading:
    def test_text_and_id(self, tmp_path: Path) -> None:
        found = read(tmp_path, "pkg/a b.py", "x = 'é'\n".encode())
        assert isinstance(found, SourceText)
        assert found.text == "x = 'é'\n"
        assert found.path == "pkg/a b.py"
        assert found.content_id == blob_id("x = 'é'\n".encode())
        assert found.size_bytes == 9

    def test_blob_id_is_git_s(self, tmp_path: Path) -> None:
        data = b"some\0thing\r\n"
        command = ["git", "hash-object", "--stdin"]
        git = subprocess.run(command, input=data, capture_output=True, check=True)
        assert blob_id(data) == git.stdout.decode().strip()

    def test_id_of_a_clean_file_is_kept(self, tmp_path: Path) -> None:
        file = source(tmp_path, "a.py", b"x\r\n")
        clean = SourceFile(file.path, file.size_bytes, file.mtime_ns, "f" * 40)
        found = read_source(tmp_path, clean, LIMIT)
        assert isinstance(found, SourceText)
        assert found.content_id == "f" * 40

    def test_id_of_a_file_changed_since_the_walk_is_computed(self, tmp_path: Path) -> None:
        file = source(tmp_path, "a.py", b"x\n")
        clean = SourceFile(file.path, file.size_bytes, file.mtime_ns, "f" * 40)
        (tmp_path / "a.py").write_bytes(b"other\n")
        found = read_source(tmp_path, clean, LIMIT)
        assert isinstance(found, SourceText)
        assert found.content_id == blob_id(b"other\n")

    def test_vanished(self, tmp_path: Path) -> None:
        file = source(tmp_path, "d/a.py", b"x")
        (tmp_path / "d/a.py").unlink()
        assert read_source(tmp_path, file, LIMIT) is SkipReason.VANISHED
        (tmp_path / "d").rmdir()
        assert read_source(tmp_path, file, LIMIT) is SkipReason.VANISHED

    def test_folder_became_a_file(self, tmp_path: Path) -> None:
        file = source(tmp_path, "d/a.py", b"x")
        (tmp_path / "d/a.py").unlink()
        (tmp_path / "d").rmdir()
        (tmp_path / "d").write_text("x")
        assert read_source(tmp_path, file, LIMIT) is SkipReason.VANISHED

    def test_links_are_not_followed(self, tmp_path: Path) -> None:
        (tmp_path / "root/in").mkdir(parents=True)
        (tmp_path / "outside").mkdir()
        (tmp_path / "outside/a.py").write_text("private = 1")
        (tmp_path / "root/a.py").symlink_to(tmp_path / "outside/a.py")
        (tmp_path / "root/in/d").symlink_to(tmp_path / "outside")
        root = tmp_path / "root"
        assert read(root, "a.py") is SkipReason.SYMLINK
        assert read_source(root, SourceFile("in/d/a.py", 11, 0), LIMIT) is SkipReason.SYMLINK

    @pytest.mark.parametrize("path", ["../a.py", "in/../../a.py", "/etc/passwd", "a\0.py", ""])
    def test_paths_out_of_the_root(self, tmp_path: Path, path: str) -> None:
        (tmp_path / "root/in").mkdir(parents=True)
        (tmp_path / "a.py").write_text("x")
        found = read_source(tmp_path / "root", SourceFile(path, 1, 0), LIMIT)
        assert found is SkipReason.UNREADABLE

    def test_pipe_and_folder_are_not_opened(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe.py")
        (tmp_path / "d.py").mkdir()
        assert read(tmp_path, "pipe.py") is SkipReason.NOT_TEXT
        assert read(tmp_path, "d.py") is SkipReason.NOT_TEXT

    def test_grown_past_the_limit(self, tmp_path: Path) -> None:
        file = source(tmp_path, "a.py", b"x")
        (tmp_path / "a.py").write_bytes(b"x" * 11)
        assert read_source(tmp_path, file, 10) is SkipReason.TOO_LARGE
        assert isinstance(read_source(tmp_path, file, 11), SourceText)

    def test_fifty_megabytes_on_one_line(self, tmp_path: Path) -> None:
        with (tmp_path / "a.js").open("wb") as file:
            file.truncate(50_000_000)
        assert read(tmp_path, "a.js") is SkipReason.TOO_LARGE

    def test_unreadable(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            Path(name).chmod(0o755)
            (Path(name) / "a.py").write_text("x")
            (Path(name) / "a.py").chmod(0)
            code = (
                "import sys; from pathlib import Path\n"
                "from harness.repository.content import read_source\n"
                "from harness.types import SourceFile\n"
                "print(read_source(Path(sys.argv[1]), SourceFile('a.py', 1, 0), 10).value)\n"
            )
            assert run_unprivileged(code, name) == "unreadable"


class TestDecoding:
    @pytest.mark.parametrize(
        ("data", "expected"),
        [
            pytest.param(b"a\nb", "a\nb", id="as it is"),
            pytest.param(b"a\r\nb\r\n", "a\nb\n", id="windows"),
            pytest.param(b"a\rb\r", "a\nb\n", id="old mac"),
            pytest.param(b"50%\r60%\r\nb\n", "50%\r60%\nb\n", id="lone CR inside a line"),
            pytest.param(b"\xef\xbb\xbfa\n", "a\n", id="UTF-8 mark"),
            pytest.param("é\r\n".encode("utf-16"), "é\n", id="UTF-16 mark"),
            pytest.param(b"\xfe\xff" + "é\n".encode("utf-16-be"), "é\n", id="UTF-16 BE"),
            pytest.param(
                "a\x0cb\x1cc\x85d\u2028e\n".encode(), "a\x0cb\x1cc\x85d\u2028e\n", id="FF"
            ),
            pytest.param(b"caf\xe9\r\n", "caf\xe9\n", id="latin-1"),
            pytest.param(b"5 \x80 \x93much\x94", "5 \u20ac \u201cmuch\u201d", id="windows-1252"),
            pytest.param(b"\x1b[1m fen\xeatre \x1a", "\x1b[1m fen\xeatre \x1a", id="DOS"),
            pytest.param(b"a = 1 \xe9\x01", SkipReason.NOT_TEXT, id="control character"),
            pytest.param("пока\n".encode("koi8-r"), SkipReason.NOT_TEXT, id="other script"),
            pytest.param(b"\xef\xbb\xbfcaf\xe9", SkipReason.NOT_TEXT, id="damaged UTF-8"),
            pytest.param(b"\xff\xfea", SkipReason.NOT_TEXT, id="torn UTF-16"),
            pytest.param(b"\xed\xa0\x80", SkipReason.NOT_TEXT, id="surrogate"),
            pytest.param(b"a\0b", SkipReason.BINARY, id="NUL"),
            pytest.param("a".encode("utf-32"), SkipReason.BINARY, id="UTF-32"),
            pytest.param(b"\xff\xfe\0\0", SkipReason.BINARY, id="NUL in UTF-16"),
        ],
    )
    def test_decode(self, data: bytes, expected: str | SkipReason) -> None:
        assert decode(data) == expected

    def test_lines_are_those_of_git(self, tmp_path: Path) -> None:
        found = read(
            tmp_path, "a.py", b"one\x0c\r\ntwo\r\n\x0cthree\xe2\x80\xa8still three\r\nfour"
        )
        assert isinstance(found, SourceText)
        lines = found.text.split("\n")
        assert (len(lines), lines[3]) == (4, "four")


class TestEmpty:
    @pytest.mark.parametrize("data", [b"", b" \n\t\r\n", b"\xef\xbb\xbf", b"\x0c\n"])
    def test_only_blanks(self, tmp_path: Path, data: bytes) -> None:
        assert read(tmp_path, "a.py", data) is SkipReason.EMPTY


class TestGenerated:
    @pytest.mark.parametrize(
        "head",
        [
            pytest.param("# @generated by a tool\n", id="@generated"),
            pytest.param("/**\n * @generated SignedSource<<x>>\n */\n", id="signed source"),
            pytest.param("// Code generated by mockgen. DO NOT EDIT.\n", id="go"),
            pytest.param("# This file is generated by mk.py. DO NOT EDIT.\n", id="this file"),
            pytest.param(
                "# -*- coding: utf-8 -*-\n# Generated by the protocol buffer compiler.  DO", id="pb"
            ),
            pytest.param("// <auto-generated>\n", id="csharp"),
            pytest.param("#!/bin/sh\n\n\n\n\n\n# @generated\n", id="after blank lines"),
        ],
    )
    def test_marked(self, head: str) -> None:
        assert classify("a.go", head + "x = 1\n") is SkipReason.GENERATED

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param('MARK = "@generated"\n', id="in a string"),
            pytest.param("# skips files with `@generated` in them\n", id="quoted in a comment"),
            pytest.param("# 1\n# 2\n# 3\n# 4\n# 5\n# @generated\n", id="further down"),
            pytest.param("# Generated by Django 4.2 on 2024-01-01\n", id="django migration"),
            pytest.param("# mail me@generated.org\n", id="address"),
            pytest.param("# Do not edit this without asking\n", id="request"),
        ],
    )
    def test_not_marked(self, text: str) -> None:
        assert classify("a.py", text + "x = 1\n") is None


class TestMinified:
    squeezed = "function a(b,c){return b+c};" * 300

    @pytest.mark.parametrize(
        ("path", "text"),
        [
            pytest.param("a.js", squeezed, id="one line"),
            pytest.param("a.css", "/*! licence\n" * 20 + squeezed, id="after a licence"),
            pytest.param("a.js", "\n".join([squeezed[:500]] * 20), id="wrapped at 500"),
            pytest.param("unknown", "x" * 100_000, id="one word"),
            pytest.param("a.json", '{"version":3,"sources":[],"mappings":"AAAA"}', id="source map"),
            pytest.param("a.js", "var a = 1;\n//# sourceMappingURL=a.js.map\n", id="compiled"),
            pytest.param("a.css", "a {}\n/*# sourceMappingURL=a.css.map */", id="compiled css"),
        ],
    )
    def test_found(self, path: str, text: str) -> None:
        assert classify(path, text) is SkipReason.MINIFIED

    @pytest.mark.parametrize(
        ("path", "text"),
        [
            pytest.param("a.js", "function a(b) {\n  return b;\n}\n" * 500, id="source"),
            pytest.param("a.md", "这是一个很长的段落" * 500, id="chinese prose"),
            pytest.param("a.html", "some words in a long line " * 500, id="prose in html"),
            pytest.param("a.json", "[" + "1," * 400_000 + "1]", id="data on one line"),
            pytest.param("a.csv", ("a,b,c" * 200 + "\n") * 500, id="wide table"),
            pytest.param(
                "a.py", "x = 1  # code\n" * 400 + "B = '" + "A" * 5_000 + "'", id="a blob"
            ),
            pytest.param("a.js", "x();\n" * 9 + "y('sourceMappingURL=a.map');\n", id="mention"),
            pytest.param("a.js", "export*from'./a';" * 30, id="short file"),
        ],
    )
    def test_let_through(self, path: str, text: str) -> None:
        assert classify(path, text) is None


KEY = "AKIA" + "QWERTYUIOPASDFGH"  # in parts, so that no scanner takes it for a leak


def test_a_secret_is_hidden_and_its_file_stays(tmp_path: Path) -> None:
    lines = ["import boto3", "", f"client = boto3.client('s3', key='{KEY}')", "print(client)"]
    (tmp_path / "s3.py").write_text("\n".join(lines))
    found = read(tmp_path, "s3.py")
    assert isinstance(found, SourceText)
    assert found.text.split("\n") == [line.replace(KEY, "[redacted]") for line in lines]


def test_a_file_of_little_but_secrets_is_left_out() -> None:
    assert without_secrets(f"k={KEY}\n") is SkipReason.SECRET
    kept = "a = 1\nkey = 'AKIAIOSFODNN7EXAMPLE'\n"
    assert without_secrets(kept) == kept


@pytest.mark.parametrize("module", [content.__file__, credentials.__file__, __file__])
def test_our_own_source_is_let_through(module: str) -> None:
    path = Path(module)
    assert isinstance(read(path.parent, path.name), SourceText)


def test_git_lfs_pointer_is_binary() -> None:
    text = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n"
    assert classify("model.dat", text) is SkipReason.BINARY
