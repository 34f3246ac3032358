"""Settings from the environment, one small class per subsystem.

They are built by the doors (command line, servers, flow bodies) and by :mod:`harness.configured`,
never at import and never kept in a global. Defaults belong to the option classes of the parts that
use them. docs/settings.md is made from the fields' names and descriptions.
"""

from __future__ import annotations

import inspect
import os
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from harness.agent.options import Limits, ProtocolChoice, RunOptions, StrategyChoice
from harness.backup.options import Retention
from harness.errors import InvalidSettingError, UsageError
from harness.home import default_data_dir, from_home
from harness.index.options import LEASE_SECONDS, IndexOptions, SplitOptions
from harness.models.ollama.options import OllamaOptions
from harness.service.options import ProxyTrust, ServiceOptions
from harness.stack.options import StackOptions
from harness.store.options import LOCK_TIMEOUT_SECONDS, QdrantOptions
from harness.webhook.options import RequestLimits
from harness.workspace.policy import Level

_OLLAMA = OllamaOptions()
_QDRANT = QdrantOptions()
_RETENTION = Retention()
_WEBHOOK = RequestLimits()
_INDEX = IndexOptions()
_SPLIT = SplitOptions()
_STACK = StackOptions()
_SERVICE = ServiceOptions()
_LIMITS = Limits()
_RUN = RunOptions()

SettingsT = TypeVar("SettingsT", bound="_Settings")


def _expanded(path: Path) -> Path:
    try:
        return from_home(path)
    except UsageError as error:
        raise ValueError(str(error)) from None


HomePath = Annotated[Path, AfterValidator(_expanded)]
"""A path setting: units, compose files and ``.env`` files hold ``~`` as it stands, without a shell
that expands it."""


