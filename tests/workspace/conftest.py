"""Commands at each level of isolation that this machine grants."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.workspace import (
    CommandPolicy,
    CommandResult,
    Isolation,
    commands,
    probe_isolation,
    run_command,
)
from harness.workspace.confined import landlock
from harness.workspace.policy import Level

Run = Callable[..., CommandResult]


def isolation_at(level: str, abi: int | None = None) -> Isolation:
    """How a command gets to a level here; skips the test where it cannot.

    :param abi: the Landlock ABI to pretend; None: the kernel's.
    """
    kernel = landlock.version()
    if level == "namespaces":
        found = probe_isolation()
        if found.level != level:
            pytest.skip(f"no namespaces here: {found.reason}")
        return found if abi is None else dataclasses.replace(found, landlock=abi)
    if level == "landlock+seccomp":
        if kernel < max(abi or 0, landlock.LEAST_VERSION):
            pytest.skip(f"Landlock's ABI is {kernel} here")
        return Isolation("landlock+seccomp", (), kernel if abi is None else abi)
    return Isolation("none")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    for name in ("tree", "scratch"):
        (tmp_path / name).mkdir()

    def go(command: str, **policy: object) -> CommandResult:
        given = {"timeout_seconds": 20, "least_isolation": "none", **policy}
        wanted = dataclasses.replace(CommandPolicy(), **given)  # type: ignore[arg-type]
        return run_command(command, tmp_path / "tree", tmp_path / "scratch", wanted)

    return go


def use_level(monkeypatch: pytest.MonkeyPatch, level: Level, abi: int | None = None) -> None:
    """Let commands run at a level, whatever else this machine grants."""
    isolation = isolation_at(level, abi)
    monkeypatch.setattr(commands, "probe_isolation", lambda network=False: isolation)
