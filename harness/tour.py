"""``make run``: the main job once, from nothing, on this repository itself.

Starts the local stack, indexes this checkout through Prefect's API, searches it and asks a question
about it. On a terminal the stack stays up until Ctrl-C, elsewhere it is stopped at once. The exit
code is 1 when a step failed and 130 when the tour was interrupted.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import FrameType

from harness.cli import process
from harness.errors import HarnessError, StackError
from harness.settings import DataSettings, PrefectSettings, StackSettings, load
from harness.stack import lifecycle, runs
from harness.stack.bundle import code_dir
from harness.stack.options import StackOptions
from harness.stack.ports import check_port, free_port
from harness.stack.runs import FlowRun
from harness.stack.status import StackStatus

DEPLOYMENT = "index-repository/index-repository"
REPOSITORY = "harness"
SEARCHES = (
    "start the local prefect server and wait until it is healthy",
    "how are chunks cut along the syntax tree",
    "is_transient",
)
# The tour shows the product, not how it is tested: half the chunks, half the wait.
EXCLUDED = ("tests/**", "benchmarks/**", "k8s/**")
QUESTION = "Which errors are worth another try?"
# A first index of this repository takes one to two minutes on two cores.
_RUN_TIMEOUT_SECONDS = 1800.0
_PROGRESS_STEP_PERCENT = 10.0


@dataclass(slots=True)
class Display:
    """One line a step; on a terminal the last line is rewritten while a step goes on."""

    is_terminal: bool
    rewriting: bool = False

    def step(self, text: str) -> None:
        """Announce the next step."""
        self.end_line()
        print(f"\n==> {text}", flush=True)

    def line(self, text: str) -> None:
        """Print something that stays."""
        self.end_line()
        print(f"    {text}", flush=True)

    def update(self, text: str) -> None:
        """Print something that the next update replaces."""
        if self.is_terminal:
            print(f"\r\x1b[2K    {text}", end="", flush=True)
            self.rewriting = True
        else:
            print(f"    {text}", flush=True)

    def end_line(self) -> None:
        """Leave a rewritten line as it is."""
        if self.rewriting:
            print(flush=True)
            self.rewriting = False


def main() -> int:
    """Run the tour.

    :returns: the exit code.
    """
    process.begin()
    process.let_command_clean_up()
    interactive = sys.stdin.isatty() and sys.stdout.isatty() and not os.environ.get("CI")
    display = Display(is_terminal=sys.stdout.isatty())
    signal.signal(signal.SIGTERM, _interrupt)
    with contextlib.suppress(AttributeError):
        signal.signal(signal.SIGHUP, _interrupt)
    try:
        with _running_stack(display, stay_up=interactive) as status:
            _index(display)
            for query in SEARCHES:
                _show(display, ["search", query, "--repo", REPOSITORY, "--limit", "3"])
            _show(display, ["ask", QUESTION, "--repo", REPOSITORY, "--limit", "3"])
            _what_next(status, display, interactive)
    except KeyboardInterrupt:
        display.line("interrupted")
        return 130
    except HarnessError as error:
        display.end_line()
        print(f"\nFAILED: {error}", file=sys.stderr)
        return 1
    return 0


@contextlib.contextmanager
def _running_stack(display: Display, *, stay_up: bool) -> Iterator[StackStatus]:
    """The stack for the tour. One that is already running is used, and left running."""
    data_dir = load(DataSettings).data_dir.resolve()
    display.step("Starting Prefect: a local server, a worker, and the deployments")
    display.line(f"data directory: {data_dir} (HARNESS_DATA_DIR)")
    if (status := lifecycle.status(data_dir)) is not None:
        display.line(f"found a running stack at {status.url}; it is left running")
        yield status
        return
    began = time.monotonic()
    settings = load(StackSettings)
    try:
        options = StackOptions(
            port=_port(settings, display),
            start_timeout_seconds=settings.start_timeout_seconds,
            work_pool=load(PrefectSettings).work_pool,
            serve=False,  # it ends with the tour
        )
        status = lifecycle.up(data_dir, options, on_progress=display.line)
        done = Counter((change.kind, change.change) for change in status.changes)
        for (kind, what), number in done.items():
            display.line(f"{number} {kind}{'s' if number > 1 else ''} {what}")
        display.line(f"up after {time.monotonic() - began:.0f} s: {status.url}")
        yield status
        if stay_up:
            with contextlib.suppress(KeyboardInterrupt):
                while lifecycle.status(data_dir) is not None:
                    time.sleep(2)
    finally:
        display.step("Stopping Prefect")
        # A second Ctrl-C must not leave half of it running.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        lifecycle.down(data_dir)
        display.line("everything is stopped; your index stays")


def _port(settings: StackSettings, display: Display) -> int:
    """The configured port; when nobody chose one and the default is taken, a free one."""
    if "port" in settings.model_fields_set:
        return settings.port
    try:
        check_port(settings.port)
    except StackError:
        port = free_port()
        display.line(f"port {settings.port} is in use: taking {port} (HARNESS_PORT chooses one)")
        return port
    return settings.port


def _index(display: Display) -> None:
    """Run the deployment on this checkout and follow it.

    :raises StackError: the run did not complete.
    """
    data_dir = load(DataSettings).data_dir
    api = lifecycle.connect(data_dir)
    code = code_dir()
    # Without a checkout: the installed package, which has the rest below it.
    root = code if (code / "harness").is_dir() else code.parent
    display.step(f"Indexing this repository ({root}) with the deployment {DEPLOYMENT}")
    display.line(f"without {', '.join(EXCLUDED)}")
    parameters = {"source": str(root), "name": REPOSITORY, "exclude": list(EXCLUDED)}
    run = runs.start_run(api, DEPLOYMENT, parameters)
    link = lifecycle.new_login_url(data_dir, f"/runs/flow-run/{run.id}")
    display.line(f"watch it (this link logs a browser in, once): {link}")
    shown = -_PROGRESS_STEP_PERCENT
    shown_state = ""

    def show(run: FlowRun) -> None:
        nonlocal shown, shown_state
        percent = run.progress or 0.0
        moved = percent >= shown + _PROGRESS_STEP_PERCENT or percent == 100.0 != shown
        if display.is_terminal or run.state_name != shown_state or moved:
            shown, shown_state = percent, run.state_name
            display.update(f"{run.name}: {run.state_name}, {percent:.0f} %")

    ended = runs.follow(api, run.id, on_change=show, timeout_seconds=_RUN_TIMEOUT_SECONDS)
    if ended.state_type != "COMPLETED":
        raise StackError(f"the run ended as {ended.state_name}: {ended.message}")
    display.line(ended.message)


def _show(display: Display, arguments: Sequence[str]) -> None:
    """Run a command as a user would and print its answer.

    :raises StackError: it failed or printed nothing.
    """
    words = " ".join(f'"{word}"' if " " in word else word for word in arguments)
    display.step(f"harness {words}")
    answer = subprocess.run(
        [sys.executable, "-m", "harness", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    print(answer.stdout.rstrip(), flush=True)
    if answer.returncode != 0 or not answer.stdout.strip():
        raise StackError(f"`harness {words}` gave no answer (exit code {answer.returncode})")


def _what_next(status: StackStatus, display: Display, interactive: bool) -> None:
    display.step("What next")
    for text in (
        "source .venv/bin/activate",
        "harness index ~/src/your-project      # index your own code",
        'harness search "where are users authenticated"',
        'harness ask "how does a request reach the database?"',
        "harness run index-repository --param source=/path/to/repo",
        "harness --help",
    ):
        display.line(text)
    if interactive:
        print(f"\n    The Prefect UI is at {status.url} - Ctrl-C stops everything.", flush=True)
    else:
        print(f"\n    The Prefect UI was at {status.url}; `harness up` brings it back.", flush=True)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