class _Settings(BaseModel):
    """Made without arguments it is what the environment says; what is given goes before that.

    The case of a variable's name does not count, and one that is empty is not set.
    pydantic-settings would read them in the same way, and takes longer to import than everything
    else that a search does.
    """

    # Most commands use three or four of the classes: the others' validators are never built.
    model_config = ConfigDict(frozen=True, defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _read_environment(cls, given: dict[str, object]) -> dict[str, object]:
        set_ = {name.upper(): value for name, value in os.environ.items() if value}
        names = (str(field.validation_alias) for field in cls.model_fields.values())
        return {name: set_[name] for name in names if name in set_} | given


class DataSettings(_Settings):
    """Where things are kept on this machine."""

    data_dir: HomePath = Field(
        default_factory=default_data_dir,
        validation_alias="HARNESS_DATA_DIR",
        description="Index, clones, results and the local Prefect database. Default: the "
        "platform's user data directory.",
    )
    repos_root: HomePath | None = Field(
        default=None,
        validation_alias="HARNESS_REPOS_ROOT",
        description="Folder whose repositories the nightly run indexes. Unset: none.",
    )
    backup_dir: HomePath | None = Field(
        default=None,
        validation_alias="HARNESS_BACKUP_DIR",
        description="Where backups go. Unset: `backups` under the data directory.",
    )
    results_dir: HomePath | None = Field(
        default=None,
        validation_alias="HARNESS_RESULTS_DIR",
        description="Where agent results go. Unset: `results` under the data directory.",
    )
    credentials_dir: HomePath | None = Field(
        default=None,
        validation_alias="HARNESS_CREDENTIALS_DIR",
        description="Folder of credentials for git servers, a folder each (docs/repositories.md). "
        "Unset: `credentials` under the data directory.",
    )
    repositories_file: HomePath | None = Field(
        default=None,
        validation_alias="HARNESS_REPOSITORIES_FILE",
        description="The team's list of repositories (docs/repositories.md), which the nightly run "
        "takes into the registry first. Unset: none.",
    )
    keep_results_days: int = Field(
        default=30,
        ge=0,
        validation_alias="HARNESS_KEEP_RESULTS_DAYS",
        description="Agent results older than this are removed every night (days); 0: never.",
    )

    @property
    def results(self) -> Path:
        """Where agent results go, set or not."""
        return self.results_dir or self.data_dir / "results"

    @property
    def credentials(self) -> Path:
        """Where credentials for git servers are, set or not."""
        return self.credentials_dir or self.data_dir / "credentials"

    @property
    def backups(self) -> Path:
        """Where backups go, set or not."""
        return self.backup_dir or self.data_dir / "backups"


class BackupSettings(_Settings):
    """What is in backups and how long they are kept; the newest always is kept."""

    keep_daily: int = Field(
        default=_RETENTION.keep_daily,
        ge=0,
        validation_alias="HARNESS_BACKUP_KEEP_DAILY",
        description="For how many days the newest backup of each is kept.",
    )
    keep_weekly: int = Field(
        default=_RETENTION.keep_weekly,
        ge=0,
        validation_alias="HARNESS_BACKUP_KEEP_WEEKLY",
        description="For how many weeks the newest backup of each is kept.",
    )

    url: str | None = Field(
        default=None,
        validation_alias="HARNESS_BACKUP_URL",
        description="Object storage that keeps the backups (`s3://bucket/prefix`; the extra `s3`); "
        "credentials as for AWS' own tools. Unset: HARNESS_BACKUP_DIR.",
    )
    endpoint: str | None = Field(
        default=None,
        validation_alias="HARNESS_BACKUP_ENDPOINT",
        description="Address of that storage (`https://storage.example.org:9000`). Unset: AWS.",
    )
    key: SecretStr | None = Field(
        default=None,
        validation_alias="HARNESS_BACKUP_KEY",
        description="Key that encrypts backups, base64 of 32 bytes (`openssl rand -base64 32`); "
        "further lines are former keys. Unset: HARNESS_BACKUP_KEY_FILE.",
    )
    key_file: HomePath | None = Field(
        default=None,
        validation_alias="HARNESS_BACKUP_KEY_FILE",
        description="File with that key. Unset, without HARNESS_BACKUP_KEY: backups are not "
        "encrypted.",
    )
    prefect_database_url: SecretStr | None = Field(
        default=None,
        validation_alias="HARNESS_PREFECT_DATABASE_URL",
        description="The Prefect server's Postgres database as that server has it "
        "(`postgresql+asyncpg://user:password@host/database`), to back it up. Unset: the local "
        "server's SQLite file.",
    )

    def retention(self) -> Retention:
        """What the backups are told."""
        return Retention(self.keep_daily, self.keep_weekly)


class ResultsSettings(_Settings):
    """Where the results of flow runs' tasks are kept in place of HARNESS_RESULTS_DIR."""

    url: str | None = Field(
        default=None,
        validation_alias="HARNESS_RESULTS_URL",
        description="Object storage that keeps what `agent-task` yields (`s3://bucket/prefix`; the "
        "extra `s3`); credentials as for AWS' own tools. Unset: HARNESS_RESULTS_DIR.",
    )
    endpoint: str | None = Field(
        default=None,
        validation_alias="HARNESS_RESULTS_ENDPOINT",
        description="Address of that storage (`https://storage.example.org:9000`). Unset: AWS.",
    )
    key: SecretStr | None = Field(
        default=None,
        validation_alias="HARNESS_RESULTS_KEY",
        description="Key that encrypts results there, as HARNESS_BACKUP_KEY does backups; not the "
        "same one. Unset: HARNESS_RESULTS_KEY_FILE.",
    )
    key_file: HomePath | None = Field(
        default=None,
        validation_alias="HARNESS_RESULTS_KEY_FILE",
        description="File with that key. Unset, without HARNESS_RESULTS_KEY: results are not "
        "encrypted.",
    )
    access_key_id: str | None = Field(
        default=None,
        validation_alias="HARNESS_RESULTS_ACCESS_KEY_ID",
        description="Credentials of that storage where AWS' own variables hold those of another "
        "one, of the backups' for example. Unset: as for AWS' own tools.",
    )
    secret_access_key: SecretStr | None = Field(
        default=None,
        validation_alias="HARNESS_RESULTS_SECRET_ACCESS_KEY",
        description="The secret that belongs to HARNESS_RESULTS_ACCESS_KEY_ID.",
    )


class IndexSettings(_Settings):
    """What is indexed and how."""

    max_file_bytes: int = Field(
        default=_INDEX.max_file_bytes,
        gt=0,
        validation_alias="HARNESS_MAX_FILE_BYTES",
        description="Larger files are skipped (bytes).",
    )
    lock_timeout_seconds: float = Field(
        default=LOCK_TIMEOUT_SECONDS,
        gt=0,
        validation_alias="HARNESS_LOCK_TIMEOUT_SECONDS",
        description="How long to wait for another process that holds the embedded store.",
    )
    lease_seconds: float = Field(
        default=LEASE_SECONDS,
        ge=1,
        validation_alias="HARNESS_LEASE_SECONDS",
        description="On a Qdrant server: how long an index run may give no sign of life before "
        "another one takes its place.",
    )
    batch_bytes: int = Field(
        default=_SPLIT.batch_bytes,
        ge=10_000,
        validation_alias="HARNESS_BATCH_BYTES",
        description="Source per batch, one task of an index run (bytes); the default takes the "
        "embedded model 10-20 s on two cores.",
    )
    shard_bytes: int = Field(
        default=_SPLIT.shard_bytes,
        ge=0,
        validation_alias="HARNESS_SHARD_BYTES",
        description="A repository with more source than this to index is split into flow runs "
        "of about this size (bytes); 0: never.",
    )
    shards_at_once: int = Field(
        default=_SPLIT.shards_at_once,
        ge=1,
        le=64,
        validation_alias="HARNESS_SHARDS_AT_ONCE",
        description="How many of a repository's shards run at the same time.",
    )


class StackSettings(_Settings):
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


class OllamaSettings(_Settings):
    """The model server. Without ``OLLAMA_HOST`` the embedded models are used."""

    host: str | None = Field(
        default=None,
        validation_alias="OLLAMA_HOST",
        description="Ollama's address (`host`, `host:port`, or a URL). Unset: embedded models.",
    )
    chat_model: str = Field(
        default=_OLLAMA.chat_model,
        validation_alias="CHAT_MODEL",
        description="Model that answers and carries out tasks.",
    )
    embed_model: str = Field(
        default=_OLLAMA.embed_model,
        validation_alias="EMBED_MODEL",
        description="Model that embeds passages and queries: one of Ollama's, or in this process "
        "`static` (our own; used without `OLLAMA_HOST`) or `minilm` (a transformer; an extra).",
    )
    num_ctx: int = Field(
        default=_OLLAMA.num_ctx,
        ge=1024,
        validation_alias="HARNESS_NUM_CTX",
        description="Upper limit of the chat model's context window (tokens).",
    )
    embed_batch: int = Field(
        default=_OLLAMA.embed_batch,
        ge=1,
        le=512,
        validation_alias="HARNESS_EMBED_BATCH",
        description="Texts per embedding request.",
    )
    timeout_seconds: float = Field(
        default=_OLLAMA.timeout_seconds,
        gt=0,
        validation_alias="HARNESS_OLLAMA_TIMEOUT_SECONDS",
        description="Longest silence from Ollama within one request, model loading included "
        "(seconds).",
    )
    document_prefix: str | None = Field(
        default=None,
        validation_alias="HARNESS_DOCUMENT_PREFIX",
        description="Prefix of embedded passages. Unset: the one the model is known to need.",
    )
    query_prefix: str | None = Field(
        default=None,
        validation_alias="HARNESS_QUERY_PREFIX",
        description="Prefix of embedded queries. Unset: the one the model is known to need.",
    )

    def options(self) -> OllamaOptions:
        """What the engines are told."""
        return OllamaOptions(**self.model_dump())


class AgentSettings(_Settings):
    """Limits of the agent; docs/agent.md explains how a run ends."""

    max_steps: int = Field(
        default=_LIMITS.steps,
        ge=1,
        validation_alias="HARNESS_MAX_STEPS",
        description="Most turns of the model per question or task.",
    )
    task_timeout_seconds: float = Field(
        default=_LIMITS.wall_seconds,
        gt=0,
        validation_alias="HARNESS_TASK_TIMEOUT_SECONDS",
        description="Time limit of one question or task (seconds).",
    )
    max_tokens: int = Field(
        default=_LIMITS.total_tokens,
        ge=0,
        validation_alias="HARNESS_MAX_TOKENS",
        description="Most tokens read and written per question or task; 0: no limit.",
    )
    command_timeout_seconds: float = Field(
        default=_RUN.policy.timeout_seconds,
        gt=0,
        validation_alias="HARNESS_COMMAND_TIMEOUT_SECONDS",
        description="Time limit of one command of a task, `--verify` included (seconds).",
    )
    command_network: bool = Field(
        default=_RUN.policy.network,
        validation_alias="HARNESS_COMMAND_NETWORK",
        description="Whether the commands of a task may use the network.",
    )
    command_isolation: Level = Field(
        default=_RUN.policy.least_isolation,
        validation_alias="HARNESS_COMMAND_ISOLATION",
        description="The least isolation at which commands of a task run: `namespaces`, "
        "`landlock+seccomp`, or `none` (as they are, with everything you may do).",
    )
    allow_push: bool = Field(
        default=False,
        validation_alias="HARNESS_ALLOW_PUSH",
        description="Whether a task may push its patch as a new branch `harness/…`, when it is "
        "asked to and its credential may write.",
    )
    protocol: ProtocolChoice = Field(
        default=_RUN.protocol,
        validation_alias="HARNESS_AGENT_PROTOCOL",
        description="How tools are called: `native`, `text`, or `auto` (native if the model has "
        "the `tools` capability and its family is known to use it).",
    )
    strategy: StrategyChoice = Field(
        default=_RUN.strategy,
        validation_alias="HARNESS_AGENT_STRATEGY",
        description="How a task is worked on: `loop`, `localise`, or `auto` (by the model's size).",
    )


class QdrantSettings(_Settings):
    """The vector store. Without ``QDRANT_HOST`` or ``QDRANT_URL`` the embedded one is used."""

    host: str | None = Field(
        default=None,
        validation_alias="QDRANT_HOST",
        description="Qdrant's address (`host`, `host:port`, or a URL). If neither this nor "
        "QDRANT_URL is set, the embedded store is used.",
    )
    port: int | None = Field(
        default=_QDRANT.port,
        ge=1,
        le=65_535,
        validation_alias="QDRANT_PORT",
        description="Port of QDRANT_HOST when that names none. Unset: 6333, or 443 with `https://`.",
    )
    grpc_port: int = Field(
        default=_QDRANT.grpc_port,
        ge=0,
        le=65_535,
        validation_alias="QDRANT_GRPC_PORT",
        description="Qdrant's gRPC port; 0: REST only.",
    )
    url: str | None = Field(
        default=None,
        validation_alias="QDRANT_URL",
        description="Qdrant's URL (`https://…` for TLS, port 443); takes precedence over "
        "QDRANT_HOST.",
    )
    api_key: SecretStr | None = Field(
        default=None, validation_alias="QDRANT_API_KEY", description="Qdrant's API key."
    )
    timeout_seconds: int = Field(
        default=_QDRANT.timeout_seconds,
        gt=0,
        validation_alias="HARNESS_QDRANT_TIMEOUT_SECONDS",
        description="Longest wait for one request to Qdrant.",
    )

    def options(self) -> QdrantOptions:
        """What the store is told."""
        key = self.api_key.get_secret_value() if self.api_key else None
        return QdrantOptions(**self.model_dump() | {"api_key": key})


class PrefectSettings(_Settings):
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


class WorkerSettings(_Settings):
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
        return frozenset(_names(self.runs))

    @property
    def images(self) -> dict[str, str]:
        """The images by repository.

        :raises UsageError: an entry is not ``repository=image``.
        """
        images = {}
        for entry in _names(self.agent_images):
            repository, equals, image = entry.partition("=")
            if not (repository and equals and image):
                raise UsageError(f"HARNESS_AGENT_IMAGES: {entry!r} is not repository=image")
            images[repository.strip()] = image.strip()
        return images


class ChecksSettings(_Settings):
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


class ScheduleSettings(_Settings):
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


class NotifySettings(_Settings):
    """Who is notified when something fails; read by `harness up` and `harness deploy`."""

    notify_url: SecretStr | None = Field(
        default=None,
        validation_alias="HARNESS_NOTIFY_URL",
        description="Apprise URL (`mailto://…`, `slack://…`, `json://host/path`) for failed checks "
        "and late runs; kept in a block of the Prefect server. Unset: none.",
    )


class WebhookSettings(_Settings):
    """The receiver of git servers' webhooks, `harness webhook`."""

    secret: SecretStr | None = Field(
        default=None,
        validation_alias="HARNESS_WEBHOOK_SECRET",
        description="Secret shared with the git servers. Unset: the receiver refuses to start.",
    )
    repositories: HomePath | None = Field(
        default=None,
        validation_alias="HARNESS_WEBHOOK_REPOSITORIES",
        description="JSON file of clone URLs and what a push to each of them indexes; takes "
        "precedence over the index. Unset: only the index is used.",
    )
    register_owners: str = Field(
        default="",
        validation_alias="HARNESS_WEBHOOK_REGISTER",
        description="Hosts and owners whose repositories a push may add to the registry, separated "
        "by commas, each with the name of a credential if they need one: "
        "`git.example.org/team=reader`. They are read by https and ssh; "
        "`http://git.example.org/team` allows what is not encrypted. Unset: none.",
    )
    max_body_bytes: int = Field(
        default=_WEBHOOK.max_body_bytes,
        gt=0,
        validation_alias="HARNESS_WEBHOOK_MAX_BODY_BYTES",
        description="Larger requests are refused (bytes).",
    )
    tolerance_seconds: float = Field(
        default=_WEBHOOK.tolerance_seconds,
        gt=0,
        validation_alias="HARNESS_WEBHOOK_TOLERANCE_SECONDS",
        description="How far the timestamp of a generic delivery may be off (seconds).",
    )


class ServiceSettings(_Settings):
    """The team's page, API and MCP over HTTP, `harness serve`."""

    port: int = Field(
        default=_SERVICE.port,
        ge=0,
        le=65_535,
        validation_alias="HARNESS_SERVE_PORT",
        description="Port of the service; 0: any free one.",
    )
    hosts: str = Field(
        default="",
        validation_alias="HARNESS_SERVE_HOSTS",
        description="Names under which the service is called, separated by commas. Unset: on "
        "loopback those of this machine, elsewhere any.",
    )
    tokens: HomePath | None = Field(
        default=None,
        validation_alias="HARNESS_TOKENS_FILE",
        description="File of the tokens' hashes. Unset: `service/tokens.json` under the data "
        "directory.",
    )
    proxy_addresses: str = Field(
        default="",
        validation_alias="HARNESS_PROXY_ADDRESSES",
        description="Networks of an authenticating proxy whose user and groups are believed, "
        "separated by commas. Unset: none.",
    )
    ingress_addresses: str = Field(
        default="",
        validation_alias="HARNESS_INGRESS_ADDRESSES",
        description="Networks of proxies, such as an Ingress, whose `X-Forwarded-For` says where a "
        "request without a token came from, so that each client has limits of its own; separated "
        "by commas. Unset: none.",
    )
    proxy_groups: HomePath | None = Field(
        default=None,
        validation_alias="HARNESS_PROXY_GROUPS",
        description="JSON file of what the proxy's groups may do.",
    )
    requests_per_minute: int = Field(
        default=_SERVICE.requests_per_minute,
        ge=10,
        validation_alias="HARNESS_REQUESTS_PER_MINUTE",
        description="Most requests of one caller.",
    )
    log_queries: bool = Field(
        default=_SERVICE.log_queries,
        validation_alias="HARNESS_LOG_QUERIES",
        description="Whether the audit log also holds what was asked.",
    )

    prefect_ui_url: str = Field(
        default=_SERVICE.prefect_ui_url,
        pattern=r"^(https?://\S+)?$",
        validation_alias="HARNESS_PREFECT_UI_URL",
        description="Where a browser finds Prefect's UI, for links on the page. Unset: where its "
        "API is.",
    )

    def options(self) -> ServiceOptions:
        """What the service is told."""
        return ServiceOptions(
            port=self.port,
            hosts=_names(self.hosts),
            requests_per_minute=self.requests_per_minute,
            log_queries=self.log_queries,
            prefect_ui_url=self.prefect_ui_url.rstrip("/"),
        )

    def proxy(self) -> ProxyTrust:
        """Which proxy is believed."""
        return ProxyTrust(
            _names(self.proxy_addresses),
            _names(self.ingress_addresses),
            groups_file=self.proxy_groups,
        )


class ClientSettings(_Settings):
    """The team's service, which `harness search`, `symbol`, `map`, `ask`, `status` and `task` ask
    in place of this machine's index."""

    url: str | None = Field(
        default=None,
        validation_alias="HARNESS_URL",
        description="Address of the service (`https://code.example.org`). Unset: this machine.",
    )
    token: SecretStr | None = Field(
        default=None,
        validation_alias="HARNESS_TOKEN",
        description="Token for it, from `harness tokens create`.",
    )


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def classes() -> list[type[_Settings]]:
    """Every settings class, in the order of the source."""
    return [
        value
        for name, value in globals().items()
        if inspect.isclass(value) and issubclass(value, _Settings) and not name.startswith("_")
    ]


def load(settings_class: type[SettingsT]) -> SettingsT:
    """Read one settings class from the environment.

    :raises InvalidSettingError: a variable's value cannot be used; the message names it.
    """
    try:
        return settings_class()
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise InvalidSettingError(f"{name}: {first['msg'].lower()}; change or unset it") from None
