"""What a command locks does not cost the patch."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.repositories import make_repository
from tests.workspace.conftest import Run

# As a user whom permissions bind: root reads everything.
_AS_ANYBODY = (
    "import os, sys; from pathlib import Path\n"
    "import harness.workspace.copies as copies\n"
    "if os.geteuid() == 0: os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
    "space = copies.create_workspace(Path(sys.argv[1]), Path(sys.argv[2]) / 'x')\n"
    "def write(name, text='changed\\n'): (space.root / name).write_text(text)\n"
)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that other users may write, unlike ``tmp_path``, with a repository and ``state``."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        make_repository(Path(name) / "r", {"a.py": "x\n", "in/b.py": "x\n"})
        (Path(name) / "state").mkdir()
        (Path(name) / "state").chmod(0o777)
        yield Path(name)


def as_anybody(code: str, folder: Path) -> str:
    command = [sys.executable, "-c", _AS_ANYBODY + code, str(folder / "r"), str(folder / "state")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_unreadable_file_is_in_the_patch_as_well(folder: Path) -> None:
    patch = as_anybody(
        "write('a.py'); write('new.py'); write('in/b.py'); write('secret.txt')\n"
        "for name in ('in/b.py', 'secret.txt', 'in'): (space.root / name).chmod(0)\n"
        "print(space.patch()); space.close()",
        folder,
    )
    for name in ("a.py", "new.py", "in/b.py", "secret.txt"):
        assert f" b/{name}\n" in patch
    assert "old mode" not in patch
    assert patch.count("+changed") == 4


def test_what_cannot_be_read_at_all_costs_only_itself(folder: Path) -> None:
    """As with a file of another user that a command got hold of."""
    patch = as_anybody(
        "write('a.py'); write('in/b.py')\n"
        "import harness.workspace.contents as contents\n"
        "contents.take_back_rights = lambda root: None\n"
        "(space.root / 'in/b.py').chmod(0)\n"
        "print(space.patch()); space.close()",
        folder,
    )
    assert "+changed" in patch
    assert "in/b.py" not in patch


def test_a_locked_folder_does_not_keep_a_snapshot_from_coming_back(folder: Path) -> None:
    found = as_anybody(
        "before = space.snapshot(); write('in/b.py'); write('in/c.py')\n"
        "(space.root / 'in').chmod(0o555)\n"
        "space.restore(before)\n"
        "print(space.patch() == '', (space.root / 'in' / 'c.py').exists()); space.close()",
        folder,
    )
    assert found == "True False\n"


def test_a_locked_folder_does_not_hide_what_it_occupies(folder: Path) -> None:
    found = as_anybody(
        "from harness.workspace.disk import occupied_bytes\n"
        "write('in/b.py', 'x' * 3_000_000); (space.root / 'in').chmod(0)\n"
        "print(occupied_bytes(space.root) >= 3_000_000)\n"
        "print((space.root / 'in').stat().st_mode & 0o777)\n"
        "space.close(); print(space.state_dir.exists())",
        folder,
    )
    assert found == "True\n0\nFalse\n"


def test_rights_of_others_are_not_touched(run: Run, tmp_path: Path) -> None:
    from harness.workspace.rights import take_back_rights

    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "f").write_text("x")
    (outside / "f").chmod(0)
    (tmp_path / "tree" / "link").symlink_to(outside)
    (tmp_path / "tree" / "file").symlink_to(outside / "f")
    take_back_rights(tmp_path / "tree")
    assert (outside / "f").stat().st_mode & 0o777 == 0
