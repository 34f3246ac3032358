"""What git neither tracks nor ignores: the same names without its matcher, in bounded time."""

from __future__ import annotations

import ast
import os
import random
import shutil
import subprocess
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import harness
from harness.errors import TransientError
from harness.repository.git import run_git
from harness.repository.git_rules import is_ignored
from harness.repository.ignore import MAX_PATTERNS, IgnoreTree
from harness.repository.tracked import git_files, git_prefix, tracked_names
from harness.repository.untracked import untracked_files
from harness.repository.walk import walk
from tests.repositories import ENDLESS, LONG_NAME, make_repository

# What makes git match names against patterns of the repository or the workspace.
MATCHING = {
    *("add", "archive", "check-attr", "check-ignore", "checkout", "checkout-index", "clean"),
    *("commit", "diff", "diff-files", "grep", "reset", "rm", "stash", "status"),
    "--exclude-standard",
}
# Both look first whether a pattern would take long.
GUARDED = {("attributes.py", "check-attr"), ("mirrors.py", "reset")}


def not_tracked(root: Path) -> tuple[str, ...]:
    return untracked_files(root, tracked_names(root)).names


def test_no_git_command_matches_patterns() -> None:
    """Each such command would be busy for ever with one line of an ignore or attribute file."""
    found = set()
    for path in Path(harness.__file__).parent.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if "run_git" in text or "git_text" in text:
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.List | ast.Tuple | ast.Call):
                    parts = node.args if isinstance(node, ast.Call) else node.elts
                    words = {e.value for e in parts if isinstance(e, ast.Constant)}
                    found |= {(path.name, word) for word in words & MATCHING}
    assert found == GUARDED


@pytest.mark.usefixtures("impatient")
def test_an_endless_pattern_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make_repository(tmp_path / "r", {"a.py": "a\n", "sub/b.py": "b\n"})
    home = tmp_path / "home"
    (home / "git").mkdir(parents=True)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    for rules in (root / ".gitignore", root / ".git/info/exclude", home / "git/ignore"):
        rules.write_text(f"{ENDLESS}\nin/{ENDLESS}\n*.log\n")
    for name in (LONG_NAME, f"sub/{LONG_NAME}", "sub/x.log"):
        (root / name).write_text("x\n")
    assert [file.path for file in walk(root, max_file_bytes=99).files] == [
        *(".gitignore", "a.py", LONG_NAME, "sub/" + LONG_NAME, "sub/b.py")
    ]
    (root / LONG_NAME).unlink()
    (root / LONG_NAME).mkdir()
    (root / LONG_NAME / "c.py").write_text("c\n")
    assert git_prefix(root / LONG_NAME) == f"{LONG_NAME}/"


def test_time_is_limited(tmp_path: Path) -> None:
    root = make_repository(tmp_path / "r", {"a.py": "a\n"})
    with pytest.raises(TransientError, match="took too long"):
        untracked_files(root, tracked_names(root), seconds=0)


def test_an_ignored_folder_is_not_entered(tmp_path: Path) -> None:
    root = make_repository(tmp_path / "r", {".gitignore": "node_modules/\n"})
    (root / "node_modules/x").mkdir(parents=True)
    # It would be named among those that cannot be read, or lead out.
    (root / "node_modules/x/.gitignore").write_text("!*\n")
    (root / "node_modules/x/y.js").write_text("y\n")
    assert not_tracked(root) == ()


def test_rules_beyond_a_limit_are_not_followed(caplog: pytest.LogCaptureFixture) -> None:
    tree = IgnoreTree()
    tree.add("", "*.log\n")
    tree.add("in", "x\n" * MAX_PATTERNS)
    assert tree.ignores("in/a.log")
    assert not tree.ignores("in/x")
    assert "too many" in caplog.text


def test_links_to_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's may be one, as some tools make it; those of the tree may not."""
    root = make_repository(tmp_path / "r", {"a.py": "a\n"})
    (tmp_path / "kept").write_text("*.log\n")
    (tmp_path / "home/git").mkdir(parents=True)
    (tmp_path / "home/git/ignore").symlink_to(tmp_path / "kept")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    (tmp_path / "others").write_text("*.txt\n")
    (root / ".gitignore").symlink_to(tmp_path / "others")
    for name in ("x.log", "x.txt"):
        (root / name).write_text("x\n")
    os.mkfifo(root / ".git/info/pipe")
    run_git(["config", "core.excludesFile", "~/x"], root, 30)
    assert "x.log" in not_tracked(root)
    run_git(["config", "--unset", "core.excludesFile"], root, 30)
    assert not_tracked(root) == (".gitignore", "x.txt")
    run_git(["config", "core.excludesFile", ".git/info/pipe"], root, 30)
    assert "x.log" in not_tracked(root)


