"""The flow ``agent-task``: one coding task on a copy of a repository.

Prepare, run the agent, collect. The model's turns are memoised in the results directory, so that
a run started again after its machine was lost replays them and executes the tools again. What
was produced is collected whatever happened: failure, time-out, cancellation.
"""

from pathlib import Path
from typing import Annotated, Any

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Failed
from pydantic import Field

from flows import steps
from flows.approval import ask_in_ui
from flows.diff_pictures import coloured
from flows.logs import show_core_logs
from flows.outcomes import EXPLAINED, completed
from flows.progress import artifact_key
from flows.sources import Repository
from harness.agent.envelope import Envelope
from harness.agent.events import AgentEvent, as_line
from harness.agent.options import StrategyChoice
from harness.agent.result import without_secrets
from harness.configured import (
    check_push,
    keep_results,
    opened_repository,
    results_location,
    run_configured_task,
    turns_of,
)
from harness.environment import environment_secrets
from harness.errors import HarnessError
from harness.index.opened import Opened
from harness.markdown import code_block, code_span, inert_line
from harness.repository.credentials import redact
from harness.settings import DataSettings, load
from harness.workspace.branches import branch_name, commit_message, push_patch

Task = Annotated[
    str,
    Field(
        min_length=1, max_length=20_000, examples=["Add a --verbose flag to the export command."]
    ),
]

# An artifact is a row of Prefect's database; the whole files are in the results directory.
_MAX_ARTIFACT_CHARS = 20_000

_TITLES = {
    "report.md": "What came of the task",
    "patch.diff": "The patch, to be read and applied with `git apply`, of the task",
    "trajectory.jsonl": "The whole record, for programs, of the task",
    "steps.md": "What the model said and did, step by step, in the task",
}

# Nothing is retried here: the model's client retries what is transient, and a task that was
# half done must not be done twice in the same workspace.
ONCE: dict[str, Any] = {"cache_policy": NO_CACHE, "persist_result": False}


@task(name="run-agent", **ONCE)
def run_agent(
    text: str,
    repository: Opened,
    results: Path,
    verify: str | None,
    model: str | None,
    approve: bool,
    strategy: StrategyChoice | None,
) -> Envelope:
    """The agent's loop; every step is a line of the run's log."""
    logger = get_run_logger()

    def log(event: AgentEvent) -> None:
        if line := as_line(event):
            logger.info("[%d] %s", event.step, line)

    return run_configured_task(
        text,
        repository,
        results,
        verify=verify,
        model=model,
        approve=ask_in_ui if approve else None,
        strategy=strategy,
        turn_cache=turns_of(results, started_before=(flow_run.run_count or 0) > 1),
        on_event=log,
    )


@task(name="push-branch", **ONCE)
def push_branch(text: str, patch: str, repository: Opened) -> str:
    """The patch as a new branch on the repository's server; its name."""
    run = str(flow_run.id)
    secrets = environment_secrets()
    branch = branch_name(text, run, secrets)
    push_patch(
        patch,
        repository.root,
        check_push(repository),
        branch=branch,
        message=commit_message(text, f"the flow run {flow_run.name} ({run})"),
        secrets=secrets,
    )
    return branch


def results_of(run_id: str) -> Path:
    """The results directory of a run: the same when the run is started again."""
    data = load(DataSettings)
    return data.results / f"run-{run_id}"


def collect(results: Path, where: str, text: str) -> None:
    """Publish what is in the results directory, whether or not the agent came to its end.

    The record is there twice: as it is, which the service hands on, and as steps to read. So is
    the patch: as text, and in colours beside what is read.

    :param where: the place that is named where an artifact is cut.
    """
    picture = coloured(_clean(_content(results, "patch.diff")))
    for name, language, beside in (
        ("report.md", "", picture),
        ("patch.diff", "diff", ""),
        ("trajectory.jsonl", "json", ""),
    ):
        _publish(name, _content(results, name), language, f"{where}/{name}", text, beside)
    if record := _content(results, "trajectory.jsonl"):
        page = steps.page(record, _MAX_ARTIFACT_CHARS - 1_000)
        _publish("steps.md", page, "", f"{where}/trajectory.jsonl", text, picture)


