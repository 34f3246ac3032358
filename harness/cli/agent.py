"""``harness ask`` and ``harness task``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli import console
from harness.errors import UsageError

if TYPE_CHECKING:
    from rich.status import Status

    from harness.agent import AgentEvent, Envelope

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
_DEMO_TOKENS = 96

Model = Annotated[str | None, typer.Option(help="Chat model. Default: CHAT_MODEL.")]


def ask(
    question: Annotated[str, typer.Argument(help="A question about the indexed code.")],
    repo: Annotated[str | None, typer.Option(help="Only this repository.")] = None,
    limit: Annotated[int, typer.Option(help="Number of passages without a chat model.")] = 5,
    model: Model = None,
    as_json: AsJson = False,
) -> None:
    """Answer a question with checked path:line citations.

    Without a chat model (no OLLAMA_HOST) the answer is the best passages, shortened to what
    matters; with the extra `chat` the demo model's words follow, labelled as such.
    """
    from harness.answers import answering
    from harness.answers.passages import answer_with_passages
    from harness.configured import has_chat_model, open_assistant, open_engines, results_folder
    from harness.environment import environment_secrets
    from harness.models import demo_chat

    with open_engines() as engines:
        if model or has_chat_model():
            with open_assistant(results_folder("ask"), model) as assistant:
                result = answering.answer_with_agent(
                    question, engines, assistant, repo=repo, on_event=progress_printer(as_json)
                )
        elif demo_chat.available():
            demo = demo_chat.DemoChatModel(max_output_tokens=_DEMO_TOKENS)
            result = answering.answer_with_demo(
                question, engines, demo, repo=repo, limit=limit, secrets=environment_secrets()
            )
        else:
            result = answer_with_passages(question, engines, repo=repo, limit=limit)
    _finish(result, as_json)


def task(
    text: Annotated[str, typer.Argument(help="What to do, in your words.")],
    repo: Annotated[
        str, typer.Option(metavar="PATH", help="Folder, or the name of an indexed repository.")
    ] = ".",
    verify: Annotated[
        str | None, typer.Option(metavar="CMD", help="Must pass, such as 'pytest -q'.")
    ] = None,
    ref: Annotated[
        str | None, typer.Option(help="Commit to start from. Default: the files as they are.")
    ] = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Apply the patch to your files; never commits.")
    ] = False,
    approve: Annotated[
        bool, typer.Option("--approve", help="Ask before each command and before applying.")
    ] = False,
    model: Model = None,
    as_json: AsJson = False,
) -> None:
    """Carry out a coding task on a copy of a repository; yields a patch, a report, a record.

    Exit codes: 0 done, 3 no model, 4 a limit was reached, 5 nothing was changed, 6 the
    verification failed, 7 refused, 130 interrupted.
    """
    from harness.agent.result import apply_result
    from harness.configured import repository_folder, results_folder, run_configured_task

    if approve and not sys.stdin.isatty():
        raise UsageError("--approve needs a terminal to ask on")
    root = repository_folder(repo)
    results = results_folder("task")
    ask_user = _ask_user if approve else None
    show = progress_printer(as_json)
    result = run_configured_task(
        text, root, results, verify=verify, ref=ref, model=model, approve=ask_user, on_event=show
    )
    if apply and result.exit_code == 0:
        apply_result(result, root, ask_user)
    _finish(result, as_json, results, applied=apply and result.exit_code == 0)


def _ask_user(kind: str, text: str) -> bool:
    print(f"\n{kind}:\n{console.printable(text)}", file=sys.stderr)
    return typer.confirm("Allow?", default=False, err=True)


class progress_printer:  # noqa: N801 - used like a function
    """Shows what the agent does on stderr: calls and notes, one line each.

    On a terminal also that the model is at work: a large one loads for a minute before its first
    word. Nothing moves while a command runs, so that a question can be asked.
    """

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._terminal = sys.stderr.isatty()
        self._status: Status | None = None
        self._tokens = 0

    def __call__(self, event: AgentEvent) -> None:
        """Take one event."""
        kind = event.kind.value
        if self._quiet:
            return
        if kind == "token":
            self._tokens += 1
            self._wait(f"step {event.step}: the model has written {self._tokens} tokens")
            return
        self._stop()
        if kind in {"call", "note", "retry", "verify"}:
            first = console.printable(event.text).split("\n", 1)[0][:160]
            print(f"[{event.step}] {kind}: {first}", file=sys.stderr)
        if kind in {"step", "retry"}:
            self._tokens = 0
            self._wait(f"step {event.step}: waiting for the model")

    def _wait(self, text: str) -> None:
        if not self._terminal:
            return
        if self._status is None:
            self._status = console.stderr().status(text)
            self._status.start()
        self._status.update(text)

    def _stop(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None


def _finish(
    result: Envelope, as_json: bool, results: Path | None = None, applied: bool = False
) -> None:
    from harness.answers.passages import readable

    if as_json:
        console.print_json({**result.to_dict(), "applied": applied})
    else:
        if text := readable(result):
            print(console.printable(text))
        if result.patch:
            print(f"\n{console.printable(result.patch)}" if not applied else "\nPatch applied.")
        if results is not None:
            print(f"Results: {results}", file=sys.stderr)
        if result.error:
            said = result.error.startswith(result.status)
            console.error(result.error if said else f"{result.status}: {result.error}")
    if result.exit_code:
        raise typer.Exit(result.exit_code)
