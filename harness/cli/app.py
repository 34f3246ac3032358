"""The commands and their order in ``--help``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from functools import wraps
from typing import Annotated, Any

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
    repair,
    repositories,
    repository_map,
    results,
    run,
    search,
    serve,
    stack,
    symbol,
    tokens,
    webhook,
)

_DEBUG_HELP = "Log what is done, and show where an error came from."
# An example is copied, so it stays on one line: \b keeps a paragraph from being wrapped.
_EPILOG = """\b
Start with:
  harness index .
  harness search 'how are routes registered'

Exit codes: 0 done, 1 failed, 2 bad input, 3 server or model missing, 4 a limit was reached,
5 a task changed nothing, 6 its verification failed or an answer's citations did not hold,
7 refused, 130 interrupted.
"""

app = typer.Typer(
    name="harness",
    help="A private code assistant on your own hardware: search, cited answers, coding tasks.",
    epilog=_EPILOG,
    no_args_is_help=True,
    context_settings={"max_content_width": 10_000},  # the terminal's width; the default is 80
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
    debug: Annotated[bool, typer.Option("--debug", help=_DEBUG_HELP)] = False,
) -> None:
    """A private code assistant on your own hardware: search, cited answers, coding tasks."""


_tokens = typer.Typer(
    help="Who may use `harness serve`: create, list, revoke.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
_registry = typer.Typer(
    help="The repositories that the nightly run keeps fresh.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_results = typer.Typer(
    help="Patches, reports and records of tasks.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def _add(
    function: Callable[..., None],
    *examples: str,
    name: str | None = None,
    group: typer.Typer = app,
) -> None:
    lines = ["Example:" if len(examples) == 1 else "Examples:", *(f"  {one}" for one in examples)]
    # Taken out of the arguments by harness.cli.main before they are parsed, wherever it stands.
    lines += ["", f"--debug, anywhere: {_DEBUG_HELP[0].lower()}{_DEBUG_HELP[1:]}"]

    @wraps(function)
    def command(*arguments: Any, **options: Any) -> None:
        try:
            function(*arguments, **options)
        except KeyboardInterrupt:  # the parser would make a bare exit code of it
            raise typer.Abort from None

    group.command(name, epilog="\n".join(("\b", *lines)))(command)


_add(index.index, "harness index . --name flask")
_add(search.search, "harness search 'how are routes registered' --repo flask --limit 5")
_add(symbol.symbol, "harness symbol Session.close --repo flask")
_add(
    repository_map.repository_map,
    "harness map --repo flask --focus 'how are sessions signed'",
    name="map",
)
_add(agent.ask, "harness ask 'where is the session cookie signed?' --repo flask")
_add(
    agent.task,
    "OLLAMA_HOST=localhost harness task 'add a --verbose flag' --repo . --verify 'pytest -q'",
)
_add(chat.chat, "OLLAMA_HOST=localhost harness chat --repo flask")
_add(inspect.status, "harness status --json")
_add(inspect.forget, "harness forget flask")
_add(inspect.doctor, "harness doctor")
_add(repair.repair, "harness repair")
_add(models.models, "OLLAMA_HOST=localhost harness models pull nomic-embed-text")
_add(
    evaluate.evaluate,
    """echo '[{"query": "sessions", "relevant": ["src/sessions.py"]}]' > labels.json""",
    "harness eval labels.json --repo flask",
    name="eval",
)
_add(backup.backup, "harness backup")
_add(backup.restore, "harness restore latest")
_add(mcp.mcp, "harness mcp")
_add(stack.up, "harness up --port 4200")
_add(stack.down, "harness down")
_add(stack.deploy, "harness deploy")
_add(run.run, "harness run index-repository --param source=$PWD")
_add(webhook.webhook, "HARNESS_WEBHOOK_SECRET=$(openssl rand -hex 32) harness webhook --port 8080")
_add(serve.serve, "harness serve --port 4280")
_add(
    tokens.create,
    "harness tokens create --name ci --scope read --repo 'web*' --expires 90d",
    group=_tokens,
)
_add(tokens.list_, "harness tokens list", name="list", group=_tokens)
_add(tokens.revoke, "harness tokens revoke ci", group=_tokens)
app.add_typer(_tokens, name="tokens")

_add(
    repositories.add,
    "harness repositories add https://git.example.org/team/web.git --credential team",
    group=_registry,
)
_add(repositories.apply, "harness repositories apply team.json", group=_registry)
_add(repositories.list_, "harness repositories list --json", name="list", group=_registry)
_add(repositories.remove, "harness repositories remove web", group=_registry)
_add(repositories.sync, "harness repositories sync web", group=_registry)
app.add_typer(_registry, name="repositories")

_add(results.list_, "harness results list", name="list", group=_results)
_add(results.get, "harness results get run-ID --to out", group=_results)
app.add_typer(_results, name="results")


def command_names() -> set[str]:
    """What may follow ``harness``: commands and groups of commands."""
    groups = {str(info.name) for info in app.registered_groups}
    return groups | {
        info.name or getattr(info.callback, "__name__", "") for info in app.registered_commands
    }


def app_for(arguments: Sequence[str]) -> typer.Typer:
    """The command line, with the one command that is called or with all of them: reading the
    signatures of all takes longer than most commands' own imports.

    :param arguments: without the program's name.
    """
    called = arguments[0] if arguments else ""
    if called not in command_names():
        return app
    narrowed = copy(app)
    narrowed.registered_groups = [one for one in app.registered_groups if one.name == called]
    narrowed.registered_commands = [
        one
        for one in app.registered_commands
        if called == (one.name or getattr(one.callback, "__name__", ""))
    ]
    return narrowed
