"""The coding agent: questions, tasks and conversations with local models.

:func:`~harness.agent.questions.ask` and :func:`~harness.agent.tasks.run_task` go from a text to an
:class:`~harness.agent.envelope.Envelope`; :class:`~harness.agent.chat.ChatSession` keeps a
conversation. Each is a ``session`` around the ``loop``, which is the agent itself. ``call_format``,
``actions`` and ``leaks`` read what models write, ``context`` keeps it within the window, ``tools``
holds one module for each tool. ``citations``, ``trajectory`` and ``result`` are what comes out;
``scripted`` is a model for tests. Permissions are enforced by :mod:`harness.workspace`, not by
prompts.

The package imports nothing by itself: each name is loaded when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.agent.chat import ChatSession
    from harness.agent.envelope import Citation, Envelope, Passage
    from harness.agent.events import AgentEvent, EventKind
    from harness.agent.options import Limits, RunOptions
    from harness.agent.questions import ask
    from harness.agent.result import apply_result
    from harness.agent.scripted import ScriptedChatModel, calls
    from harness.agent.status import Status
    from harness.agent.tasks import run_task
    from harness.agent.turn_cache import DirectoryTurnCache, TurnCache

__all__ = [
    "AgentEvent",
    "ChatSession",
    "Citation",
    "DirectoryTurnCache",
    "Envelope",
    "EventKind",
    "Limits",
    "Passage",
    "RunOptions",
    "ScriptedChatModel",
    "Status",
    "TurnCache",
    "apply_result",
    "ask",
    "calls",
    "run_task",
]

_MODULES = {
    "AgentEvent": "events",
    "ChatSession": "chat",
    "Citation": "envelope",
    "DirectoryTurnCache": "turn_cache",
    "Envelope": "envelope",
    "EventKind": "events",
    "Limits": "options",
    "Passage": "envelope",
    "RunOptions": "options",
    "ScriptedChatModel": "scripted",
    "Status": "status",
    "TurnCache": "turn_cache",
    "apply_result": "result",
    "ask": "questions",
    "calls": "scripted",
    "run_task": "tasks",
}


if not TYPE_CHECKING:  # or a misspelt name would pass for an object

    def __getattr__(name: str) -> object:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
