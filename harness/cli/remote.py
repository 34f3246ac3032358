"""Questions and tasks that the team's service carries out (``HARNESS_URL``), shown as those of this
machine are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from harness.cli import console
from harness.errors import UsageError

if TYPE_CHECKING:
    from harness.agent import Envelope
    from harness.service_client.client import ServiceClient


def refuse_local(options: Mapping[str, object]) -> None:
    """Check that no option was given that only makes sense on this machine.

    :param options: each by its name on the command line; false or None where it was not given.
    :raises UsageError: one was.
    """
    given = [name for name, value in options.items() if value]
    if given:
        raise UsageError(
            f"{given[0]} is for this machine, and HARNESS_URL names a service; leave one out"
        )


def ask_service(
    service: ServiceClient, question: str, filters: Mapping[str, Any], limit: int, as_json: bool
) -> Envelope:
    """Ask a question: passages are printed when they come, the model's steps on stderr."""
    from harness.answers.passages import readable

    def on_passages(found: Envelope) -> None:
        if not as_json:
            print(console.printable(readable(found)), flush=True)

    with service:
        return service.ask(
            question,
            **filters,
            limit=limit,
            on_passages=on_passages,
            on_step=lambda step, line: _note(f"[{step}] {line}", as_json),
        )


def task_by_service(
    service: ServiceClient, text: str, repo: str, verify: str | None, ref: str | None, as_json: bool
) -> Envelope:
    """Let the service carry out a task, and wait for its end.

    :param repo: a name of the service's index.
    :raises UsageError: it is a folder of this machine.
    """
    if repo.startswith((".", "/", "~")):
        raise UsageError(
            "HARNESS_URL names a service: say --repo NAME, as `harness status` lists them there"
        )
    with service:
        result, task = service.task(
            text, repo=repo, verify=verify, ref=ref, on_change=lambda line: _note(line, as_json)
        )
    if task.get("patch_cut"):
        console.error("the patch is cut: the whole one is in the worker's results directory")
    return result


def _note(line: str, quiet: bool) -> None:
    if not quiet:
        console.note(console.printable(line))
