"""The command line that is made for what is called."""

from __future__ import annotations

from typing import Any

import pytest
from typer.main import get_command

from harness.cli.app import app, app_for, command_names


def _commands(arguments: list[str]) -> dict[str, Any]:
    made: Any = get_command(app_for(arguments))
    return dict(made.commands)


@pytest.mark.parametrize("name", sorted(command_names()))
def test_what_is_called_is_made_alone_and_whole(name: str) -> None:
    every: Any = get_command(app)
    (only,) = _commands([name, "--help"]).items()
    expected = every.commands[name]
    assert only[0] == name
    assert [param.opts for param in only[1].params] == [param.opts for param in expected.params]
    assert sorted(getattr(only[1], "commands", ())) == sorted(getattr(expected, "commands", ()))


@pytest.mark.parametrize(
    "arguments", [[], ["--help"], ["--version"], ["serch"], ["--debug", "search"]], ids=" ".join
)
def test_for_anything_else_there_are_all(arguments: list[str]) -> None:
    assert set(_commands(arguments)) == command_names()
