"""Copies, patches and git calls: nothing of the user's tree changes, nothing of it runs."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from harness.errors import PatchConflictError, PolicyError, RepositoryNotFoundError, UsageError
from harness.workspace import (
    CommandPolicy,
    ConfinedTree,
    Workspace,
    apply_patch,
    create_workspace,
    list_files,
    run_command,
)


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@t", *arguments],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repo"
    (root / "src").mkdir(parents=True)
    (root / "src" / "app.py").write_text("def add(a, b):\n    return a - b\n")
    (root / "run.sh").write_text("#!/bin/sh\necho hi\n")
    (root / "run.sh").chmod(0o755)
    (root / "logo.bin").write_bytes(bytes(range(256)))
    (root / ".gitignore").write_text("build/\n")
    git(root, "init", "-q", "-b", "main")
    git(root, "add", ".")
    git(root, "commit", "-qm", "first")
    return root


def workspace_of(root: Path, tmp_path: Path, ref: str | None = None) -> Workspace:
    return create_workspace(root, tmp_path / "state", ref)


def test_copy_holds_uncommitted_changes_and_new_files(repository: Path, tmp_path: Path) -> None:
    (repository / "src" / "app.py").write_text("changed = 1\n")
    (repository / "new.txt").write_text("new\n")
    (repository / "logo.bin").unlink()
    (repository / "build").mkdir()
    (repository / "build" / "out").write_text("ignored")
    (repository / ".env").write_text("TOKEN=x")
    space = workspace_of(repository, tmp_path)
    names = sorted(p.relative_to(space.root).as_posix() for p in space.root.rglob("*"))
    assert [n for n in names if not n.startswith(".git/")] == [
        ".git",
        ".gitignore",
        "new.txt",
        "run.sh",
        "src",
        "src/app.py",
    ]
    assert (space.root / "src" / "app.py").read_text() == "changed = 1\n"
    assert space.patch() == ""


def test_copy_of_a_ref_leaves_uncommitted_changes_out(repository: Path, tmp_path: Path) -> None:
    (repository / "src" / "app.py").write_text("changed = 1\n")
    space = workspace_of(repository, tmp_path, "main")
    assert "return a - b" in (space.root / "src" / "app.py").read_text()
    assert os.access(space.root / "run.sh", os.X_OK)
    assert space.patch() == ""


def test_copy_of_a_subfolder_of_a_repository(repository: Path, tmp_path: Path) -> None:
    for number, ref in enumerate((None, "HEAD")):
        space = create_workspace(repository / "src", tmp_path / str(number), ref)
        assert sorted(path.name for path in space.root.iterdir()) == [".git", "app.py"]


def test_commands_of_the_task_see_history(repository: Path, tmp_path: Path) -> None:
    space = workspace_of(repository, tmp_path)
    (space.root / "run.sh").write_text("#!/bin/sh\necho ho\n")
    result = run_command(
        "git log --format=%s && git status --porcelain",
        space.root,
        space.scratch,
        CommandPolicy(),
        readable=space.readable,
    )
    assert result.output.splitlines() == ["State before the task", "first", " M run.sh"]


@pytest.mark.parametrize("is_git", [True, False], ids=["git", "plain"])
def test_patch_round_trip(repository: Path, tmp_path: Path, is_git: bool) -> None:
    if not is_git:
        subprocess.run(["rm", "-rf", repository / ".git"], check=True)
    space = workspace_of(repository, tmp_path)
    (space.root / "src" / "app.py").write_text("def add(a, b):\n    return a + b\n")
    (space.root / "logo.bin").write_bytes(bytes(reversed(range(256))))
    (space.root / "run.sh").unlink()
    (space.root / "tool").write_text("#!/bin/sh\n")
    (space.root / "tool").chmod(0o755)
    (space.root / "latin.txt").write_bytes(b"caf\xe9\n")
    (space.root / "__pycache__").mkdir()
    (space.root / "__pycache__" / "x.pyc").write_bytes(b"x")
    patch = space.patch()
    assert "GIT binary patch" in patch
    assert "pycache" not in patch
    before = git(repository, "rev-parse", "HEAD") if is_git else ""
    apply_patch(patch, repository)
    assert (repository / "logo.bin").read_bytes() == bytes(reversed(range(256)))
    assert (repository / "latin.txt").read_bytes() == b"caf\xe9\n"
    assert not (repository / "run.sh").exists()
    assert os.access(repository / "tool", os.X_OK)
    if is_git:
        assert git(repository, "rev-parse", "HEAD") == before
        assert git(repository, "diff", "--cached", "--name-only") == ""


def test_patch_that_does_not_fit_changes_nothing(repository: Path, tmp_path: Path) -> None:
    space = workspace_of(repository, tmp_path)
    (space.root / "src" / "app.py").write_text("def add(a, b):\n    return a + b\n")
    (space.root / "other.txt").write_text("other\n")
    patch = space.patch()
    (repository / "src" / "app.py").write_text("something else\n")
    with pytest.raises(PatchConflictError, match="nothing was changed"):
        apply_patch(patch, repository)
    assert not (repository / "other.txt").exists()


@pytest.mark.parametrize("path", ["../evil", ".git/hooks/pre-commit", "link/evil"])
def test_patch_cannot_leave_the_tree(repository: Path, tmp_path: Path, path: str) -> None:
    (tmp_path / "outside").mkdir()
    (repository / "link").symlink_to(tmp_path / "outside")
    patch = (
        f"diff --git a/{path} b/{path}\nnew file mode 100755\n--- /dev/null\n+++ b/{path}\n"
        "@@ -0,0 +1 @@\n+evil\n"
    )
    with pytest.raises(PatchConflictError):
        apply_patch(patch, repository)
    assert not (tmp_path / "evil").exists()
    assert not list((tmp_path / "outside").iterdir())


def test_undo_restores_all_files(repository: Path, tmp_path: Path) -> None:
    space = workspace_of(repository, tmp_path)
    before = space.snapshot()
    (space.root / "src" / "app.py").unlink()
    (space.root / "new").write_text("x")
    after = space.snapshot()
    space.restore(before)
    assert space.patch() == ""
    assert not (space.root / "new").exists()
    space.restore(after)
    assert (space.root / "new").exists()


def test_configuration_of_the_repository_runs_nothing(repository: Path, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    evil = tmp_path / "evil.sh"
    evil.write_text(f"#!/bin/sh\ntouch {mark}\ncat\n")
    evil.chmod(0o755)
    for key in ("core.fsmonitor", "diff.external", "core.sshCommand", "diff.x.textconv"):
        git(repository, "config", key, str(evil))
    for key in ("filter.x.clean", "filter.x.smudge", "filter.x.process", "diff.x.command"):
        git(repository, "config", key, str(evil))
    hooks = repository / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for hook in ("post-checkout", "pre-commit", "post-index-change", "reference-transaction"):
        (hooks / hook).write_text(f"#!/bin/sh\ntouch {mark}\n")
        (hooks / hook).chmod(0o755)
    (repository / ".gitattributes").write_text("* filter=x diff=x\n")
    mark.unlink(missing_ok=True)
    for number, ref in enumerate((None, "HEAD")):
        space = create_workspace(repository, tmp_path / str(number), ref)
        (space.root / "src" / "app.py").write_text("x = 1\n")
        patch = space.patch()
        assert "x = 1" in patch
    list_files(repository)
    apply_patch(patch, repository)
    assert (repository / "src" / "app.py").read_text() == "x = 1\n"
    assert not mark.exists()


def test_commands_cannot_plant_configuration_for_later(repository: Path, tmp_path: Path) -> None:
    space = workspace_of(repository, tmp_path)
    mark = tmp_path / "ran"
    evil = space.root / "evil.sh"
    evil.write_text(f"#!/bin/sh\ntouch {mark}\n")
    evil.chmod(0o755)
    nested = space.root / "sub"
    nested.mkdir()
    (nested / "f").write_text("kept\n")
    git(nested, "init", "-q")
    for folder in (space.root, nested):
        git(folder, "config", "core.fsmonitor", str(evil))
        git(folder, "config", "core.hooksPath", str(space.root))
    # As far as a command could get where writes are not confined:
    control = space.state_dir / "control.git" / "config"
    control.write_text(control.read_text() + f'[filter "x"]\n\tclean = {evil}\n')
    (space.state_dir / "control.git" / "info" / "attributes").write_text("* filter=x\n")
    (space.root / "src" / "app.py").write_text("x = 1\n")
    patch = space.patch()
    assert "x = 1" in patch
    assert "+kept" in patch
    assert not mark.exists()


@pytest.mark.parametrize(
    ("make", "error"),
    [
        pytest.param(lambda root: (root / "none", None), RepositoryNotFoundError, id="missing"),
        pytest.param(lambda root: (Path("/"), None), PolicyError, id="whole-disk"),
        pytest.param(lambda root: (root / ".git", None), PolicyError, id="git-dir"),
        pytest.param(lambda root: (root, "nope"), UsageError, id="no-such-ref"),
        pytest.param(lambda root: (root, "--upload-pack=x"), UsageError, id="option-as-ref"),
    ],
)
def test_what_cannot_be_copied(repository: Path, tmp_path: Path, make, error) -> None:  # type: ignore[no-untyped-def]
    root, ref = make(repository)
    with pytest.raises(error):
        create_workspace(root, tmp_path / "state", ref)
    assert not (tmp_path / "state").exists()


def test_close_removes_what_commands_locked(repository: Path, tmp_path: Path) -> None:
    space = workspace_of(repository, tmp_path)
    (space.root / "src").chmod(0)
    space.close()
    assert not (tmp_path / "state").exists()


# Confined paths


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "/proc/self/environ",
        "../outside.txt",
        "src/../../outside.txt",
        "..\\outside.txt",
        "~/x",
        "C:/x",
        "link-out",
        "folder-out/outside.txt",
        "proc-link/self/environ",
        ".git/config",
        "src/.GIT/config",
        "git-link/config",
        ".env",
        ".aws/credentials",
        "sub/.SSH/config",
        ".ssh",
        "key-folder/config",
        "key-link",
        "a\0b",
        "loop",
        "loop/x",
    ],
)
def test_paths_outside_are_refused(repository: Path, tmp_path: Path, path: str) -> None:
    (tmp_path / "outside.txt").write_text("secret")
    (repository / ".env").write_text("K=v")
    (repository / "link-out").symlink_to(tmp_path / "outside.txt")
    (repository / "folder-out").symlink_to(tmp_path)
    (repository / "proc-link").symlink_to("/proc")
    (repository / "git-link").symlink_to(".git")
    (repository / "key-link").symlink_to(".env")
    (repository / ".ssh").mkdir()
    (repository / "key-folder").symlink_to(".ssh")
    (repository / "loop").symlink_to("loop")
    tree = ConfinedTree(repository)
    with pytest.raises(PolicyError):
        tree.read_bytes(path)
    with pytest.raises(PolicyError):
        tree.write_bytes(path, b"x")
    assert (tmp_path / "outside.txt").read_text() == "secret"


def test_a_named_pipe_is_not_read(repository: Path) -> None:
    os.mkfifo(repository / "pipe")
    with pytest.raises(PolicyError, match="regular"):
        ConfinedTree(repository).read_bytes("pipe")


def test_writing_keeps_the_mode(repository: Path) -> None:
    ConfinedTree(repository).write_bytes("run.sh", b"#!/bin/sh\n")
    assert os.access(repository / "run.sh", os.X_OK)


def test_listing_is_what_the_user_calls_the_repository(repository: Path, tmp_path: Path) -> None:
    (repository / "build").mkdir()
    (repository / "build" / "o").write_text("")
    (repository / ".env").write_text("")
    (repository / "link").symlink_to("run.sh")
    expected = [".gitignore", "logo.bin", "run.sh", "src/app.py"]
    assert list_files(repository) == expected
    subprocess.run(["rm", "-rf", repository / ".git", repository / "build"], check=True)
    (repository / "node_modules").mkdir()
    (repository / "node_modules" / "x.js").write_text("")
    assert list_files(repository) == expected


@pytest.mark.parametrize("is_git", [True, False], ids=["git", "plain"])
def test_listing_leaves_out_what_the_index_leaves_out(repository: Path, is_git: bool) -> None:
    vendored = ("third_party/zlib/a.c", "third_party/zlib/LICENSE", "venv/pyvenv.cfg")
    for name in (*vendored, "docs/a.md", ".aws/credentials"):
        (repository / name).parent.mkdir(parents=True, exist_ok=True)
        (repository / name).write_text("x")
    (repository / ".harnessignore").write_text("docs/\n")
    if is_git:
        git(repository, "add", "-f", ".")
    else:
        subprocess.run(["rm", "-rf", repository / ".git"], check=True)
    expected = [".gitignore", ".harnessignore", "logo.bin", "run.sh", "src/app.py"]
    assert list_files(repository) == expected
    # By its name everything but a secret can still be read.
    tree = ConfinedTree(repository)
    assert tree.read_bytes("third_party/zlib/a.c") == tree.read_bytes("docs/a.md") == b"x"
    with pytest.raises(PolicyError, match="credentials"):
        tree.read_bytes(".aws/credentials")


@pytest.mark.parametrize("is_git", [True, False], ids=["git", "plain"])
def test_a_copy_has_what_a_build_needs(repository: Path, tmp_path: Path, is_git: bool) -> None:
    """Other people's code is not listed, but compiled; secrets are not even there."""
    if not is_git:
        subprocess.run(["rm", "-rf", repository / ".git"], check=True)
    for name in ("third_party/zlib.c", "dist/a.js", ".aws/credentials", ".env"):
        (repository / name).parent.mkdir(exist_ok=True)
        (repository / name).write_text("x")
    space = workspace_of(repository, tmp_path)
    assert (space.root / "third_party" / "zlib.c").exists()
    assert (space.root / "dist" / "a.js").exists()
    assert not (space.root / ".aws").exists()
    assert not (space.root / ".env").exists()
    for name in ("node_modules/x.js", ".next/x.js", "app.egg-info/SOURCES.txt", "a.pyc"):
        (space.root / name).parent.mkdir(exist_ok=True)
        (space.root / name).write_text("x")
    assert space.patch() == ""
    (space.root / "third_party" / "zlib.c").write_text("patched")
    assert "+patched" in space.patch()


