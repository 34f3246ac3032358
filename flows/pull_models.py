"""The flow ``pull-models``: brings the configured models to the Ollama server, or updates them."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any

from prefect import flow, get_run_logger, task
from prefect.artifacts import (
    create_progress_artifact,
    create_table_artifact,
)
from prefect.client.schemas.objects import State
from prefect.futures import wait
from prefect.states import Completed, Failed
from prefect.task_runners import ThreadPoolTaskRunner
from pydantic import Field

from flows.logs import show_core_logs
from flows.outcomes import EXPLAINED
from flows.policies import IO
from flows.progress import artifact_key, move
from harness.errors import UsageError
from harness.models.ollama.address import same_model
from harness.models.ollama.client import OllamaClient
from harness.models.pulls import PullOutcome, PullProgress, PullResult, pull, unique_names
from harness.settings import OllamaSettings, load

ModelName = Annotated[str, Field(min_length=1, max_length=300, examples=["qwen2.5-coder:7b"])]

# A pull takes as long as the network needs, retries broken streams itself (the server resumes)
# and runs in a thread, where Prefect's time-out could not interrupt it.
PULL: dict[str, Any] = IO | {"timeout_seconds": None, "retries": 1}


@task(name="pull-model", task_run_name="pull {name}", **PULL)
def pull_model(name: str, update: bool) -> PullResult:
    """Bring one model to the server; its progress is an artifact that moves."""
    with OllamaClient.connect(load(OllamaSettings).options()) as client:
        return pull(client, name, _progress_of(name), update=update, min_interval_seconds=1.0)


def _progress_of(name: str) -> Callable[[PullProgress], None]:
    artifact: Any = create_progress_artifact(
        progress=0.0, key=artifact_key("pull", name), description=f"Pull of {name}"
    )

    def show(progress: PullProgress) -> None:
        share = progress.completed_bytes / progress.total_bytes if progress.total_bytes else 0.0
        eta = f", {progress.eta_seconds:.0f} s left" if progress.eta_seconds is not None else ""
        move(
            artifact,
            progress=round(100 * min(share, 1.0), 1),
            description=(
                f"{name}: {progress.status}, {progress.completed_bytes / 1e6:.0f} of "
                f"{progress.total_bytes / 1e6:.0f} MB, {progress.bytes_per_second / 1e6:.1f} MB/s"
                f"{eta}"
            ),
        )

    return show


@flow(
    name="pull-models",
    flow_run_name="pull models",
    timeout_seconds=21_000,
    task_runner=ThreadPoolTaskRunner(max_workers=4),  # type: ignore[arg-type]
    **EXPLAINED,
)
def pull_models(models: list[ModelName] | None = None, update: bool = False) -> State[Any]:
    """Bring models to the Ollama server; one that is there and current costs nothing.

    Args:
        models: Names, with or without tag. Default: CHAT_MODEL and EMBED_MODEL.
        update: Ask the registry for newer versions of models that are there already.
    """
    show_core_logs()
    settings = load(OllamaSettings)
    if not settings.host:
        raise UsageError("OLLAMA_HOST is not set; set it to the server that should have the models")
    names = unique_names(models or (settings.chat_model, settings.embed_model))
    futures = {name: pull_model.submit(name, update) for name in names}
    wait(list(futures.values()))
    outcomes = {name: future.result(raise_on_failure=False) for name, future in futures.items()}
    create_table_artifact(
        key="pull-models",
        description="Models and what the last run did.",
        table=[_row(name, outcome) for name, outcome in outcomes.items()],
    )
    for outcome in outcomes.values():
        if (
            isinstance(outcome, PullResult)
            and outcome.outcome is PullOutcome.UPDATED
            and same_model(outcome.model, settings.embed_model)
        ):
            get_run_logger().warning(
                "The embedding model changed: the next index run rebuilds the index."
            )
    failed = {n: o for n, o in outcomes.items() if not isinstance(o, PullResult)}
    if failed:
        reasons = "; ".join(f"{name}: {error}" for name, error in failed.items())
        return Failed(message=f"{len(names) - len(failed)} of {len(names)} present. {reasons}")
    return Completed(
        message=f"{len(names)} models present",
        data=[asdict(outcome) for outcome in outcomes.values()],
    )


def _row(name: str, outcome: object) -> dict[str, Any]:
    if not isinstance(outcome, PullResult):
        return {"model": name, "outcome": "failed", "error": str(outcome)}
    return {
        "model": name,
        "outcome": str(outcome.outcome),
        "old digest": outcome.old_digest[:12],
        "digest": outcome.digest[:12],
        "MB": round(outcome.size_bytes / 1e6, 1),
        "seconds": round(outcome.seconds, 1),
        "error": "",
    }
