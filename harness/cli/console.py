"""What commands share with a terminal: messages, JSON, progress bars, logging."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from typing import TYPE_CHECKING, Any

from harness.cli.lines import error as error
from harness.cli.lines import note as note
from harness.cli.lines import printable as printable
from harness.cli.lines import printable_name as printable_name
from harness.cli.lines import report as report
from harness.repository.log_redaction import redact_logs

if TYPE_CHECKING:
    from rich.console import Console

    from harness.index.batches import Progress
    from harness.index.planning import IndexPlan

_NO_TERMINAL_COLUMNS = 300


def take_debug_flag(arguments: list[str]) -> bool:
    """Remove ``--debug`` wherever it stands before ``--`` and tell whether it was there."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    found = "--debug" in arguments[:end]
    arguments[:end] = [argument for argument in arguments[:end] if argument != "--debug"]
    return found


def configure_logging(debug: bool) -> None:
    """Send logs to stderr: warnings, or everything of Harness with ``--debug``; no credentials."""
    logging.basicConfig(
        level=logging.WARNING, format="%(levelname)s %(message)s", stream=sys.stderr, force=True
    )
    redact_logs(logging.getLogger(), _known_secrets)
    logging.getLogger("harness").setLevel(logging.DEBUG if debug else logging.WARNING)


def _known_secrets() -> tuple[str, ...]:
    from harness.environment import environment_secrets

    return environment_secrets()


def stdout() -> Console:
    """A console on stdout; plain, and wide enough for any table, when it is not a terminal."""
    width = None if sys.stdout.isatty() else _NO_TERMINAL_COLUMNS
    return _console(stderr=False, width=width)


def stderr() -> Console:
    """A console on stderr."""
    return _console(stderr=True)


def _console(stderr: bool, width: int | None = None) -> Console:
    from rich.console import Console

    class PipedConsole(Console):
        """Lets a closed pipe be seen as everywhere else; the library's own exits with 1."""

        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    return PipedConsole(stderr=stderr, highlight=False, soft_wrap=True, width=width)


def spinner(console: Console) -> str:
    """The name of a spinner that the terminal can show."""
    return "dots" if console.encoding.startswith("utf") else "line"


def print_json(document: Any) -> None:
    """One JSON document on stdout."""

    def convert(value: Any) -> Any:
        if is_dataclass(value) and not isinstance(value, type):
            return asdict(value)
        return str(value)

    print(json.dumps(document, default=convert, indent=2))


class IndexProgress:
    """Progress of one repository: a bar on a terminal, a line every few seconds elsewhere."""

    def __init__(self, name: str, quiet: bool) -> None:
        self._name = name
        self._quiet = quiet
        self._bar: Any = None
        self._task: Any = None
        self._files = 0
        self._total = 0
        self._bytes = 0.0
        self._total_bytes = 0
        self._chunks = 0
        self._began = 0.0
        self._last_line = 0.0

    def start(self, work: IndexPlan) -> None:
        """The plan is known."""
        import time

        self._total = work.files_to_index
        self._total_bytes = work.size_bytes
        self._began = self._last_line = time.monotonic()
        console = stderr()
        if self._quiet or not self._total:
            return
        if not console.is_terminal:
            note(f"{printable_name(self._name)}: {self._total} files to index")
            return
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.percentage:.0f}%"),
            TextColumn("{task.fields[files]}/{task.fields[total_files]} files"),
            TextColumn("{task.fields[chunks]} chunks, {task.fields[rate]:.0f}/s"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        self._bar.start()
        self._task = self._bar.add_task(
            printable_name(self._name),
            total=self._total_bytes,
            files=0,
            total_files=self._total,
            chunks=0,
            rate=0.0,
        )

    def advance(self, step: Progress) -> None:
        """Something was done."""
        import time

        self._files += step.files
        self._chunks += step.chunks
        self._bytes += step.size_bytes
        now = time.monotonic()
        rate = self._chunks / max(now - self._began, 1e-9)
        if self._bar is not None:
            self._bar.update(
                self._task,
                completed=self._bytes,
                files=self._files,
                chunks=self._chunks,
                rate=rate,
            )
        elif not self._quiet and now - self._last_line >= 5:
            self._last_line = now
            note(
                f"{printable_name(self._name)}: "
                f"{100 * self._bytes / max(self._total_bytes, 1):.0f}%, "
                f"{self._files}/{self._total} files, {self._chunks} chunks, "
                f"{rate:.0f} chunks/s"
            )

    def stop(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.stop()


@contextmanager
def index_progress(name: str, quiet: bool) -> Iterator[IndexProgress]:
    """A progress display that is removed however the run ends."""
    progress = IndexProgress(name, quiet)
    try:
        yield progress
    finally:
        progress.stop()


@contextmanager
def steps(quiet: bool) -> Iterator[Callable[[str], None]]:
    """Show the step that is under way: a spinner on a terminal, a line a step elsewhere."""
    console = stderr()
    if quiet:
        yield lambda message: None
    elif console.is_terminal:
        with console.status("starting", spinner=spinner(console)) as status:
            yield lambda message: status.update(printable(message))
    else:
        yield lambda message: note(printable(message))