def test_a_folder_that_became_a_link_leads_nowhere(repository: Path, tmp_path: Path) -> None:
    """The index still names files below it."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "app.py").write_text("precious\n")
    (repository / "src" / "app.py").unlink()
    (repository / "src").rmdir()
    (repository / "src").symlink_to(outside)
    assert "src/app.py" not in list_files(repository)
    space = workspace_of(repository, tmp_path)
    assert (space.root / "src").is_symlink()
    assert (outside / "app.py").read_text() == "precious\n"


def test_a_planted_link_does_not_redirect_a_write(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if a command guessed the name of the temporary file."""
    monkeypatch.setattr("harness.files.os.urandom", bytes)
    before = (repository / "run.sh").read_bytes()
    (repository / f".run.sh.{'00' * 6}.new").symlink_to(tmp_path / "precious")
    with pytest.raises(UsageError, match="File exists"):
        ConfinedTree(repository).write_bytes("run.sh", b"new\n")
    assert not (tmp_path / "precious").exists()
    assert (repository / "run.sh").read_bytes() == before
    monkeypatch.undo()
    ConfinedTree(repository).write_bytes("run.sh", b"new\n")
    assert (repository / "run.sh").read_bytes() == b"new\n"
    assert not (tmp_path / "precious").exists()


def test_a_folder_that_the_repository_around_it_ignores(repository: Path, tmp_path: Path) -> None:
    inner = repository / "build" / "generated"
    inner.mkdir(parents=True)
    (inner / "a.txt").write_text("a\n")
    assert list_files(inner) == ["a.txt"]
    space = workspace_of(inner, tmp_path)
    (space.root / "a.txt").write_text("b\n")
    apply_patch(space.patch(), inner)
    assert (inner / "a.txt").read_text() == "b\n"


