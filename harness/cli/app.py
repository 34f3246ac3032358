"""The commands and their order in ``--help``."""

from __future__ import annotations

from typing import Annotated

import typer

from harness import __version__
from harness.cli import (
    agent,
    backup,
    chat,
    evaluate,
    index,
    inspect,
    mcp,
    models,
    run,
    search,
    stack,
    webhook,
)

app = typer.Typer(
    name="harness",
    help="A private code assistant on your own hardware: search, cited answers, coding tasks.",
    epilog="Start with: harness index .   then: harness search 'how are routes registered'. "
    "Every command takes --debug for a traceback. Exit codes: 0 done, 1 failed, 2 bad input, "
    "3 server or model missing, 130 interrupted.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"harness {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """A private code assistant on your own hardware: search, cited answers, coding tasks."""


def _add(function: object, example: str) -> None:
    app.command(epilog=f"Example: {example}")(function)  # type: ignore[type-var]


_add(index.index, "harness index ~/src/flask --name flask")
_add(search.search, "harness search 'how are routes registered' --repo flask --limit 5")
_add(agent.ask, "harness ask 'where is the session cookie signed?' --repo flask")
_add(agent.task, "harness task 'add a --verbose flag' --repo . --verify 'pytest -q'")
_add(chat.chat, "harness chat --repo ~/src/flask")
_add(inspect.status, "harness status --json")
_add(inspect.forget, "harness forget flask")
_add(inspect.doctor, "harness doctor")
_add(models.models, "harness models pull nomic-embed-text")
app.command("eval", epilog="Example: harness eval labels.json --repo flask")(evaluate.evaluate)
_add(backup.backup, "harness backup")
_add(backup.restore, "harness restore latest")
_add(mcp.mcp, "harness mcp")
_add(stack.up, "harness up --port 4200")
_add(stack.down, "harness down")
_add(stack.deploy, "harness deploy --pool kubernetes")
_add(run.run, "harness run index-repository --param source=$HOME/src/flask")
_add(webhook.webhook, "harness webhook --port 8080")
