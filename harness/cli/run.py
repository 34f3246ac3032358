"""``harness run``: a flow run, followed in words to its reason."""

from __future__ import annotations

import math
import shlex
import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli import console
from harness.cli.options import AsJson

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.stack.api import PrefectApi
    from harness.stack.runs import Artifact, FlowRun
    from harness.stack.servers import Server

# Prefect's words before those of an exception.
_ENCOUNTERED = "Flow run encountered an exception: "
_PROGRESS_STEP_PERCENT = 10.0


def run(
    deployment: Annotated[
        str, typer.Argument(metavar="DEPLOYMENT", help="flow/deployment, or the second part alone.")
    ],
    param: Annotated[
        list[str] | None,
        typer.Option(metavar="K=V", help="A parameter; repeatable. What is not text, as JSON."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Start a flow run and follow it to its end, with the reason and what it published.

    Exit codes: 0 completed (also with warnings), 1 failed, crashed or cancelled, 130 interrupted
    here: the flow run itself goes on unless you say otherwise.
    """
    from harness.cli.stack import configured_server
    from harness.stack import runs
    from harness.stack.deployments import find_deployment, parse_parameters

    server = configured_server()
    api = server.api()
    target = find_deployment(api, deployment)
    began = time.monotonic()
    started = runs.start_run(api, target.name, parse_parameters(target, param or ()))
    print(f"{target.name}: {_run_link(api, started)}", file=sys.stderr)
    if target.work_pool and not api.online_workers(target.work_pool):
        console.error(
            f"no worker is online for the work pool {target.work_pool!r}, so the run waits; "
            "`harness up` starts one"
        )
    try:
        with console.steps(quiet=as_json) as say:
            ended = runs.follow(
                api,
                started.id,
                on_change=_words(say),
                timeout_seconds=math.inf,
                with_children=True,
            )
    except KeyboardInterrupt:
        _interrupted(server, started)
        raise typer.Exit(130) from None
    published = runs.artifacts_of(api, ended)
    if as_json:
        console.print_json(
            {
                "deployment": target.name,
                "run": ended.id,
                "name": ended.name,
                "state_type": ended.state_type,
                "state": ended.state_name,
                "reason": _reason(ended),
                "url": _run_link(api, ended),
                "artifacts": [
                    {"key": one.key, "type": one.type, "url": _artifact_link(api, one)}
                    for one in published
                ],
                "seconds": round(time.monotonic() - began, 1),
            }
        )
    else:
        _print_end(api, ended, published)
    if ended.state_type != "COMPLETED":
        raise typer.Exit(1)


# Pending states of Prefect's; any other one is a reason for waiting (deployments/diagnosis.py).
_ON_ITS_WAY = frozenset({"Pending", "Submitting", "InfrastructurePending"})


def _words(say: Callable[[str], None]) -> Callable[[FlowRun], None]:
    """Says each change; progress in steps that a log can bear."""
    shown: tuple[object, ...] = ()

    def change(run: FlowRun) -> None:
        nonlocal shown
        step = -1.0 if run.progress is None else run.progress // _PROGRESS_STEP_PERCENT
        now = (run.name, run.state_name, step, run.children, run.children_ended)
        if now == shown or run.is_final:
            return
        shown = now
        words = f"{run.name}: {run.state_name.lower()}"
        if run.state_type == "PENDING" and run.state_name not in _ON_ITS_WAY and run.message:
            words = f"{run.name}: {run.state_name}: {_reason(run)}"
        if run.progress is not None:
            words += f", {run.progress:.0f} %"
        if run.children:
            words += f", {run.children_ended} of {run.children} runs that it started have ended"
        say(words)

    return change


def _reason(run: FlowRun) -> str:
    return " ".join(run.message.removeprefix(_ENCOUNTERED).split())


def _print_end(api: PrefectApi, run: FlowRun, published: Sequence[Artifact]) -> None:
    reason = _reason(run) or "Prefect gives no reason; the run's log may"
    print(console.printable(f"{run.name}: {run.state_name}: {reason}"))
    for one in published:
        print(f"  {one.key}: {_artifact_link(api, one)}")
    print(f"  run and log: {_run_link(api, run)}")


def _interrupted(server: Server, started: FlowRun) -> None:
    """Ask on a terminal whether the run is to end as well, else say how."""
    from harness.errors import HarnessError
    from harness.stack import runs

    how = f"PREFECT_API_URL={server.api_url} prefect flow-run cancel {started.id}"
    if server.profiles_path is not None:
        path = shlex.quote(str(server.profiles_path))
        how = f"PREFECT_PROFILES_PATH={path} prefect flow-run cancel {started.id}"
    wanted = False
    if sys.stdin.isatty():
        try:
            wanted = typer.confirm("\nCancel the flow run?", default=False, err=True)
        except (KeyboardInterrupt, typer.Abort):
            wanted = False
    if not wanted:
        console.error(f"interrupted; the flow run goes on; cancel it in the UI or with: {how}")
        return
    try:
        now = runs.cancel(server.api(), started)
    except HarnessError as error:
        console.error(f"the flow run could not be cancelled ({error}); try: {how}")
        return
    console.error(f"interrupted; the flow run is {now.state_name.lower()}")


def _run_link(api: PrefectApi, run: FlowRun) -> str:
    return f"{_ui(api)}/runs/flow-run/{run.id}"


def _artifact_link(api: PrefectApi, artifact: Artifact) -> str:
    return f"{_ui(api)}/artifacts/artifact/{artifact.id}"


def _ui(api: PrefectApi) -> str:
    return api.url.removesuffix("/api")
