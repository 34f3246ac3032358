"""``harness ask`` and ``harness task``."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast, get_args

import typer

from harness.cli import console
from harness.cli.options import AsJson, Language, Model, Passages, PathGlob, Repo
from harness.cli.remote import ask_service, refuse_local, task_by_service
from harness.errors import UsageError

if TYPE_CHECKING:
    from rich.status import Status

    from harness.agent import AgentEvent, Envelope
    from harness.engines import Engines
    from harness.index.opened import Opened

_DEMO_TOKENS = 96
_NO_MODEL = (
    "harness: there is no chat model, so these passages are the answer; "
    "set OLLAMA_HOST and CHAT_MODEL, see `harness doctor`"
)


def ask(
    question: Annotated[str, typer.Argument(help="A question about the indexed code.")],
    repo: Repo = None,
    lang: Language = None,
    path: PathGlob = None,
    limit: Passages = 5,
    model: Model = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="Add the words of the small demo model, often wrong.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Answer a question with checked path:line citations.

    The best passages come at once, shortened to what matters; with a chat model (OLLAMA_HOST) its
    answer follows. Whatever becomes of the model, the passages are there.
    """
    from harness.answers.answering import beside_passages
    from harness.answers.passages import answer_with_passages, readable
    from harness.configured import has_chat_model, open_engines, open_service

    filters: dict[str, Any] = {"repo": repo, "language": lang, "path_glob": path}
    service = open_service()
    if service is not None:
        refuse_local({"--model": model, "--demo": demo})
        _finish(
            ask_service(service, question, filters, limit, as_json), as_json, passages_shown=True
        )
        return
    with open_engines() as engines:
        result = answer_with_passages(question, engines, **filters, limit=limit)
        if not as_json:
            print(console.printable(readable(result)), flush=True)
        if demo:
            answer = partial(_ask_demo, question, engines, repo, result, as_json)
            result = beside_passages(result, answer)
        elif model or has_chat_model():
            answer = partial(_ask_agent, question, engines, filters, model, as_json)
            result = beside_passages(result, answer)
        elif not as_json:
            print(_NO_MODEL, file=sys.stderr)
    _finish(result, as_json, passages_shown=True)


def _ask_agent(
    question: str,
    engines: Engines,
    filters: Mapping[str, Any],
    model: str | None,
    as_json: bool,
) -> Envelope:
    from harness.answers.answering import answer_with_agent
    from harness.configured import open_assistant, results_folder

    with open_assistant(results_folder("ask"), model) as assistant:
        return answer_with_agent(
            question, engines, assistant, **filters, on_event=progress_printer(as_json)
        )


def _ask_demo(
    question: str, engines: Engines, repo: str | None, found: Envelope, as_json: bool
) -> Envelope:
    from harness.answers.answering import answer_with_demo
    from harness.environment import environment_secrets
    from harness.models.demo_chat import DemoChatModel

    with console.steps(quiet=as_json or not sys.stderr.isatty()) as say:
        say("the demo model writes")
        return answer_with_demo(
            question,
            engines,
            DemoChatModel(max_output_tokens=_DEMO_TOKENS),
            repo=repo,
            secrets=environment_secrets(),
            found=found,
        )


