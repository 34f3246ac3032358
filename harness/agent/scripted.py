"""A model that follows a script: for tests, evaluation and demonstrations of the loop."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from harness.models.conversation import (
    ChatMessage,
    ChatTurn,
    ModelInfo,
    Sampling,
    ToolCall,
    ToolSpec,
)

Line = ChatTurn | str | BaseException | Callable[[Sequence[ChatMessage]], "ChatTurn | str"]


def calls(*wanted: tuple[str, dict[str, object]], content: str = "") -> ChatTurn:
    """Return a turn with native tool calls: ``calls(("read_file", {"path": "a.py"}))``."""
    return ChatTurn(content, tuple(ToolCall(name, arguments) for name, arguments in wanted))


class ScriptedChatModel:
    """Says its lines in order; an error is raised, a function is called with the messages.

    :param lines: what to say; the last one is repeated for ever.
    :param tools: whether it claims native tool calling.
    """

    def __init__(
        self,
        lines: Iterable[Line],
        *,
        tools: bool = True,
        model: str = "scripted",
        num_ctx: int = 16_384,
    ) -> None:
        self.lines = list(lines)
        self.model = model
        self.num_ctx = num_ctx
        self.tools = tools
        self.requests: list[tuple[ChatMessage, ...]] = []
        self.sampled: list[Sampling | None] = []
        self.offered: tuple[ToolSpec, ...] = ()

    def info(self) -> ModelInfo:
        """Describe a model of no size."""
        capabilities = {"completion", "tools"} if self.tools else {"completion"}
        return ModelInfo(self.model, "scripted", 0, self.num_ctx, frozenset(capabilities))

    def close(self) -> None:
        """Nothing is held."""

    def interrupt(self) -> None:
        """A line is said at once."""

    def chat(
        self,
        messages: Sequence[ChatMessage],
        tools: Sequence[ToolSpec] = (),
        on_token: Callable[[str], None] | None = None,
        sampling: Sampling | None = None,
    ) -> ChatTurn:
        """Say the next line, word by word to ``on_token``; tokens are counted as characters / 4."""
        line = self.lines[min(len(self.requests), len(self.lines) - 1)]
        self.requests.append(tuple(messages))
        self.sampled.append(sampling)
        self.offered = tuple(tools)
        if callable(line):
            line = line(messages)
        if isinstance(line, BaseException):
            raise line
        turn = ChatTurn(line) if isinstance(line, str) else line
        if on_token is not None:
            for word in turn.content.splitlines(keepends=True):
                on_token(word)
        prompt = sum(len(message.content) for message in messages) // 4
        return ChatTurn(
            turn.content,
            turn.tool_calls,
            turn.prompt_tokens or prompt,
            turn.completion_tokens or max(1, len(turn.content) // 4),
            turn.done_reason,
        )
