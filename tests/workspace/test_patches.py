"""Patches of files with any line ends and encodings, brought home in every way."""

from __future__ import annotations

import base64
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.errors import PatchConflictError
from harness.workspace import apply_patch, create_workspace
from harness.workspace.control import quote_pattern
from tests.repositories import ENDLESS


def git(folder: Path, *arguments: str, data: bytes = b"") -> None:
    options = ["-c", "user.name=t", "-c", "user.email=t@t", "-c", "core.safecrlf=false"]
    done = subprocess.run(
        ["git", *options, *arguments], cwd=folder, input=data, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()


def committed(root: Path, files: dict[str, bytes], **config: str) -> Path:
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    for key, value in config.items():
        git(root, "config", f"core.{key}", value)
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    git(root, "add", ".")
    git(root, "commit", "-qm", "first")
    return root


def by_us(patch: str, root: Path) -> None:
    apply_patch(patch, root)


def by_the_users_git(patch: str, root: Path) -> None:
    git(root, "apply", "-", data=patch.encode("utf-8", "surrogateescape"))


each_way = pytest.mark.parametrize("bring_home", [by_us, by_the_users_git])
each_start = pytest.mark.parametrize("ref", [None, "HEAD"], ids=["as-is", "ref"])

OLD, NEW = "def a():\n    return 1\n\n\nb = 2\n", "def a():\n    return 3\n\n\nb = 2\n"
CRLF_OLD, CRLF_NEW = OLD.replace("\n", "\r\n"), NEW.replace("\n", "\r\n")


@each_way
@each_start
@pytest.mark.parametrize(
    ("attributes", "config", "old", "new"),
    [
        pytest.param("* text=auto eol=crlf\n", {}, CRLF_OLD, CRLF_NEW, id="auto-eol-crlf"),
        pytest.param("*.py text eol=crlf\n", {}, CRLF_OLD, CRLF_NEW, id="text-eol-crlf"),
        pytest.param("*.py eol=crlf\n", {}, CRLF_OLD, CRLF_NEW, id="eol-crlf"),
        pytest.param("*.py crlf\n", {"eol": "crlf"}, CRLF_OLD, CRLF_NEW, id="crlf-core-eol"),
        pytest.param("", {"autocrlf": "true"}, CRLF_OLD, CRLF_NEW, id="autocrlf"),
        pytest.param("* text=auto\n", {"eol": "crlf"}, CRLF_OLD, CRLF_NEW, id="core-eol"),
        pytest.param("* -text\n", {"autocrlf": "true"}, CRLF_OLD, CRLF_NEW, id="binary-crlf"),
        pytest.param("* text=auto eol=lf\n", {}, OLD, NEW, id="eol-lf"),
        pytest.param("", {}, CRLF_OLD, CRLF_NEW, id="crlf-in-blobs"),
        pytest.param("", {"autocrlf": "input"}, OLD, NEW, id="autocrlf-input"),
    ],
)
def test_line_ends(
    tmp_path: Path,
    bring_home: Callable[[str, Path], None],
    ref: str | None,
    attributes: str,
    config: dict[str, str],
    old: str,
    new: str,
) -> None:
    files = {"a b.py": old.encode(), "other.py": old.encode()}
    if attributes:
        files[".gitattributes"] = attributes.encode()
    root = committed(tmp_path / "r", files, **config)
    bring_home(patch_of(root, ref, "a b.py", b"return 1", b"return 3"), root)
    assert (root / "a b.py").read_bytes() == new.encode()
    assert (root / "other.py").read_bytes() == old.encode()


@each_way
@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(b"\xef\xbb\xbfx = 1\n", b"\xef\xbb\xbfx = 2\n", id="bom"),
        pytest.param(b"\xef\xbb\xbfx = 1\r\ny\r\n", b"\xef\xbb\xbfx = 2\r\ny\r\n", id="bom-crlf"),
        pytest.param(b"x = 1", b"x = 2", id="no-last-end"),
        pytest.param(b"y\r\nx = 1", b"y\r\nx = 2", id="crlf-no-last-end"),
        pytest.param(b"y\nx = 1", b"y\nx = 1\n", id="last-end-added"),
        pytest.param(b"y\nx = 1\n", b"y\nx = 1", id="last-end-removed"),
        pytest.param(b"a\r\nx = 1\nb\r\nc\n", b"a\r\nx = 2\nb\r\nc\n", id="mixed"),
        pytest.param(b"a\rx = 1\rb\r", b"a\rx = 2\rb\r", id="cr"),
        pytest.param(b"caf\xe9 = 1\n", b"caf\xe9 = 2\n", id="latin-1"),
        pytest.param(b"\tx = 1  \n\n", b"\tx = 2  \n\n", id="blanks"),
        pytest.param("x\u2028 = 1\x0c\n".encode(), "x\u2028 = 2\x0c\n".encode(), id="separators"),
        pytest.param(b"", b"x\r\n", id="was-empty"),
        pytest.param(b"x\r\n", b"", id="is-empty"),
    ],
)
def test_bytes(
    tmp_path: Path, bring_home: Callable[[str, Path], None], old: bytes, new: bytes
) -> None:
    root = committed(tmp_path / "r", {"f.txt": old})
    space = create_workspace(root, tmp_path / "state")
    (space.root / "f.txt").write_bytes(new)
    bring_home(space.patch(), root)
    assert (root / "f.txt").read_bytes() == new


