"""The coding agent: questions, tasks and conversations with local models.

:func:`ask` and :func:`run_task` go from a text to an :class:`AgentResult`;
:class:`ChatSession` keeps a conversation. ``loop`` is the agent itself; ``protocol`` and ``leaks``
read what models write; ``context`` keeps it within the window; ``reading`` and ``editing`` are the
tools; ``citations``, ``trajectory`` and ``result`` are what comes out; ``scripted`` is a model for
tests. Permissions are enforced by :mod:`harness.workspace`, not by prompts.
"""

from harness.agent.chat import ChatSession
from harness.agent.citations import Citation, check_citations
from harness.agent.events import AgentEvent, EventKind
from harness.agent.limits import Limits, Usage
from harness.agent.result import AgentResult, apply_result, report, write_results
from harness.agent.scripted import ScriptedChatModel, calls
from harness.agent.session import RunOptions, ask, run_task
from harness.agent.status import EXIT_CODES, Status
from harness.agent.turn_cache import DirectoryTurnCache, TurnCache, turn_from_json, turn_to_json

__all__ = [
    "EXIT_CODES",
    "AgentEvent",
    "AgentResult",
    "ChatSession",
    "Citation",
    "DirectoryTurnCache",
    "EventKind",
    "Limits",
    "RunOptions",
    "ScriptedChatModel",
    "Status",
    "TurnCache",
    "Usage",
    "apply_result",
    "ask",
    "calls",
    "check_citations",
    "report",
    "run_task",
    "turn_from_json",
    "turn_to_json",
    "write_results",
]
