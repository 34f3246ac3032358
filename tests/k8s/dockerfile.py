"""A Dockerfile as data: instructions by stage, continuation lines joined, comments dropped."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(slots=True)
class Stage:
    """One FROM and what follows it."""

    base: str
    name: str
    instructions: list[tuple[str, str]] = field(default_factory=list)

    def all(self, keyword: str) -> list[str]:
        """Arguments of every instruction of one keyword."""
        return [arguments for word, arguments in self.instructions if word == keyword]


def parse(path: Path) -> tuple[dict[str, str], list[Stage]]:
    """Global ARG defaults, and the stages with those filled into FROM."""
    arguments: dict[str, str] = {}
    stages: list[Stage] = []
    logical = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        logical += line.strip().removesuffix("\\")
        if line.rstrip().endswith("\\"):
            continue
        keyword, _, rest = logical.partition(" ")
        logical = ""
        if keyword == "FROM":
            base, _, name = rest.partition(" AS ")
            for key, value in arguments.items():
                base = base.replace(f"${{{key}}}", value)
            stages.append(Stage(base, name))
        elif stages:
            stages[-1].instructions.append((keyword, rest.strip()))
        elif keyword == "ARG":
            key, _, value = rest.partition("=")
            arguments[key] = value
    return arguments, stages