def task(
    text: Annotated[str, typer.Argument(help="What to do, in your words.")],
    repo: Annotated[
        str, typer.Option(metavar="PATH", help="Folder, git URL, or name of an indexed repository.")
    ] = ".",
    verify: Annotated[
        str | None, typer.Option(metavar="CMD", help="Must pass, such as 'pytest -q'.")
    ] = None,
    ref: Annotated[
        str | None,
        typer.Option(help="Commit to start from. Default: the files as they are."),
    ] = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Apply the patch to your files; never commits.")
    ] = False,
    approve: Annotated[
        bool, typer.Option("--approve", help="Ask before each command and before applying.")
    ] = False,
    push: Annotated[
        bool, typer.Option("--push", help="Push the patch as a new branch harness/… of a URL.")
    ] = False,
    model: Model = None,
    strategy: Annotated[
        str | None,
        typer.Option(
            metavar="auto|loop|localise",
            help="How to work on it. Default: auto, by the model's size.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Carry out a coding task on a copy of a repository; yields a patch, a report, a record.

    Exit codes: 0 done, 3 no model, 4 a limit was reached, 5 nothing was changed, 6 the
    verification failed, 7 refused, 130 interrupted.
    """
    from harness.agent.options import StrategyChoice
    from harness.agent.result import apply_result
    from harness.configured import (
        check_push,
        open_service,
        opened_repository,
        results_folder,
        run_configured_task,
    )

    service = open_service()
    if service is not None:
        refuse_local(
            {
                "--apply": apply,
                "--approve": approve,
                "--push": push,
                "--model": model,
                "--strategy": strategy,
            }
        )
        _finish(task_by_service(service, text, repo, verify, ref, as_json), as_json)
        return
    if approve and not sys.stdin.isatty():
        raise UsageError("--approve needs a terminal to ask on")
    if strategy not in (None, *get_args(StrategyChoice)):
        raise UsageError(f"--strategy {strategy}: use auto, loop or localise")
    ask_user = _ask_user if approve else None
    show = progress_printer(as_json)
    branch = ""
    with opened_repository(repo, ref) as repository:
        if apply and repository.remote is not None:
            raise UsageError(
                f"{repository.remote.url} has no folder here to apply a patch to; leave out "
                "--apply and take the patch that is printed, or use --push"
            )
        if push:
            check_push(repository)
        results = results_folder("task")
        result = run_configured_task(
            text,
            repository,
            results,
            verify=verify,
            model=model,
            approve=ask_user,
            on_event=show,
            strategy=cast("StrategyChoice | None", strategy),
        )
        done = result.exit_code == 0
        if apply and done:
            apply_result(result, repository.root, ask_user)
        if push and done:
            branch = _push(result, text, repository, results)
    _finish(result, as_json, results, applied=apply and done, branch=branch)


def _push(result: Envelope, text: str, repository: Opened, results: Path) -> str:
    """Push a patch as a new branch, and return its name."""
    from harness.configured import check_push
    from harness.environment import environment_secrets
    from harness.workspace.branches import branch_name, commit_message, push_patch

    secrets = environment_secrets()
    branch = branch_name(text, results.name.rpartition("-")[2], secrets)
    push_patch(
        result.patch,
        repository.root,
        check_push(repository),
        branch=branch,
        message=commit_message(text, f"harness task, {results.name}"),
        secrets=secrets,
    )
    return branch


def _ask_user(kind: str, text: str) -> bool:
    print(f"\n{kind}:\n{console.printable(text)}", file=sys.stderr)
    return typer.confirm("Allow?", default=False, err=True)


class progress_printer:  # noqa: N801 - used like a function
    """Shows what the agent does on stderr: calls with what came of them, and what else the model
    is told, one line each.

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
        from harness.agent.events import as_line

        kind = event.kind.value
        if self._quiet:
            return
        if kind == "wait" and (self._terminal or not event.summary):
            self._wait(f"step {event.step}: {event.text}")
            return
        if kind == "token":
            self._tokens += 1
            self._wait(f"step {event.step}: the model has written {self._tokens} tokens")
            return
        self._stop()
        if line := as_line(event):
            console.note(f"[{event.step}] {console.printable(line)}")
        if kind in {"step", "retry"}:
            self._tokens = 0
            self._wait(f"step {event.step}: waiting for the model")

    def _wait(self, text: str) -> None:
        if not self._terminal:
            return
        if self._status is None:
            shown = console.stderr()
            self._status = shown.status(text, spinner=console.spinner(shown))
            self._status.start()
        self._status.update(text)

    def _stop(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None


def _print_patch(patch: str) -> None:
    """Print a patch: byte by byte into a file or a pipe, where `git apply` may read it."""
    if sys.stdout.isatty() or not hasattr(sys.stdout, "buffer"):
        print(f"\n{console.printable(patch)}")
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(b"\n" + patch.encode("utf-8", "surrogateescape"))
    sys.stdout.buffer.flush()


def _finish(
    result: Envelope,
    as_json: bool,
    results: Path | None = None,
    applied: bool = False,
    branch: str = "",
    passages_shown: bool = False,
) -> None:
    from harness.agent.summary import summary
    from harness.answers.passages import readable

    if as_json:
        console.print_json({**result.to_dict(), "applied": applied, "branch": branch})
    else:
        if result.status == "no_change" and result.answer:
            print("No file was changed. The model's last words:")
        if text := readable(result, passages_shown=passages_shown):
            before = "\n" if passages_shown else ""  # between the passages and the model's words
            print(f"{before}{console.printable(text)}")
        if result.patch and applied:
            print("\nPatch applied.")
        elif result.patch:
            _print_patch(result.patch)
        if branch:
            console.note(console.printable(f"Pushed as the branch {branch}"))
        if results is not None:
            for line in summary(result):
                console.note(console.printable(line))
            console.note(console.printable(f"Results: {results}"))
        if result.error:
            said = result.error.startswith(result.status)
            console.error(result.error if said else f"{result.status}: {result.error}")
    if result.exit_code:
        raise typer.Exit(result.exit_code)
