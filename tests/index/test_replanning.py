"""Planning again from what the last run remembers gives what planning anew gives."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from harness.engines import Engines
from harness.index import planning, replanning
from harness.index.options import IndexOptions
from harness.index.planning import IndexPlan
from harness.index.run import index_repository
from harness.repository import rewalk, seen
from harness.repository.git import run_git
from harness.repository.walk import walk
from harness.store.edge import EdgeStore
from tests.fakes.embedder import HashEmbedder
from tests.repositories import IDENTITY, OLD, make_repository

FILES: dict[str, str | bytes] = {
    **{f"pkg/m{n}.py": f"def m{n}():\n    return {n}\n" for n in range(6)},
    "pkg/sub/deep.py": "def deep():\n    return 0\n",
    "top.py": "def top():\n    return 1\n",
    "image.png": b"\x89PNG",
    "pkg/blob.py": b"\0\1\2",
    "vendor/own.py": "def own():\n    return 2\n",
    "keys/server.pem": "a key\n",
    "pkg/empty.py": "",
    ".gitignore": "*.log\nout/\n",
}
OPTIONS = IndexOptions(exclude=("/left",), max_file_bytes=5_000)


class Machine:
    """A work tree that changes in the ways that work trees do."""

    def __init__(self, root: Path, engines: Engines, seed: int) -> None:
        self.root, self.engines = root, engines
        self.chance = random.Random(seed)
        self.clock = OLD
        self.heads = [self.git("rev-parse", "HEAD")]

    def git(self, *args: str) -> str:
        output = run_git(args, self.root, 30, config=IDENTITY, protocols=("file",))
        return output.stdout.decode().strip()

    def write(self, path: str, content: str | bytes) -> None:
        target = self.root / path
        if target.is_symlink():
            target.unlink()
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else content.encode())
        self.clock += 10  # each file has a time of its own, older than git's index
        os.utime(target, (self.clock, self.clock))

    def some(self, pattern: str = "pkg/*.py") -> str:
        found = sorted(
            path.relative_to(self.root).as_posix()
            for path in self.root.glob(pattern)
            if path.is_file() and not path.is_symlink()
        )
        if not found:
            self.write("pkg/again.py", self.text())
        return self.chance.choice(found or ["pkg/again.py"])

    def text(self) -> str:
        return f"def f{self.chance.randrange(10**6)}():\n    return {self.clock}\n"

    # What happens

    def edit(self) -> None:
        self.write(self.some(), self.text())

    def edit_with_the_same_size(self) -> None:
        path = self.root / self.some("pkg/m*.py")
        status = path.stat()
        path.write_bytes(path.read_bytes()[::-1])
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

    def touch(self) -> None:
        self.clock += 10
        os.utime(self.root / self.some(), (self.clock, self.clock))

    def chmod(self) -> None:
        (self.root / self.some()).chmod(0o755)

    def delete(self) -> None:
        (self.root / self.some()).unlink()

    def add(self) -> None:
        self.write(f"pkg/new{self.clock}.py", self.text())

    def add_beside_nothing(self) -> None:
        self.write(f"notes{self.clock}/own.py", self.text())

    def add_skipped(self) -> None:
        name = self.chance.choice(["photo.png", "b.min.js", "yarn.lock", "id_rsa", "late.log"])
        self.write(f"pkg/{name}", self.text())

    def add_by_content(self) -> None:
        self.write(f"pkg/data{self.clock}.py", self.chance.choice([b"\0\1", b"", b"x" * 6_000]))

    def copy(self) -> None:
        self.write(f"pkg/copy{self.clock}.py", (self.root / self.some()).read_bytes())

    def rename(self) -> None:
        path = self.root / self.some()
        path.rename(path.with_name(f"moved{self.clock}-{path.name}"))

    def rename_in_git(self) -> None:
        self.rename()
        self.git("add", "-A")

    def other_case(self) -> None:
        path = self.root / self.some()
        path.rename(path.with_name(path.name.swapcase().replace(".PY", ".py")))

    def commit(self) -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "more")
        self.heads.append(self.git("rev-parse", "HEAD"))

    def check_out(self) -> None:
        self.git("add", "-A")
        self.git("reset", "-q", "--hard")
        self.git("checkout", "-q", self.chance.choice(self.heads))
        for path in self.root.rglob("*.py"):  # a run later than the tick of the clock
            if path.is_file() and path.stat().st_mtime > self.clock + 10**6:
                self.clock += 10
                os.utime(path, (self.clock, self.clock))
        self.git("add", "-A")

    def lose_the_index(self) -> None:
        (self.root / ".git" / "index").unlink(missing_ok=True)
        if self.chance.random() < 0.7:
            self.git("reset", "-q")

    def untrack(self) -> None:
        self.git("rm", "-q", "--cached", "--ignore-unmatch", self.some())

    def link(self) -> None:
        path = self.root / self.some()
        path.unlink()
        path.symlink_to("../top.py")

    def link_a_folder(self) -> None:
        folder = self.root / "pkg" / "sub"
        if folder.is_dir() and not folder.is_symlink():
            folder.rename(self.root / f"away{self.clock}")
            folder.symlink_to(f"../away{self.clock}")
            self.clock += 10

    def folder_for_file(self) -> None:
        path = self.some()
        (self.root / path).unlink()
        self.write(f"{path}/inner.py", self.text())

    def file_for_folder(self) -> None:
        shutil.rmtree(self.root / "vendor", ignore_errors=True)
        self.write("vendor", self.text())

    def mark_as_vendored(self) -> None:
        if (self.root / "vendor").is_dir():
            self.write("vendor/modules.txt", "# x\n")
            self.git("add", "-A")

    def mark_as_environment(self) -> None:
        self.write(f"pkg/{self.chance.choice(['', 'sub/'])}pyvenv.cfg", "home = /usr\n")

    def ignore(self) -> None:
        lines = self.chance.sample(["*.log", "m1.py", "notes*/", "/pkg/new*"], 2)
        name = self.chance.choice([".gitignore", ".harnessignore", "pkg/.harnessignore"])
        self.write(name, "\n".join(lines) + "\n")

    def exclude(self) -> None:
        self.write(".git/info/exclude", self.chance.choice(["new*.py\n", "*.log\n"]))

    def attribute(self) -> None:
        self.write(".gitattributes", self.chance.choice(["*.py text\n", "m*.py filter=lfs\n"]))

    def submodule(self) -> None:
        path = f"lib{self.clock}"
        (self.root / path).mkdir(exist_ok=True)
        self.git("update-index", "--add", "--cacheinfo", f"160000,{self.heads[0]},{path}")

    def repository_inside(self) -> None:
        make_repository(self.root / f"inner{self.clock}", {"x.py": "x = 1\n"})

    def nothing(self) -> None: ...

    def happens(self) -> list[str]:
        """One to three of these; mostly what happens every day."""
        daily = [self.edit, self.add, self.delete, self.rename, self.rename_in_git, self.commit]
        daily += [self.touch, self.copy, self.check_out, self.edit_with_the_same_size]
        seldom = [self.chmod, self.add_beside_nothing, self.add_skipped, self.add_by_content]
        seldom += [self.other_case, self.lose_the_index, self.untrack, self.link, self.ignore]
        seldom += [self.link_a_folder, self.folder_for_file, self.file_for_folder, self.nothing]
        seldom += [self.mark_as_vendored, self.mark_as_environment, self.exclude, self.attribute]
        seldom += [self.submodule, self.repository_inside]
        kinds: list[Callable[[], None]] = self.chance.choices(
            [*daily, *seldom], [4] * len(daily) + [1] * len(seldom), k=self.chance.randint(1, 3)
        )
        for kind in kinds:
            kind()
        return [kind.__name__ for kind in kinds]


def make_machine(folder: Path, seed: int) -> Machine:
    root = make_repository(folder / "web", FILES)
    machine = Machine(root, Engines(HashEmbedder(), EdgeStore(folder / "index"), folder), seed)
    machine.write("notes/own.py", machine.text())
    return machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return make_machine(tmp_path, 1)


def planned(machine: Machine) -> IndexPlan:
    return planning.plan("web", machine.root, machine.engines, OPTIONS)


def both(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> tuple[IndexPlan, IndexPlan, bool]:
    """The plan from what is remembered, the one of a full walk, and whether the first one needed
    a walk, too."""
    before = machine.engines.store.repositories()
    walks: list[Path] = []

    def noted(root: Path, **options: object) -> object:
        walks.append(root)
        return walk(root, **options)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(planning, "walk", noted)
        again = planned(machine)
    for record in before:
        machine.engines.store.put_repository(record)
    with monkeypatch.context() as patch:
        patch.setattr(replanning, "recall", lambda *_: None)
        anew = planned(machine)
    for record in before:
        machine.engines.store.put_repository(record)
    return again, anew, bool(walks)


def run(machine: Machine, steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Change, plan in both ways and index, again and again."""
    monkeypatch.setattr(seen, "_RACY_NS", 0)  # else a new file is too new
    monkeypatch.setattr(rewalk, "_MOST_CHANGED", 1.0)  # so few files are soon a fourth of all
    index_repository("web", machine.root, machine.engines, OPTIONS)
    partial = 0
    for _ in range(steps):
        happened = machine.happens()
        again, anew, walked = both(machine, monkeypatch)
        if again.is_as_remembered:
            assert (anew.batches, anew.deleted) == ((), ()), happened
            facts = ("files_total", "files_unchanged", "skipped", "commit", "warnings")
            assert [getattr(again, f) for f in facts] == [getattr(anew, f) for f in facts], happened
        else:
            assert replace(again, started_at=0) == replace(anew, started_at=0), happened
            assert again.seen == anew.seen, happened
            partial += not walked
        index_repository("web", machine.root, machine.engines, OPTIONS)
    assert partial >= steps // 4


def test_the_plan_is_that_of_a_full_walk(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    run(machine, 5, monkeypatch)


@pytest.mark.parametrize(
    ("change", "is_walked"),
    [
        pytest.param(Machine.edit, False, id="edited"),
        pytest.param(Machine.rename_in_git, False, id="renamed"),
        pytest.param(Machine.ignore, True, id="rules"),
        pytest.param(Machine.submodule, True, id="submodule"),
    ],
)
def test_only_what_says_nothing_of_others_is_judged_alone(
    machine: Machine,
    change: Callable[[Machine], None],
    is_walked: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(seen, "_RACY_NS", 0)
    monkeypatch.setattr(rewalk, "_MOST_CHANGED", 1.0)
    index_repository("web", machine.root, machine.engines, OPTIONS)
    change(machine)
    again, anew, walked = both(machine, monkeypatch)
    assert replace(again, started_at=0) == replace(anew, started_at=0)
    assert walked is is_walked
