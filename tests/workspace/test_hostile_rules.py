"""Ignore and attribute files that would keep git busy for ever, in a repository or left by a
command: the copy is made, and its patch comes back."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import PatchConflictError, TransientError
from harness.repository.git_names import leads_to_git
from harness.workspace import apply_patch, create_workspace, list_files
from harness.workspace import contents as contents_module
from tests.repositories import ENDLESS, LONG_NAME, commit_unmatched, make_repository

pytestmark = pytest.mark.usefixtures("impatient")

RULES = f"{ENDLESS}\nin/{ENDLESS}\n*.log\n"
ATTRIBUTES = f"{ENDLESS} text\nin/{ENDLESS} whatever\n"


def plant(root: Path) -> None:
    (root / ".gitignore").write_text(RULES)
    (root / ".gitattributes").write_text(ATTRIBUTES)
    (root / LONG_NAME).write_text("new\n")
    (root / "in" / LONG_NAME).write_text("new\n")
    (root / "x.log").write_text("ignored\n")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "r", {"a.py": "a\n", f"in/{LONG_NAME}": "x\n"})


def test_a_command_leaves_them(repository: Path, tmp_path: Path) -> None:
    space = create_workspace(repository, tmp_path / "state")
    before = space.snapshot()
    plant(space.root)
    patch = space.patch()
    for name in (".gitignore", ".gitattributes", LONG_NAME, f"in/{LONG_NAME}"):
        assert f" b/{name}\n" in patch
    assert "x.log" not in patch
    assert LONG_NAME in list_files(space.root)
    after = space.snapshot()
    space.restore(before)
    assert (space.root / "in" / LONG_NAME).read_text() == "x\n"
    assert (space.root / "x.log").exists()
    assert space.patch().count("diff --git") == 1  # it is no longer ignored
    space.restore(after)
    assert space.patch() == patch
    with pytest.raises(PatchConflictError, match="too long"):
        apply_patch(patch, repository)
    assert not (repository / ".gitignore").exists()


@pytest.mark.parametrize("ref", [None, "HEAD"], ids=["as-is", "ref"])
def test_the_repository_has_them(repository: Path, tmp_path: Path, ref: str | None) -> None:
    plant(repository)
    commit_unmatched(repository, ".gitignore", ".gitattributes", LONG_NAME, f"in/{LONG_NAME}")
    space = create_workspace(repository, tmp_path / "state", ref)
    assert space.patch() == ""
    assert (space.root / "in" / LONG_NAME).read_text() == "new\n"
    (space.root / "a.py").write_text("b\n")
    patch = space.patch()
    assert patch.count("diff --git") == 1
    rules = [".gitattributes", ".gitignore"]
    assert list_files(repository) == [*rules, "a.py", LONG_NAME, f"in/{LONG_NAME}"]
    with pytest.raises(PatchConflictError, match="at most 3 of them"):
        apply_patch(patch, repository)


def test_rules_that_take_long_do_not_cost_the_patch(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = create_workspace(repository, tmp_path / "state")
    plant(space.root)
    (space.root / "in/__pycache__").mkdir()
    (space.root / "in/__pycache__/x.pyc").write_bytes(b"x")
    listed = contents_module.untracked_files

    def slow(*args: object, **options: object) -> object:
        if options["rules"].in_tree:  # type: ignore[attr-defined]
            raise TransientError("took too long")
        return listed(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(contents_module, "untracked_files", slow)
    patch = space.patch()
    assert "b/x.log" in patch
    assert "__pycache__" not in patch


@pytest.mark.parametrize(
    "name",
    ["git~1", ".GIT", ".g\u200cit", ".git::$DATA", "with\nline", '"quoted', " blank ", "é\udcff"],
)
def test_odd_names_cost_only_themselves(repository: Path, tmp_path: Path, name: str) -> None:
    """Git takes no path that a file system might take for its own folder."""
    space = create_workspace(repository, tmp_path / "state")
    before = space.snapshot()
    (space.root / name).write_text("odd\n")
    (space.root / "a.py").write_text("b\n")
    patch = space.patch()
    assert "+b\n" in patch
    assert ("+odd\n" in patch) == (not leads_to_git(name))
    space.restore(before)
    assert (space.root / "a.py").read_text() == "a\n"
    assert space.patch() == ""


def test_files_folders_and_links_change_places(repository: Path, tmp_path: Path) -> None:
    space = create_workspace(repository, tmp_path / "state")
    before = space.snapshot()
    (space.root / "a.py").unlink()
    (space.root / "a.py").mkdir()
    (space.root / "a.py/b.py").write_text("b\n")
    (space.root / "in" / LONG_NAME).unlink()
    (space.root / "in").rmdir()
    (space.root / "in").symlink_to(tmp_path)
    after = space.snapshot()
    patch = space.diff(before, after)
    for line in ("deleted file mode 100644", "new file mode 120000", " b/a.py/b.py"):
        assert line in patch
    space.restore(before)
    assert (space.root / "a.py").read_text() == "a\n"
    assert (space.root / "in" / LONG_NAME).read_text() == "x\n"
    space.restore(after)
    assert (space.root / "in").is_symlink()
    assert space.snapshot() == after
    assert not (tmp_path / LONG_NAME).exists()