UTF16 = "\ufeffcaption = 1\r\nä = 2\r\n".encode("utf-16-le")


@each_way
@each_start
@pytest.mark.parametrize(
    ("attributes", "old"),
    [
        pytest.param("*.rc text working-tree-encoding=UTF-16LE-BOM eol=crlf\n", UTF16, id="le-bom"),
        pytest.param("*.rc text working-tree-encoding=UTF-16\n", UTF16, id="utf-16"),
        pytest.param("*.rc working-tree-encoding=UTF-16LE -text\n", UTF16[2:], id="le-raw"),
        pytest.param("*.rc working-tree-encoding=ISO-8859-1\n", b"\xe4 = 1\n", id="latin-1"),
    ],
)
def test_encodings(
    tmp_path: Path,
    bring_home: Callable[[str, Path], None],
    ref: str | None,
    attributes: str,
    old: bytes,
) -> None:
    one, three = (
        ("1".encode("utf-16-le"), "3".encode("utf-16-le")) if b"\0" in old else (b"1", b"3")
    )
    if attributes.startswith("*.rc text working-tree-encoding=UTF-16\n"):
        old = old.replace("\r".encode("utf-16-le"), b"")  # text without eol: LF on this platform
    root = committed(
        tmp_path / "r", {".gitattributes": attributes.encode(), "a [1].rc": old, "b.py": b"b = 1\n"}
    )
    space = create_workspace(root, tmp_path / "state", ref)
    for path in (space.root / "a [1].rc", space.root / "b.py"):
        data = path.read_bytes()
        path.write_bytes(data.replace(one, three) if one in data else data.replace(b"1", b"3"))
    patch = space.patch()
    assert "GIT binary patch" not in patch
    bring_home(patch, root)
    assert (root / "a [1].rc").read_bytes() == old.replace(one, three)
    assert (root / "b.py").read_bytes() == b"b = 3\n"


def test_an_encoded_file_is_restored(tmp_path: Path) -> None:
    attributes = b"*.rc text working-tree-encoding=UTF-16LE-BOM eol=crlf\n"
    root = committed(tmp_path / "r", {".gitattributes": attributes, "a.rc": UTF16})
    space = create_workspace(root, tmp_path / "state")
    before = space.snapshot()
    (space.root / "a.rc").write_bytes(UTF16.replace(b"1", b"3"))
    space.restore(before)
    assert (space.root / "a.rc").read_bytes() == UTF16
    assert space.patch() == ""


def test_a_file_that_is_not_in_its_encoding_stays_bytes(tmp_path: Path) -> None:
    """Git would refuse to add it; the task goes on, and the patch is a binary one."""
    root = committed(tmp_path / "r", {"a.rc": b"plain\n", "b.rc": b"odd"})
    (root / ".gitattributes").write_bytes(b"*.rc working-tree-encoding=UTF-16LE-BOM\n")
    space = create_workspace(root, tmp_path / "state")
    (space.root / "a.rc").write_bytes(b"changed\n")
    apply_patch(space.patch(), root)
    assert (root / "a.rc").read_bytes() == b"changed\n"


