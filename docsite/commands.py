"""docs/reference/commands.md: every command with its help."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer
from typer.testing import CliRunner

from harness.cli.app import app

_HEADER = """# Commands

What `--help` says of each command, made from the code by `make reference`. `harness --help` lists
them on a terminal. Every command takes `--debug`, and those that answer with data take `--json`;
how they end is in [exit codes](exit-codes.md).
"""
_WIDTH = 100


def command_paths(command: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """What follows ``harness``: each command, and each one of a group after the group."""
    command = command or typer.main.get_command(app)
    for name, inner in getattr(command, "commands", {}).items():
        yield (*path, name)
        yield from command_paths(inner, (*path, name))


def page() -> str:
    """The whole page."""
    parts = [_HEADER]
    for path in command_paths():
        parts.append(f"## harness {' '.join(path)}\n\n```text\n{_help(path)}\n```\n")
    return "\n".join(parts)


def _help(path: tuple[str, ...]) -> str:
    answer = CliRunner().invoke(
        app, [*path, "--help"], prog_name="harness", terminal_width=_WIDTH, color=False
    )
    return "\n".join(line.rstrip() for line in answer.stdout.strip().splitlines())