def keep(results: Path) -> list[str]:
    """Keep the files where they outlive this machine, whether or not the agent came to its end.

    :returns: what a person should know: they are in the run's artifacts only.
    """
    try:
        keep_results(results)
    except HarnessError as error:
        get_run_logger().error("the results were not kept: %s", error)
        return [f"the results were not kept: {error}"]
    return []


def _content(results: Path, name: str) -> str:
    file = results / name
    # As bytes, because reading text would turn the CRLF of a patch into LF.
    return file.read_bytes().decode(errors="replace") if file.is_file() else ""


def _clean(content: str) -> str:
    return redact(content, environment_secrets(), suspected=True)


def _publish(
    name: str, content: str, language: str, file: str, text: str, picture: str = ""
) -> None:
    # Report and steps are made of inert parts. A patch is redacted here only: its file has to fit.
    clean = _clean(content or "(not written)")
    shown = clean[:_MAX_ARTIFACT_CHARS]
    # A page that is cut might end within a block of code.
    is_page = name.endswith(".md") and content and len(clean) <= _MAX_ARTIFACT_CHARS
    body = shown if is_page else code_block(shown, language)
    note = "" if len(clean) == len(shown) else f"\n\nCut here; the whole file: {code_span(file)}"
    beside = f"\n\n{picture}" if picture else ""
    create_markdown_artifact(
        f"{body}{note}{beside}",
        key=artifact_key("agent", name.partition(".")[0]),
        description=f"{_TITLES[name]}: {inert_line(text[:200])}",
    )


@flow(name="agent-task", flow_run_name="task: {text}", timeout_seconds=6900, **EXPLAINED)
def agent_task(
    text: Task,
    repository: Repository,
    verify: str | None = None,
    ref: str | None = None,
    model: str | None = None,
    approve: bool = False,
    push: bool = False,
    strategy: StrategyChoice | None = None,
) -> State[Any]:
    """Carry out a coding task on a copy of a repository; yields a patch, a report, a record.

    Args:
        text: What to do, in your words.
        repository: Name of an indexed repository, a folder as the worker sees it, or a git URL
            without credentials.
        verify: Command that must pass, such as `pytest -q`.
        ref: Commit to start from. Default: a folder's files as they are, and of a URL the commit
            that is in the index.
        model: Chat model. Default: CHAT_MODEL.
        approve: Pause before each command until somebody resumes the run and allows it.
        push: Push the patch as a new branch harness/…; the worker's HARNESS_ALLOW_PUSH and the
            repository's credential must allow it.
        strategy: How to work: `loop`, `localise` (needs `verify`), or `auto` by the model's size.
            Default: HARNESS_AGENT_STRATEGY.
    """
    show_core_logs()
    results = results_of(str(flow_run.id))
    where = results_location(results)
    branch = ""
    with opened_repository(repository, ref) as files:
        if push:
            check_push(files)
        try:
            envelope = run_agent(text, files, results, verify, model, approve, strategy)
        finally:
            collect(results, where, text)
            unkept = keep(results)
        if push and envelope.exit_code == 0:
            branch = push_branch(text, envelope.patch, files)
    result = without_secrets(envelope, environment_secrets())
    data = {**result.to_dict(), "results": where, "branch": branch}
    if result.exit_code:
        message = f"{result.status}: {result.error or 'see the report'} ({where})"
        message = "; ".join([message, *unkept])
        return Failed(message=message, data=data)
    pushed = f", pushed as {branch}" if branch else ""
    message = f"{result.status}, {len(result.patch)} bytes of patch{pushed}"
    return completed(message, unkept, data)
