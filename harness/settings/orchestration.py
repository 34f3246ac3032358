"""Prefect: what runs the flows, when, and who is told."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr, field_validator

from harness.errors import UsageError
from harness.settings.base import Settings, names
from harness.stack.options import StackOptions

_STACK = StackOptions()


class StackSettings(Settings):
    """The local Prefect server and worker that `harness up` starts."""

    port: int = Field(
        default=_STACK.port,
        ge=1024,
        le=65_535,
        validation_alias="HARNESS_PORT",
        description="Port of the local Prefect server and its UI, on 127.0.0.1 only.",
    )
    start_timeout_seconds: float = Field(
        default=_STACK.start_timeout_seconds,
        gt=0,
        validation_alias="HARNESS_START_TIMEOUT_SECONDS",
        description="How long `harness up` waits for the server, and again for the deployments and "
        "the worker.",
    )


class PrefectSettings(Settings):
    """The Prefect server that `harness deploy` and the checks use; flow runs and workers have
    Prefect's own settings."""

    api_url: str | None = Field(
        default=None,
        validation_alias="PREFECT_API_URL",
        description="Prefect's API. Unset: the server that `harness up` started.",
    )
    auth_string: SecretStr | None = Field(
        default=None,
        validation_alias="PREFECT_API_AUTH_STRING",
        description="User and password of the Prefect server, as `user:password`.",
    )
    work_pool: str = Field(
        default=_STACK.work_pool,
        validation_alias="HARNESS_WORK_POOL",
        description="Work pool of the deployments and their worker, for `harness up`, `harness "
        "deploy` and the checks.",
    )


class WorkerSettings(Settings):
    """The worker of a Kubernetes work pool, `python -m deployments.worker`; set by the chart."""

    runs: str = Field(
        default="",
        validation_alias="HARNESS_WORKER_RUNS",
        description="Deployments whose runs the worker carries out in its own pod instead of a Job "
        "each, separated by commas. Unset: none.",
    )
    agent_images: str = Field(
        default="",
        validation_alias="HARNESS_AGENT_IMAGES",
        description="Images for tasks by repository, made from Harness's own: "
        "`app=registry.lan/app-tools:1`, separated by commas. Unset: every Job has the same.",
    )
    agent_runtime_class: str = Field(
        default="",
        validation_alias="HARNESS_AGENT_RUNTIME_CLASS",
        description="RuntimeClass of the Jobs that carry out tasks, such as `gvisor`. Unset: the "
        "work pool's.",
    )

    agent_qdrant_secret: str = Field(
        default="",
        validation_alias="HARNESS_AGENT_QDRANT_SECRET",
        description="Kubernetes Secret whose `QDRANT_API_KEY`, one that may only read, is given to "
        "the Jobs that carry out tasks. Unset: the key of all Jobs.",
    )
    results_secret: str = Field(
        default="harness-results",
        validation_alias="HARNESS_RESULTS_SECRET",
        description="Kubernetes Secret that Jobs get which keep results in object storage; "
        "`harness deploy` reads it, too.",
    )

    @property
    def own_runs(self) -> frozenset[str]:
        """The deployments in ``runs``."""
        return frozenset(names(self.runs))

    @property
    def images(self) -> dict[str, str]:
        """The images by repository.

        :raises UsageError: an entry is not ``repository=image``.
        """
        images = {}
        for entry in names(self.agent_images):
            repository, equals, image = entry.partition("=")
            if not (repository and equals and image):
                raise UsageError(f"HARNESS_AGENT_IMAGES: {entry!r} is not repository=image")
            images[repository.strip()] = image.strip()
        return images


class ChecksSettings(Settings):
    """What `harness doctor` and `check-stack` look at."""

    folders: bool = Field(
        default=True,
        validation_alias="HARNESS_CHECK_FOLDERS",
        description="Whether the folders for backups, results and repositories are checked; false "
        "in a pod without their volumes.",
    )
    storage: Literal["all", "backups", "results", "none"] = Field(
        default="all",
        validation_alias="HARNESS_CHECK_STORAGE",
        description="Which object storage is asked, if one is set: `all`, `backups`, `results` or "
        "`none`. The chart sets it where a pod has the credentials of one only, or of none.",
    )


class ScheduleSettings(Settings):
    """When scheduled runs start; read by `harness up` and `harness deploy`."""

    timezone: str = Field(
        default="UTC",
        validation_alias="HARNESS_TIMEZONE",
        description="Time zone of all schedules (`Europe/Berlin`), from the IANA database.",
    )

    @field_validator("timezone")
    @classmethod
    def _must_exist(cls, value: str) -> str:
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"{value!r} is not a time zone such as Europe/Berlin") from None
        return value


class NotifySettings(Settings):
    """Who is notified when something fails; read by `harness up` and `harness deploy`."""

    notify_url: SecretStr | None = Field(
        default=None,
        validation_alias="HARNESS_NOTIFY_URL",
        description="Apprise URL (`mailto://…`, `slack://…`, `json://host/path`) for failed checks "
        "and late runs; kept in a block of the Prefect server. Unset: none.",
    )
