"""Listing files: git work trees, plain folders, and what is left out of both."""

from __future__ import annotations

import os
import random
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.errors import GitError, RepositoryNotFoundError, UsageError
from harness.repository.content import blob_id
from harness.repository.git import run_git
from harness.repository.walk import visible_files, walk
from harness.types import Listing, SkipReason
from tests.repositories import IDENTITY, OLD, commit_all, make_repository, run_unprivileged

LIMIT = 1_000_000


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users may enter, unlike ``tmp_path``."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def listed(root: Path, **options: list[str]) -> Listing:
    return walk(root, max_file_bytes=LIMIT, **options)  # type: ignore[arg-type]


def paths(root: Path, **options: list[str]) -> list[str]:
    return [file.path for file in listed(root, **options).files]


def skips(root: Path, **options: list[str]) -> dict[str, SkipReason]:
    return {skip.path: skip.reason for skip in listed(root, **options).skipped}


def plain(root: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root


def build(kind: str, root: Path, files: dict[str, str]) -> Path:
    return make_repository(root, dict(files)) if kind == "git" else plain(root, files)


both = pytest.mark.parametrize("kind", ["git", "plain"])


class TestGit:
    def test_tracked_and_untracked_but_not_ignored(self, tmp_path: Path) -> None:
        root = make_repository(tmp_path / "r", {"a.py": "a\n", ".gitignore": "*.log\n"})
        plain(root, {"new.py": "n", "debug.log": "l", "sub/new.py": "n"})
        listing = listed(root)
        assert [file.path for file in listing.files] == [
            *(".gitignore", "a.py", "new.py", "sub/new.py")
        ]
        assert listing.is_git
        assert listing.commit == run_git(["rev-parse", "HEAD"], root, 30).stdout.decode().strip()

    def test_clean_files_carry_their_blob_id(self, tmp_path: Path) -> None:
        root = make_repository(tmp_path / "r", {"a.py": "a\n", "b.py": "b\n"})
        (root / "new.py").write_text("new\n")
        ids = {file.path: file.content_id for file in listed(root).files}
        assert ids == {"a.py": blob_id(b"a\n"), "b.py": blob_id(b"b\n"), "new.py": None}

    @pytest.mark.parametrize(
        "change",
        [
            pytest.param(lambda p: p.write_text("longer\n"), id="other size"),
            pytest.param(lambda p: p.write_text("z\n"), id="same size"),
            pytest.param(
                lambda p: (p.write_text("z\n"), os.utime(p, (OLD, OLD))), id="same size and mtime"
            ),
            pytest.param(lambda p: p.touch(), id="touched only"),
        ],
    )
    def test_dirty_files_carry_none(self, tmp_path: Path, change: object) -> None:
        root = make_repository(tmp_path / "r", {"a.py": "a\n", "b.py": "b\n"})
        change(root / "a.py")  # type: ignore[operator]
        ids = {file.path: file.content_id for file in listed(root).files}
        assert ids == {"a.py": None, "b.py": blob_id(b"b\n")}

    def test_edit_in_the_tick_of_the_index_is_seen(self, tmp_path: Path) -> None:
        root = make_repository(tmp_path / "r", {"a.py": "a\n"})
        status = (root / "a.py").stat()
        os.utime(root / ".git/index", ns=(status.st_mtime_ns, status.st_mtime_ns))
        assert listed(root).files[0].content_id is None

    def test_assume_unchanged_does_not_hide_an_edit(self, tmp_path: Path) -> None:
        root = make_repository(tmp_path / "r", {"a.py": "a\n"})
        run_git(["update-index", "--assume-unchanged", "a.py"], root, 30)
        (root / "a.py").write_text("edited\n")
        assert listed(root).files[0].content_id is None

    def test_nothing_is_read_and_no_filter_runs(self, tmp_path: Path) -> None:
        marker = tmp_path / "ran"
        root = make_repository(tmp_path / "r", {"a.py": "a\n", ".gitattributes": "*.py filter=x\n"})
        run_git(["config", "filter.x.clean", f"touch {marker}; cat"], root, 30)
        run_git(["config", "diff.x.textconv", f"touch {marker}; cat"], root, 30)
        (root / "a.py").touch()
        accessed = (root / "a.py").stat().st_atime_ns
        listed(root)
        assert not marker.exists()
        assert (root / "a.py").stat().st_atime_ns == accessed

    def test_files_with_a_filter_carry_no_id(self, tmp_path: Path) -> None:
        root = make_repository(
            tmp_path / "r", {"a.dat": "a\n", "b.py": "b\n", ".gitattributes": "*.dat filter=lfs\n"}
        )
        ids = {file.path: file.content_id for file in listed(root).files}
        assert ids["a.dat"] is None
        assert ids["b.py"] == blob_id(b"b\n")

    def test_deleted_files_are_absent(self, tmp_path: Path) -> None:
        root = make_repository(tmp_path / "r", {"a.py": "a", "b/c.py": "c"})
        shutil.rmtree(root / "b")
        assert paths(root) == ["a.py"]
        assert skips(root) == {}

    def test_conflict_lists_a_file_once_without_id(self, tmp_path: Path) -> None:
        root = make_repository(tmp_path / "r", {"a.py": "base\n"})
        run_git(["checkout", "-q", "-b", "other"], root, 30)
        (root / "a.py").write_text("theirs\n")
        commit_all(root)
        run_git(["checkout", "-q", "main"], root, 30)
        (root / "a.py").write_text("ours\n")
        commit_all(root)
        run_git(["merge", "-q", "other"], root, 30, config=IDENTITY, check=False)
        assert [(file.path, file.content_id) for file in listed(root).files] == [("a.py", None)]

    def test_sub_folder_is_relative_to_itself(self, tmp_path: Path) -> None:
        root = make_repository(
            tmp_path / "r",
            {"a.py": "a", "pkg/b.py": "b", "pkg/in/c.py": "c", ".gitignore": "*.log"},
        )
        plain(root, {"pkg/x.log": "x", "pkg/new.py": "n"})
        listing = listed(root / "pkg")
        assert [file.path for file in listing.files] == ["b.py", "in/c.py", "new.py"]
        assert listing.root == root / "pkg"
        assert listing.files[0].content_id == blob_id(b"b")

    def test_ignored_folder_asked_for_by_name_is_listed(self, tmp_path: Path) -> None:
        root = make_repository(tmp_path / "r", {"a.py": "a", ".gitignore": "cache/\n"})
        plain(root, {"cache/flask/app.py": "x"})
        listing = listed(root / "cache/flask")
        assert [file.path for file in listing.files] == ["app.py"]
        assert not listing.is_git

    def test_no_commits(self, tmp_path: Path) -> None:
        run_git(["init", "-q"], tmp_path, 30)
        assert listed(tmp_path).files == ()
        plain(tmp_path, {"a.py": "a"})
        listing = listed(tmp_path)
        assert [file.path for file in listing.files] == ["a.py"]
        assert listing.commit is None
        assert listing.is_git

    def test_bare_repository_names_the_remedy(self, tmp_path: Path) -> None:
        run_git(["init", "-q", "--bare"], tmp_path, 30)
        with pytest.raises(UsageError, match=r"bare repository.*harness index file://"):
            listed(tmp_path)

    def test_inside_of_git_folder(self, tmp_path: Path) -> None:
        root = make_repository(tmp_path / "r", {"a.py": "a"})
        with pytest.raises(UsageError, match="folder above"):
            listed(root / ".git")

    def test_detached_and_shallow_clone(self, tmp_path: Path) -> None:
        source = make_repository(tmp_path / "r", {"a.py": "a"})
        (source / "b.py").write_text("b")
        commit_all(source)
        args = ["clone", "-q", "--depth=1"]
        operands = [source.as_uri(), str(tmp_path / "c")]
        run_git(args, tmp_path, 30, operands=operands, protocols=["file"])
        clone = tmp_path / "c"
        run_git(["checkout", "-q", "--detach"], clone, 30)
        assert paths(clone) == ["a.py", "b.py"]
        assert listed(clone).commit == listed(source).commit

    def test_linked_worktree(self, tmp_path: Path) -> None:
        root = make_repository(tmp_path / "r", {"a.py": "a"})
        run_git(["worktree", "add", "-q", "-b", "w", "../w"], root, 30)
        run_git(["worktree", "add", "-q", "-b", "in", "trees/in"], root, 30)
        assert paths(tmp_path / "w") == ["a.py"]
        assert paths(root) == ["a.py"]
        assert skips(root) == {"trees/in/": SkipReason.SUBMODULE}

    def test_submodules_and_nested_repositories(self, tmp_path: Path) -> None:
        library = make_repository(tmp_path / "library", {"lib.py": "l"})
        root = make_repository(tmp_path / "r", {"a.py": "a"})
        args = ["submodule", "add", "-q"]
        run_git(args, root, 30, operands=[str(library), "sub"], protocols=["file"])
        make_repository(root / "nested", {"n.py": "n"})
        assert paths(root) == [".gitmodules", "a.py"]
        assert skips(root) == {
            "nested/": SkipReason.SUBMODULE,
            "sub/": SkipReason.SUBMODULE,
        }
        assert paths(root / "sub") == ["lib.py"]

    def test_stale_git_file_reads_as_a_plain_folder(self, tmp_path: Path) -> None:
        plain(tmp_path, {"a.py": "a", ".git": "gitdir: /nowhere/at/all\n"})
        listing = listed(tmp_path)
        assert [file.path for file in listing.files] == ["a.py"]
        assert not listing.is_git

    def test_corrupt_index_is_an_error_with_a_remedy(self, tmp_path: Path) -> None:
        root = make_repository(tmp_path / "r", {"a.py": "a"})
        (root / ".git/index").write_bytes(b"DIRC nonsense that is no index at all" * 4)
        with pytest.raises(GitError, match="git reset"):
            listed(root)

    def test_git_is_needed_only_for_git(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        root = make_repository(tmp_path / "r", {"a.py": "a"})
        plain(tmp_path / "p", {"b.py": "b"})
        monkeypatch.setenv("PATH", "/nonexistent")
        assert paths(tmp_path / "p") == ["b.py"]
        with pytest.raises(GitError, match="install git"):
            listed(root)

    def test_folder_replaced_by_a_link_is_not_followed(self, tmp_path: Path) -> None:
        root = make_repository(tmp_path / "r", {"d/secret.py": "x", "a.py": "a"})
        plain(tmp_path / "outside", {"secret.py": "x"})
        shutil.rmtree(root / "d")
        (root / "d").symlink_to(tmp_path / "outside")
        assert paths(root) == ["a.py"]
        assert set(skips(root).values()) == {SkipReason.SYMLINK}

    def test_tracked_build_folder_is_source(self, tmp_path: Path) -> None:
        root = make_repository(
            tmp_path / "r", {"setup.py": "x", "build/rules.py": "x", "dist/x.py": "x"}
        )
        assert paths(root) == ["build/rules.py", "dist/x.py", "setup.py"]


class TestPlain:
    def test_nested_ignore_files(self, tmp_path: Path) -> None:
        plain(
            tmp_path,
            {
                ".gitignore": "*.log\n/only-here.py\n",
                "a.log": "x",
                "only-here.py": "x",
                "sub/only-here.py": "x",
                "sub/.gitignore": "!keep.log\nlocal/\n",
                "sub/keep.log": "x",
                "sub/other.log": "x",
                "sub/local/x.py": "x",
            },
        )
        assert paths(tmp_path) == [
            *(".gitignore", "sub/.gitignore", "sub/keep.log", "sub/only-here.py")
        ]
        assert skips(tmp_path)["sub/local/"] is SkipReason.EXCLUDED

    def test_loops_pipes_and_sockets_do_not_hang(self, tmp_path: Path) -> None:
        plain(tmp_path, {"a/b.py": "x"})
        (tmp_path / "a/loop").symlink_to(tmp_path)
        (tmp_path / "self").symlink_to("self")
        os.mkfifo(tmp_path / "pipe.py")
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(tmp_path / "s.py"))
            assert paths(tmp_path) == ["a/b.py"]
            assert skips(tmp_path) == {
                "a/loop": SkipReason.SYMLINK,
                "pipe.py": SkipReason.NOT_TEXT,
                "s.py": SkipReason.NOT_TEXT,
                "self": SkipReason.SYMLINK,
            }

    @pytest.mark.parametrize(
        ("sibling", "folder"),
        [
            pytest.param("package.json", "dist", id="dist of npm"),
            pytest.param("Cargo.toml", "target", id="target of cargo"),
            pytest.param("build.gradle", "build", id="build of gradle"),
        ],
    )
    def test_build_output_needs_a_sign(self, tmp_path: Path, sibling: str, folder: str) -> None:
        plain(tmp_path, {f"{folder}/x.js": "x", f"p/{folder}/x.js": "x", f"p/{sibling}": "x"})
        assert f"{folder}/x.js" in paths(tmp_path)
        assert skips(tmp_path) == {f"p/{folder}/": SkipReason.VENDORED}

    def test_no_git_folders(self, tmp_path: Path) -> None:
        plain(tmp_path, {"r/.hg/x.py": "x", "r/a.py": "x", ".svn/y.py": "y"})
        make_repository(tmp_path / "g", {"b.py": "x"})
        assert paths(tmp_path) == ["g/b.py", "r/a.py"]
        assert skips(tmp_path) == {}

    def test_empty_folder(self, tmp_path: Path) -> None:
        listing = listed(tmp_path)
        assert (listing.files, listing.skipped) == ((), ())
        assert (listing.commit, listing.is_git) == (None, False)


class TestBoth:
    @both
    def test_allow_list_as_git_reads_it(self, tmp_path: Path, kind: str) -> None:
        files = {"src/a.py": "x", "src/in/b.py": "x", "src/c.txt": "x", "top.md": "x"}
        rules = "*\n!*/\n!*.py\n!.gitignore\n"
        root = build(kind, tmp_path / "r", {**files, ".gitignore": rules})
        assert paths(root) == [".gitignore", "src/a.py", "src/in/b.py"]

    @both
    def test_harnessignore(self, tmp_path: Path, kind: str) -> None:
        files = {
            ".harnessignore": "docs/\n*.csv\n",
            "docs/a.md": "x",
            "data.csv": "x",
            "a.py": "x",
            "in/.harnessignore": "gen*.py\n",
            "in/gen1.py": "x",
            "in/b.py": "x",
        }
        root = build(kind, tmp_path / "r", files)
        assert paths(root) == [".harnessignore", "a.py", "in/.harnessignore", "in/b.py"]
        assert skips(root) == dict.fromkeys(
            ("data.csv", "docs/", "in/gen1.py"), SkipReason.EXCLUDED
        )

    @both
    def test_harnessignore_lets_vendored_in_but_no_secret(self, tmp_path: Path, kind: str) -> None:
        files = {
            ".harnessignore": "!third_party/ours/\n!go.sum\n!.env\n",
            ".env": "A=1",
            "third_party/ours/a.c": "x",
            "third_party/ours/COPYING": "x",
            "third_party/zlib/COPYING": "x",
            "third_party/zlib/b.c": "x",
            "go.sum": "x",
        }
        root = build(kind, tmp_path / "r", files)
        ours = ["third_party/ours/COPYING", "third_party/ours/a.c"]
        assert paths(root) == [".harnessignore", "go.sum", *ours]
        left_out = "third_party/zlib/" if kind == "git" else "third_party/"
        assert skips(root) == {".env": SkipReason.SECRET, left_out: SkipReason.VENDORED}

    @both
    def test_include_and_exclude(self, tmp_path: Path, kind: str) -> None:
        files = {"src/a.py": "x", "src/a.js": "x", "tests/a.py": "x", "b.py": "x"}
        root = build(kind, tmp_path / "r", files)
        assert paths(root, include=["*.py"], exclude=["tests/"]) == ["b.py", "src/a.py"]
        assert paths(root, include=["/src"]) == ["src/a.js", "src/a.py"]
        assert skips(root, include=["*.py"], exclude=["tests/"]) == {
            "src/a.js": SkipReason.EXCLUDED,
            "tests/": SkipReason.EXCLUDED,
        }

    @both
    def test_order_and_odd_names(self, tmp_path: Path, kind: str) -> None:
        names = [
            "Z.py",
            "a b.py",
            "a\nb.py",
            "a/b.py",
            "a-b.py",
            "é.py",
            "日本.py",
            "\U0001f40d.py",
        ]
        root = build(kind, tmp_path / "r", dict.fromkeys(names, "x"))
        assert paths(root) == sorted(names)
        assert paths(root) == sorted(names, key=str.encode)

    @both
    def test_name_that_is_no_utf8(self, tmp_path: Path, kind: str) -> None:
        root = build(kind, tmp_path / "r", {"a.py": "x"})
        Path(os.fsdecode(os.fsencode(root) + b"/b\xff.py")).write_text("x")
        assert paths(root) == ["a.py"]
        assert skips(root) == {"b\\xff.py": SkipReason.NOT_TEXT}

    @both
    def test_links_and_sizes(self, tmp_path: Path, kind: str) -> None:
        files = {"a.py": "x", "d/b.py": "x", "big.py": "x" * (LIMIT + 1), "empty.py": ""}
        root = build(kind, tmp_path / "r", files)
        (root / "inside").symlink_to("a.py")
        (root / "outside").symlink_to("/etc/passwd")
        (root / "folder").symlink_to("d")
        (root / "dangling").symlink_to("nowhere")
        assert paths(root) == ["a.py", "d/b.py"]
        assert skips(root) == {
            "big.py": SkipReason.TOO_LARGE,
            "empty.py": SkipReason.EMPTY,
            **dict.fromkeys(("dangling", "folder", "inside", "outside"), SkipReason.SYMLINK),
        }

    @both
    @pytest.mark.parametrize(
        ("path", "shown", "reason"),
        [
            pytest.param(path, shown or path, reason, id=path)
            for path, shown, reason in [
                ("node_modules/x/i.js", "node_modules/", SkipReason.VENDORED),
                ("web/node_modules/i.js", "web/node_modules/", SkipReason.VENDORED),
                (".venv/lib/a.py", ".venv/", SkipReason.VENDORED),
                ("env/pyvenv.cfg", "env/", SkipReason.VENDORED),
                ("vendor/modules.txt", "vendor/", SkipReason.VENDORED),
                ("static/js/vendor/jquery.js", "static/js/vendor/", SkipReason.VENDORED),
                ("pip/_vendor/requests.py", "pip/_vendor/", SkipReason.VENDORED),
                ("third_party/zlib.c", "third_party/", SkipReason.VENDORED),
                ("package-lock.json", "", SkipReason.LOCK_FILE),
                ("sub/Cargo.lock", "", SkipReason.LOCK_FILE),
                ("requirements.lock", "", SkipReason.LOCK_FILE),
                ("requirements-image.lock", "", SkipReason.LOCK_FILE),
                ("locale/de/django.po", "", SkipReason.TRANSLATION),
                (".env", "", SkipReason.SECRET),
                ("app/.env.production", "", SkipReason.SECRET),
                ("tls/server.PEM", "", SkipReason.SECRET),
                ("server.key", "", SkipReason.SECRET),
                ("id_rsa", "", SkipReason.SECRET),
                ("id_ed25519", "", SkipReason.SECRET),
                ("id_rsa_work", "", SkipReason.SECRET),
                ("ssh_host_rsa_key", "", SkipReason.SECRET),
                (".aws/credentials", "", SkipReason.SECRET),
                ("home/.ssh/config", "home/.ssh/", SkipReason.SECRET),
                (".npmrc", "", SkipReason.SECRET),
                ("vault.kdbx", "", SkipReason.SECRET),
                ("logo.PNG", "", SkipReason.BINARY),
                ("fonts/a.woff2", "", SkipReason.BINARY),
                ("x.tar.gz", "", SkipReason.BINARY),
                ("jquery.min.js", "", SkipReason.MINIFIED),
                ("app.js.map", "", SkipReason.MINIFIED),
            ]
        ],
    )
    def test_left_out_by_name(
        self, tmp_path: Path, kind: str, path: str, shown: str, reason: SkipReason
    ) -> None:
        # Git is slow to start: its half is proven by the untracked listing of one repository.
        root = plain(tmp_path, {path: "x", "kept.py": "x"})
        if kind == "git":
            run_git(["init", "-q"], root, 30)
        assert paths(root) == ["kept.py"]
        assert skips(root) == {shown: reason}

    def test_kept_although_the_name_is_close(self, tmp_path: Path) -> None:
        names = sorted(
            [
                *(".env.example", ".env.sample", "config/.env.template", "id_generator.py"),
                *("id_rsa.pub", "environment.py", "keys.py", "shop/vendor/models.py"),
                *("vendor_api/client.py", "lock.py", "yarn.py", "builder/x.py", "docs/npmrc.md"),
                *("vendor/__init__.py", "secret.py", ".github/workflows/ci.yml", "tokens.json"),
            ]
        )
        assert paths(plain(tmp_path, dict.fromkeys(names, "x"))) == names


class TestVisibleFiles:
    """What the agent lists: the same folders, ignore files and secrets, any kind of file."""

    def visible(self, root: Path, kind: str) -> list[str]:
        if kind == "plain":
            return visible_files(root, None)
        tracked, new = (
            [os.fsdecode(name) for name in output.split(b"\0")[:-1]]
            for output in (
                run_git(["ls-files", "-z", *options], root, 30).stdout
                for options in (["--cached"], ["--others", "--exclude-standard"])
            )
        )
        return visible_files(root, [*tracked, *new], tracked)

    @both
    def test_more_than_the_index_by_kind_and_nothing_else(self, tmp_path: Path, kind: str) -> None:
        of_any_kind = {
            "package-lock.json": "{}",
            "logo.png": "x",
            "empty.py": "",
            "jquery.min.js": "x",
            "locale/de/django.po": "x",
            "big.py": "x" * (LIMIT + 1),
        }
        indexed = {"src/a.py": "x", "third_party/ours/a.c": "x"}
        rules = {".harnessignore": "docs/\n!third_party/ours/\n!.env\n", ".gitignore": "*.log\n"}
        hidden = {
            "node_modules/x/i.js": "x",
            "node_modules/.package-lock.json": "{}",
            "third_party/zlib/b.c": "x",
            "third_party/zlib/LICENSE.txt": "x",
            "env/pyvenv.cfg": "x",
            "app.egg-info/SOURCES.txt": "x",
            "docs/a.md": "x",
            ".env": "A=1",
            ".aws/credentials": "x",
        }
        root = build(kind, tmp_path / "r", {**of_any_kind, **indexed, **rules, **hidden})
        plain(root, {"debug.log": "x", "new.py": "x", "dist/a.js": "x"})
        (root / "link.py").symlink_to("src/a.py")
        os.mkfifo(root / "pipe")
        assert paths(root) == sorted([*indexed, *rules, "new.py", "dist/a.js"])
        assert self.visible(root, kind) == sorted([*paths(root), *of_any_kind])

    @both
    def test_build_output_by_what_lies_beside_it(self, tmp_path: Path, kind: str) -> None:
        root = build(kind, tmp_path / "r", {"package.json": "{}", "dist/a.js": "x"})
        assert self.visible(root, kind) == paths(root)
        assert ("dist/a.js" in paths(root)) is (kind == "git")

    def test_what_git_lists_is_not_believed(self, tmp_path: Path) -> None:
        (tmp_path / "outside.py").write_text("x")
        root = plain(tmp_path / "r", {"a.py": "x", "caf\udce9.py": "x"})
        (root / "folder").symlink_to(tmp_path)
        listed = ["a.py", "caf\udce9.py", "gone.py", "../outside.py", "folder/outside.py", "sub/"]
        assert visible_files(root, [*listed, ".git/config"]) == ["a.py", "caf\udce9.py"]


@pytest.mark.parametrize("make", ["missing", "file"])
def test_root_must_be_a_folder(tmp_path: Path, make: str) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(RepositoryNotFoundError, match="not a folder"):
        listed(tmp_path / make)


def test_root_may_be_a_link(tmp_path: Path) -> None:
    root = make_repository(tmp_path / "r", {"a.py": "x"})
    (tmp_path / "link").symlink_to(root)
    listing = listed(tmp_path / "link")
    assert listing.root == root
    assert listing.files[0].content_id == blob_id(b"x")


@both
def test_unreadable_folder_is_counted(open_folder: Path, kind: str) -> None:
    root = build(kind, open_folder / "r", {"a.py": "x"})
    plain(root, {"in/locked/b.py": "x"})
    (root / "in/locked").chmod(0)
    code = (
        "import sys; from pathlib import Path; from harness.repository.walk import walk\n"
        "found = walk(Path(sys.argv[1]), max_file_bytes=10)\n"
        "print([f.path for f in found.files], [(s.path, s.reason.value) for s in found.skipped])\n"
    )
    output = run_unprivileged(code, str(root))
    (root / "in/locked").chmod(0o755)
    assert output == "['a.py'] [('in/locked/', 'unreadable')]"


def test_ignore_rules_decide_as_git_does(tmp_path: Path) -> None:
    chosen = random.Random(20)
    names = ["a", "b", "src", "lib", "x.py", "y.txt", "a b", "é.py"]
    atoms = [
        *("*", "**", "***", "a", "b", "src", "lib", "*.py", "x.py", "?", "[a-c]", "[!a]", "s*c"),
        *("**/x.py", "a\\ b", "é*", "*b", "**a", "[[:alpha:]]", "\\!a", "[a", "x.p[y-]"),
    ]

    def pattern() -> str:
        glob = "/".join(chosen.choice(atoms) for _ in range(chosen.choice([1, 1, 1, 2, 3])))
        return (
            ("!" if chosen.random() < 0.4 else "")
            + ("/" if chosen.random() < 0.25 else "")
            + glob
            + ("/" if chosen.random() < 0.3 else "")
            + chosen.choice(["", "", "", "  ", "\r"])
        )

    for number in range(40):
        root = tmp_path / str(number)
        for _ in range(25):
            parts = [chosen.choice(names) for _ in range(chosen.randint(1, 4))]
            path = root.joinpath(*parts)
            if not any(above.is_file() for above in (path, *path.parents)) and not path.is_dir():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text("x")
        folders = [root, *sorted(path for path in root.rglob("*") if path.is_dir())]
        for folder in [root, *chosen.sample(folders, min(2, len(folders)))]:
            rules = "\n".join(pattern() for _ in range(chosen.randint(1, 5)))
            (folder / ".gitignore").write_text(rules + "\n")
        ours = paths(root)
        run_git(["init", "-q"], root, 30)
        output = run_git(["ls-files", "-o", "-z", "--exclude-standard"], root, 30)
        git = sorted(os.fsdecode(path) for path in output.stdout.split(b"\0") if path)
        assert ours == git, [(p, p.read_text()) for p in root.rglob(".gitignore")]
