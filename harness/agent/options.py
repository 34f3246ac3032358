"""What a run of the agent may be told; the home of its defaults."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from harness.workspace.policy import CommandPolicy

if TYPE_CHECKING:  # settings refer to these defaults and must stay fast to load
    from harness.agent.tools.access import Approve
    from harness.agent.turn_cache import TurnCache

ProtocolChoice = Literal["auto", "native", "text"]
StrategyChoice = Literal["auto", "loop", "localise"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one run; 0 means no bound for ``total_tokens`` only.

    ``identical_calls`` counts since a file last changed, ``format_errors`` in a row.
    ``verifications`` is how often the verification command may fail in one attempt, ``attempts``
    how often the loop may begin on a task with a verification: anew only while the time that is
    left is as long as the attempts before. ``model_retries`` are for streams that break off, in
    addition to the retries of the client.
    """

    steps: int = 25
    wall_seconds: float = 900.0
    total_tokens: int = 500_000
    identical_calls: int = 3
    format_errors: int = 3
    refusals: int = 3
    verifications: int = 3
    attempts: int = 2
    model_retries: int = 1


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What rarely differs between runs.

    ``protocol`` is how tools are called, ``auto``: natively when the model has the capability and
    its family is known to use it. ``strategy`` is how a task is worked on, ``auto``: by the model's
    size (:mod:`harness.agent.strategies`).
    ``policy`` limits commands; ``secrets`` are values to remove from command output and records;
    ``approve`` is asked before a command runs (kind, text); ``cancelled`` ends the run soon after
    it returns True.
    """

    protocol: ProtocolChoice = "auto"
    strategy: StrategyChoice = "auto"
    policy: CommandPolicy = field(default_factory=CommandPolicy)
    secrets: tuple[str, ...] = ()
    approve: Approve | None = None
    turn_cache: TurnCache | None = None
    cancelled: Callable[[], bool] | None = None
