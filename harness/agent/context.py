"""What goes to the model: the conversation within its window, or an error.

Ollama silently drops the oldest messages when the window is full, so the size is estimated before
sending and compared with what the server counted afterwards. When the budget is exceeded, the
outputs of older turns become one-line stubs; the system prompt, the requests and the last turns
stay. If that is not enough, the run ends with an error.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.agent.status import Status, Stop
from harness.models.conversation import ChatMessage, ChatTurn, ToolCall, ToolSpec

# Code is about 3.3 characters a token with the tokenizers of local models; lower is safer.
CHARS_PER_TOKEN = 3.0
TOKENS_PER_MESSAGE = 8
MAX_ANSWER_TOKENS = 4096
KEPT_TURNS = (8, 4, 2, 1)
# Compacting further than needed lets the server reuse its prompt cache for some turns.
TARGET = 0.75
STUB_CALL_CHARS = 300


@dataclass(frozen=True, slots=True)
class Entry:
    """A message of the conversation.

    ``turn`` is the number of the model's turn that it belongs to; 0 marks what always stays as it
    is. ``stub`` replaces the content once the turn is old; empty: the content is kept.
    """

    message: ChatMessage
    turn: int = 0
    stub: str = ""


def stub_of(call: ToolCall, text: str) -> str:
    """Return the line that will stand for a tool's output, empty when it would be longer."""
    brief = " ".join(str(value).split("\n")[0][:80] for value in call.arguments.values())
    stub = f"[{call.name} {brief[:160]}: {len(text)} characters, left out; call again]"
    return stub if len(stub) < len(text) else ""


class Context:
    """Fits an append-only conversation into ``num_ctx`` tokens."""

    def __init__(self, num_ctx: int) -> None:
        self.num_ctx = num_ctx
        self.factor = 1.0
        self.stubbed_turns = 0

    @property
    def budget(self) -> int:
        """Tokens for messages and tools; the rest of the window is for the answer."""
        return self.num_ctx - min(MAX_ANSWER_TOKENS, self.num_ctx // 4)

    def estimate(self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec] = ()) -> int:
        """Estimate tokens, calibrated by the server's earlier counts."""
        chars = sum(_size(message) for message in messages)
        chars += sum(
            len(tool.name) + len(tool.description) + len(json.dumps(tool.parameters))
            for tool in tools
        )
        return int(self.factor * (chars / CHARS_PER_TOKEN + TOKENS_PER_MESSAGE * len(messages)))

    def fit(
        self, entries: Sequence[Entry], tools: Sequence[ToolSpec] = ()
    ) -> tuple[ChatMessage, ...]:
        """Return the messages to send.

        :raises Stop: ``context_overflow``; nothing is ever dropped silently.
        """
        view = self._view(entries)
        if (size := self.estimate(view, tools)) <= self.budget:
            return view
        last = max(entry.turn for entry in entries)
        for kept in KEPT_TURNS:
            self.stubbed_turns = max(self.stubbed_turns, last - kept)
            view = self._view(entries)
            if (size := self.estimate(view, tools)) <= TARGET * self.budget:
                break
        if size > self.budget:
            raise Stop(
                Status.CONTEXT_OVERFLOW,
                f"the conversation needs about {size} tokens and {self.budget} of the model's "
                f"{self.num_ctx} are free for it; ask for less, or raise HARNESS_NUM_CTX",
            )
        return view

    def learn(
        self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec], turn: ChatTurn
    ) -> None:
        """Calibrate the estimate by the server's count.

        Some servers count only what was not in their cache, so a count far below the estimate
        says nothing.

        :raises Stop: ``context_overflow``: the window was full, so the server dropped something.
        """
        if turn.prompt_tokens >= self.num_ctx:
            raise Stop(
                Status.CONTEXT_OVERFLOW,
                f"the server filled its window of {self.num_ctx} tokens and dropped messages; "
                "ask for less, or raise HARNESS_NUM_CTX",
            )
        uncalibrated = self.estimate(messages, tools) / self.factor
        seen = turn.prompt_tokens / max(1.0, uncalibrated)
        if 0.6 <= seen <= 4.0:
            self.factor = max(seen, 0.7 * self.factor)

    def _view(self, entries: Sequence[Entry]) -> tuple[ChatMessage, ...]:
        return tuple(
            _shortened(entry) if 0 < entry.turn <= self.stubbed_turns else entry.message
            for entry in entries
        )


def _size(message: ChatMessage) -> int:
    if not message.tool_calls:
        return len(message.content)
    arguments = sum(
        len(call.name) + len(json.dumps(call.arguments, default=str)) for call in message.tool_calls
    )
    return len(message.content) + arguments


def _shortened(entry: Entry) -> ChatMessage:
    message = entry.message
    if entry.stub:
        return replace(message, content=entry.stub)
    if message.role != "assistant":
        return message
    content = message.content
    if len(content) > STUB_CALL_CHARS:
        content = content[:STUB_CALL_CHARS] + " […]"
    calls = tuple(
        replace(call, arguments={k: _cut(v) for k, v in call.arguments.items()})
        for call in message.tool_calls
    )
    return replace(message, content=content, tool_calls=calls)


def _cut(value: object) -> object:
    if isinstance(value, str) and len(value) > STUB_CALL_CHARS:
        return value[:STUB_CALL_CHARS] + " […]"
    return value
