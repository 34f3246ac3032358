"""A repository that changes at random, and what an index of it should hold."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, field
from pathlib import Path

from harness.repository.git import run_git
from tests.repositories import OLD, commit_all, make_repository

_FUNCTION = '''def {name}_{n}(argument):
    """Says what {name} {n} does in version {version}."""
    return [argument * step for step in range({n} + 2)]


'''
_WORDS = ("register_route", "sign_session", "table", "render", "parse", "store")
FUNCTIONS = 6


def text_of(name: str, version: int, functions: int = FUNCTIONS) -> str:
    return "".join(
        _FUNCTION.format(name=name, n=n, version=version if n % 2 else 0) for n in range(functions)
    )


@dataclass
class Tree:
    """``versions``: how often each file was written; what its text follows from."""

    root: Path
    chance: random.Random
    versions: dict[str, int] = field(default_factory=dict)
    made: int = 0
    writes: int = 0

    @classmethod
    def make(cls, root: Path, seed: int, files: int = 12) -> Tree:
        tree = cls(root, random.Random(seed))
        texts: dict[str, str | bytes] = {}
        for _ in range(files):
            path = tree._new_path()
            tree.versions[path] = 0
            texts[path] = text_of(Path(path).stem, 0)
        make_repository(root, texts)
        return tree

    def change(self) -> set[str]:
        """Edit, add, remove and rename some files and commit that; the paths that differ."""
        changed = set()
        for path in self.chance.sample(sorted(self.versions), 3):
            self.versions[path] += 1
            self._write(path, text_of(Path(path).stem, self.versions[path]))
            changed.add(path)
        for path in self.chance.sample(sorted(self.versions), 2):
            del self.versions[path]
            changed.add(path)
            if self.chance.random() < 0.5:
                (self.root / path).unlink()
            else:
                renamed = self._new_path()
                (self.root / path).rename(self.root / renamed)
                self.versions[renamed] = 0
                changed.add(renamed)
        while len(self.versions) < 12:
            path = self._new_path()
            self.versions[path] = 0
            self._write(path, text_of(Path(path).stem, 0))
            changed.add(path)
        commit_all(self.root)
        return changed

    def commit(self) -> str:
        return run_git(["rev-parse", "HEAD"], self.root, 30).strip()

    def _new_path(self) -> str:
        self.made += 1
        return f"{_WORDS[self.made % len(_WORDS)]}_{self.made}.py"

    def _write(self, path: str, text: str) -> None:
        (self.root / path).write_text(text)
        # Long ago, and never twice at the same time: git, too, takes a file of equal size and times
        # (in whole seconds) for the one that it knows.
        self.writes += 1
        os.utime(self.root / path, (OLD + self.writes, OLD + self.writes))