@pytest.mark.parametrize("ref", [None, "HEAD"], ids=["as-is", "ref"])
@pytest.mark.parametrize("kind", ["worktree", "shallow", "sha256", "submodule", "no-commit"])
def test_unusual_repositories(repository: Path, tmp_path: Path, kind: str, ref: str | None) -> None:
    root = tmp_path / kind
    if kind == "worktree":
        git(repository, "worktree", "add", "-q", str(root))
    elif kind == "shallow":
        git(repository, "commit", "-q", "--allow-empty", "-m", "second")
        git(tmp_path, "clone", "-q", "--depth=1", f"file://{repository}", str(root))
    elif kind == "submodule":
        git(tmp_path, "clone", "-q", str(repository), str(root))
        git(root, "-c", "protocol.file.allow=always", "submodule", "add", str(repository), "sub")
        git(root, "commit", "-qm", "submodule")
    else:
        root.mkdir()
        git(root, "init", "-q", *(["--object-format=sha256"] if kind == "sha256" else []))
        (root / "run.sh").write_text("#!/bin/sh\n")
        if kind == "sha256":
            git(root, "add", ".")
            git(root, "commit", "-qm", "first")
        elif ref is not None:
            with pytest.raises(UsageError, match="no ref"):
                workspace_of(root, tmp_path, ref)
            return
    space = workspace_of(root, tmp_path, ref)
    assert space.patch() == ""
    (space.root / "run.sh").write_text("#!/bin/sh\necho ho\n")
    done = run_command(
        "git log && git diff --stat",
        space.root,
        space.scratch,
        CommandPolicy(),
        readable=space.readable,
    )
    assert done.exit_code == 0, done.output
    patch = space.patch()
    assert patch.count("diff --git") == 1
    apply_patch(patch, root)
    assert (root / "run.sh").read_text() == "#!/bin/sh\necho ho\n"