def names_of(output: bytes) -> list[str]:
    return sorted(os.fsdecode(path) for path in output.split(b"\0") if path)


def test_names_are_those_that_git_lists(tmp_path: Path) -> None:
    """Random trees: tracked files, forced ones among them, repositories inside, links, rules in
    every place."""
    chosen = random.Random(16)
    names = ["a", "B", "src", "lib", "x.py", "Y.txt", "a b", "é.py", os.fsdecode(b"\xe9"), ".git"]
    atoms = [
        *("*", "**", "a", "b", "src", "lib", "*.py", "x.py", "?", "??", "[a-c]", "[!a]", "s*c"),
        *("**/x.py", "a\\ b", "é*", "*b", "**a", "[[:alpha:]]", "[[:upper:]]*", "\\!a", "[A", "#a"),
        *("[é]*", "l?b", "*.*", "x.p[y-]", "y.TXT", "SRC"),
    ]

    def rules() -> bytes:
        lines = []
        for _ in range(chosen.randint(1, 4)):
            glob = "/".join(chosen.choice(atoms) for _ in range(chosen.choice([1, 1, 1, 2, 3])))
            before = chosen.choice(["", "", "!", "/", "!/"])
            lines.append(before + glob + chosen.choice(["", "", "/", "  ", "\r", "\0c"]))
        return chosen.choice(["", "", "\ufeff"]).encode() + "\n".join(lines).encode()

    for number in range(14):
        root = tmp_path / str(number)
        root.mkdir()
        run_git(["init", "-q"], root, 30)
        for _ in range(22):
            path = root.joinpath(*(chosen.choice(names) for _ in range(chosen.randint(1, 4))))
            if root / ".git" in (path, *path.parents) or os.path.lexists(path):
                continue
            if any(above.is_file() or above.is_symlink() for above in path.parents):
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            if chosen.random() < 0.1:
                path.symlink_to(".")
            else:
                path.write_text("x")
        folders = [root, *sorted(p for p in root.rglob("*") if p.is_dir() and not p.is_symlink())]
        folders = [p for p in folders if ".git" not in p.relative_to(root).parts]
        inner = chosen.choice(folders)
        if inner != root and not os.path.lexists(inner / ".git"):
            run_git(["init", "-q"], inner, 30)
        for folder in [root, *chosen.sample(folders, min(3, len(folders)))]:
            (folder / ".gitignore").write_bytes(rules())
        (root / ".git/info").mkdir(exist_ok=True)
        (root / ".git/info/exclude").write_bytes(rules())
        (root / ".git/user").write_bytes(rules())
        run_git(["config", "core.excludesFile", str(root / ".git/user")], root, 30)
        if chosen.random() < 0.3:
            run_git(["config", "core.ignoreCase", "true"], root, 30)
        files = names_of(run_git(["ls-files", "-o", "-z"], root, 30).stdout)
        for name in chosen.sample(files, len(files) // 3):
            run_git(["add", "-f"], root, 30, operands=[name], check=False)
        for name in chosen.sample(files, len(files) // 6):
            if not name.endswith("/") and (root / name).is_file():
                (root / name).unlink()
                if chosen.random() < 0.5:
                    (root / name).mkdir()
                    (root / name / "x.py").write_text("x")
        tracked = sorted({name.rpartition("/")[0] for name in tracked_names(root)} - {""})
        for name in tracked[: number % 3]:
            if (root / name).is_dir() and not (root / name).is_symlink():
                shutil.rmtree(root / name)
                (root / name).symlink_to("a")
        for folder in [root, chosen.choice([f for f in folders if f.is_dir()])]:
            args = ["ls-files", "-o", "-z", "--exclude-standard"]
            expected = run_git(args, folder, 30).stdout
            top = run_git(["rev-parse", "--show-toplevel"], folder, 30).stdout
            if os.fsdecode(top[:-1]) != str(root):
                continue  # it is the other repository's
            asked = ["git", "-c", f"safe.directory={root}", "check-ignore", "-q", "."]
            ignored = subprocess.run(asked, cwd=folder, check=False).returncode == 0
            assert is_ignored(folder) == (ignored and folder != root), (root, folder)
            if not ignored:
                found = untracked_files(folder, tracked_names(folder)).names
                assert list(found) == names_of(expected), (root, folder)


def decomposed(name: str) -> str:
    return unicodedata.normalize("NFD", name)


def test_a_name_in_two_spellings_is_one_file(tmp_path: Path) -> None:
    """Of a file system that takes both for one, which a second name for the file stands for."""
    files: dict[str, str | bytes] = {
        "\u00e9t\u00e9.py": "a\n",
        decomposed("na\u00efve.py"): "b\n",
        "\u00fcber/\u00e4.py": "c\n",
    }
    root = make_repository(tmp_path / "r", files)
    (root / "neu-\u00f6.py").write_text("d\n")
    for name in ("\u00e9t\u00e9.py", "\u00fcber/\u00e4.py", "neu-\u00f6.py"):
        folder, _, last = name.rpartition("/")
        (root / folder / decomposed(last)).hardlink_to(root / name)
    (root / "na\u00efve.py").hardlink_to(root / decomposed("na\u00efve.py"))
    found = walk(root, max_file_bytes=99)
    assert sorted(file.path for file in found.files) == sorted([*files, "neu-\u00f6.py"])
    assert not_tracked(root) == ("neu-\u00f6.py",)


def test_two_files_whose_names_look_alike_are_two(tmp_path: Path) -> None:
    """Of a file system that tells spellings apart: one of them tracked, or none, or gone."""
    root = make_repository(tmp_path / "r", {"\u00e9.py": "a\n", "gone-\u00e9.py": "b\n"})
    (root / "gone-\u00e9.py").rename(root / decomposed("gone-\u00e9.py"))
    for name in (decomposed("\u00e9.py"), "\u00f6.py", decomposed("\u00f6.py"), "\udce9.py"):
        (root / name).write_text(ascii(name))
    assert "\udce9.py" in not_tracked(root)  # no spelling of anything
    found = [file.path for file in walk(root, max_file_bytes=99).files]
    assert sorted(found) == sorted(
        [*("\u00e9.py", "\u00f6.py"),
         *(decomposed(name) for name in ("\u00e9.py", "\u00f6.py", "gone-\u00e9.py"))]
    )  # fmt: skip


def test_a_folder_that_gives_decomposed_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in for macOS: whatever a folder gives is decomposed, and the tree's name opens it."""
    tracked: dict[str, str | bytes] = {
        "\u00fcber/\u00e9t\u00e9.py": "a\n",
        "caf\u00e9.py": "b\n",
        ".gitignore": "b\u00e4r/\n*.l\u00f6g\n",
    }
    root = make_repository(tmp_path / "r", tracked)
    for name in ("b\u00e4r/x.py", "a.l\u00f6g", "n\u00e9w/y.py"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text("x\n")
    real = os.scandir

    class Entry:
        """An entry under its decomposed name."""

        def __init__(self, entry: os.DirEntry[bytes]) -> None:
            self.name = decomposed(entry.name.decode()).encode()
            self.path = entry.path
            self.stat, self.is_dir = entry.stat, entry.is_dir
            self.is_file, self.is_symlink = entry.is_file, entry.is_symlink

    @contextmanager
    def scandir(path: bytes) -> Iterator[list[Entry]]:
        with real(path) as entries:
            yield [Entry(entry) for entry in entries]

    monkeypatch.setattr("harness.repository.untracked.os.scandir", scandir)
    assert not_tracked(root) == ("n\u00e9w/y.py",)
    found = sorted(file.path for file in walk(root, max_file_bytes=99).files)
    assert found == sorted([*tracked, "n\u00e9w/y.py"])


def test_a_folder_of_the_work_tree_that_cannot_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_repository(tmp_path / "r", {"a.py": "a\n", "in/b.py": "b\n"})
    (root / "in/locked").mkdir()
    scandir = os.scandir

    def refuse(path: bytes) -> object:
        if path.endswith(b"/locked/"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr("harness.repository.untracked.os.scandir", refuse)
    assert git_files(root / "in", "in/").unreadable_folders == ("locked",)
