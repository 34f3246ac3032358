"""Tasks and questions."""

from __future__ import annotations

from pydantic import Field

from harness.agent.options import Limits, ProtocolChoice, RunOptions, StrategyChoice
from harness.settings.base import Settings
from harness.workspace.policy import Level

_LIMITS = Limits()
_RUN = RunOptions()


class AgentSettings(Settings):
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
