"""``harness models``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.cli import console
from harness.cli.options import AsJson
from harness.errors import HarnessError, UsageError

if TYPE_CHECKING:
    from harness.models.ollama.client import OllamaClient
    from harness.models.pulls import PullProgress, PullResult


def models(
    action: Annotated[
        str,
        typer.Argument(
            metavar="[pull]", help="Without it, models are listed; `pull` fetches them."
        ),
    ] = "list",
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME...", help="Default: CHAT_MODEL and EMBED_MODEL."),
    ] = None,
    update: Annotated[
        bool, typer.Option("--update", help="With pull: fetch newer versions as well.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show which models the Ollama server has and lacks, or pull them."""
    if action not in {"list", "pull"}:
        raise UsageError(f"{action!r} is not an action; write `harness models` or `models pull`")
    from harness.models.ollama.client import OllamaClient
    from harness.models.pulls import list_models, unique_names
    from harness.settings import OllamaSettings, load

    settings = load(OllamaSettings)
    if not settings.host:
        raise UsageError(
            "OLLAMA_HOST is not set, so the embedded model is used; to use Ollama: "
            "export OLLAMA_HOST=http://localhost:11434"
        )
    wanted = unique_names(names or (settings.chat_model, settings.embed_model))
    with OllamaClient.connect(settings.options()) as client:
        if action == "pull":
            _pull(client, wanted, update, as_json)
            return
        statuses = list_models(client, wanted)
    if as_json:
        rows = [
            {
                "name": s.name,
                "wanted": s.wanted,
                "state": str(s.state),
                "digest": s.digest,
                "size_bytes": s.size_bytes,
                "context_length": s.context_length,
                "capabilities": sorted(s.capabilities),
            }
            for s in statuses
        ]
        console.print_json({"models": rows})
        return
    from rich.table import Table

    table = Table("model", "wanted", "state", "size", "context", "capabilities")
    for s in statuses:
        table.add_row(
            console.printable_name(s.name),
            "yes" if s.wanted else "",
            str(s.state),
            f"{s.size_bytes / 1e9:.2f} GB" if s.size_bytes else "",
            str(s.context_length or ""),
            ", ".join(sorted(s.capabilities)),
        )
    console.stdout().print(table)
    missing = [s.name for s in statuses if s.wanted and str(s.state) == "missing"]
    if missing:
        pull = f"harness models pull {' '.join(missing)}"
        print(f"Pull what is missing: {console.printable_name(pull)}")


def _pull(client: OllamaClient, names: tuple[str, ...], update: bool, as_json: bool) -> None:
    from harness.models.pulls import pull

    rows: list[dict[str, Any]] = []
    worst: HarnessError | None = None
    for name in names:
        progress = _PullBar(name, quiet=as_json and not sys.stderr.isatty())
        try:
            result = pull(client, name, progress.show, update=update)
        except HarnessError as error:
            worst = error
            progress.stop()
            console.error(str(error))
            rows.append({"model": name, "outcome": "failed", "error": str(error)})
            continue
        progress.stop()
        rows.append(_row(result))
        if not as_json:
            outcome = str(result.outcome).replace("_", " ")
            console.report(
                f"{console.printable_name(result.model)}: {outcome} ({result.digest[:12]})"
            )
    if as_json:
        console.print_json({"models": rows})
    if worst is not None:
        raise typer.Exit(worst.exit_code)


def _row(result: PullResult) -> dict[str, Any]:
    return {
        "model": result.model,
        "outcome": str(result.outcome),
        "old_digest": result.old_digest,
        "digest": result.digest,
        "size_bytes": result.size_bytes,
        "seconds": round(result.seconds, 3),
        "error": "",
    }


class _PullBar:
    """A pull's own progress: a bar on a terminal, a line a change of status elsewhere."""

    def __init__(self, name: str, quiet: bool) -> None:
        self._name = name
        self._quiet = quiet
        self._bar: Any = None
        self._task: Any = None
        self._status = ""

    def show(self, progress: PullProgress) -> None:
        """Take the next report."""
        if self._quiet:
            return
        if self._bar is None and sys.stderr.isatty():
            from rich.progress import (
                BarColumn,
                DownloadColumn,
                Progress,
                TextColumn,
                TimeRemainingColumn,
                TransferSpeedColumn,
            )

            self._bar = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                DownloadColumn(),
                TransferSpeedColumn(),
                TimeRemainingColumn(),
                console=console.stderr(),
                transient=True,
            )
            self._bar.start()
            self._task = self._bar.add_task(console.printable_name(self._name), total=None)
        if self._bar is not None:
            self._bar.update(
                self._task,
                completed=progress.completed_bytes,
                total=progress.total_bytes or None,
            )
        elif progress.status != self._status:
            self._status = progress.status
            console.note(console.printable_name(f"{self._name}: {progress.status}"))

    def stop(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.stop()