def test_mixed_line_ends_are_not_made_equal(tmp_path: Path) -> None:
    """Git's own conversion would change lines that the patch says nothing of."""
    root = committed(
        tmp_path / "r", {".gitattributes": b"*.py text eol=crlf\n", "a.py": CRLF_OLD.encode()}
    )
    patch = patch_of(root, "HEAD", "a.py", b"return 1", b"return 3")
    mixed = CRLF_OLD.replace("b = 2\r\n", "b = 2\n").encode()
    (root / "a.py").write_bytes(mixed)
    with pytest.raises(PatchConflictError, match="nothing was changed"):
        apply_patch(patch, root)
    assert (root / "a.py").read_bytes() == mixed


@pytest.mark.parametrize(
    "name", ["a b", 'a"b', "a\\b", "[x]*?.py", "!a", "#a", "tab\tend", "ä", "d/e", "nl\nx"]
)
def test_a_pattern_matches_its_path_only(tmp_path: Path, name: str) -> None:
    root = committed(tmp_path / "r", {"x": b""})
    (root / ".git" / "info" / "attributes").write_text(f"{quote_pattern(name)} mark\n")
    done = subprocess.run(
        ["git", "check-attr", "-z", "--stdin", "mark"],
        cwd=root,
        input=f"{name}\0sub/{name}\0x.py\0".encode(),
        capture_output=True,
        check=True,
    )
    assert done.stdout.split(b"\0")[2::3] == [b"set", b"unspecified", b"unspecified"]


def patch_of(root: Path, ref: str | None, name: str, old: bytes, new: bytes) -> str:
    space = create_workspace(root, root.parent / "state", ref)
    path = space.root / name
    path.write_bytes(path.read_bytes().replace(old, new))
    patch = space.patch()
    space.close()
    return patch


MADE = (
    'diff --git "a/{0}" "b/{0}"\nnew file mode 100644\n--- /dev/null\n+++ "b/{0}"\n'
    "@@ -0,0 +1 @@\n+x\n"
)
# Git's form of two bytes: the length of what zlib makes of them as a letter, then base 85.
BINARY = "J" + base64.b85encode(zlib.compress(b"\0\n"), pad=True).decode()
MOVED = 'diff --git "a/{1}" "b/{0}"\nsimilarity index 100%\n{2} from "{1}"\n{2} to "{0}"\n'


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(".git/config", id="plain"),
        pytest.param(".GIT/config", id="case"),
        pytest.param("in/.git::$INDEX_ALLOCATION/config", id="stream"),
        pytest.param("GIT~1/config", id="short"),
        pytest.param(".git. /config", id="dots-and-blanks"),
        pytest.param(".g\u200cit/config", id="left-out-by-hfs"),
        pytest.param(r".g\342\200\214it/config", id="left-out-by-hfs-octal"),
        pytest.param(r"\056git/config", id="octal"),
    ],
)
def test_git_s_own_folder_is_refused(tmp_path: Path, name: str) -> None:
    root = committed(tmp_path / "r", {"a.txt": b"x\n"})
    for patch in (
        MADE.format(name),
        MOVED.format(name, "a.txt", "rename"),
        MOVED.format("b.txt", name, "copy"),
    ):
        with pytest.raises(PatchConflictError, match="git's own folder"):
            apply_patch(patch, root)
    assert sorted(path.name for path in root.iterdir()) == [".git", "a.txt"]


@pytest.mark.parametrize(
    "patch",
    [
        pytest.param(
            MADE.format(r".git\141ttributes").replace("+x", f"+{ENDLESS} -text"), id="octal"
        ),
        pytest.param(MADE.format(".GITattributes").replace("+x", f"+{ENDLESS} -text"), id="case"),
        pytest.param(MOVED.format("in/.gitattributes", "a.txt", "rename"), id="renamed"),
        pytest.param(MOVED.format("in/.gitattributes", "a.txt", "copy"), id="copied"),
        pytest.param(
            "diff --git a/.gitattributes b/.gitattributes\nnew file mode 100644\nindex "
            f"{0:040}..{1:040}\nGIT binary patch\nliteral 2\n{BINARY}\n\nliteral 0\n"
            "HcmV?d00001\n\n",
            id="in-no-lines",
        ),
    ],
)
def test_slow_attributes_are_found_under_any_name(tmp_path: Path, patch: str) -> None:
    root = committed(tmp_path / "r", {"a.txt": f"{ENDLESS} text\n".encode()})
    with pytest.raises(PatchConflictError, match="too long over a pattern"):
        apply_patch(patch, root)
