"""What is said between Harness and a chat model, and what a server says of its models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What a chat or embedding server says of a model. ``context_length`` is in tokens, 0 when
    unknown; ``capabilities`` uses Ollama's words (``completion``, ``tools``, ``embedding``…)."""

    name: str
    digest: str
    size_bytes: int
    context_length: int
    capabilities: frozenset[str]


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool offered to a model; ``parameters`` is a JSON schema of type object."""

    name: str
    description: str
    parameters: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call as the model wrote it; the arguments are not validated yet."""

    name: str
    arguments: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message; ``role`` is system, user, assistant or tool (then with ``tool_name``)."""

    role: str
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_name: str = ""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How one turn is drawn. ``max_tokens`` of None is the model's own limit; ``seed`` of None
    lets the server choose; a turn ends before the first of the texts in ``stop``. ``schema`` is a
    JSON schema that the text has to follow, None: any text; never together with tools."""

    temperature: float = 0.2
    max_tokens: int | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    schema: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class ChatTurn:
    """A model's answer with its token counts; ``done_reason`` is ``stop`` or ``length``."""

    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    prompt_tokens: int = 0
    completion_tokens: int = 0
    done_reason: str = "stop"
