"""``ChatModel`` over Ollama's ``/api/chat``."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness.errors import ServiceUnavailableError
from harness.models.conversation import (
    ChatMessage,
    ChatTurn,
    ModelInfo,
    Sampling,
    ToolCall,
    ToolSpec,
)
from harness.models.ollama.client import KEEP_ALIVE, OllamaClient
from harness.models.ollama.library import ollama
from harness.models.ollama.options import OllamaOptions
from harness.models.ollama.served import ServedModel
from harness.retrying import Backoff

# Ollama's own 0.8 and repeat_penalty 1.1 work against the exact copying that an edit needs: the
# penalty makes every line of the file that was already shown a little less likely.
USUAL = Sampling()


def window_of(info: ModelInfo, limit: int) -> int:
    """Tokens of a model's window: its own length where the server says it, at most ``limit``."""
    return min(info.context_length or limit, limit)


class OllamaChatModel(ServedModel):
    """A chat model on an Ollama server, with one context window for its whole life.

    Nothing is asked of the server before the first use. ``num_ctx`` is the same in every request,
    because another value makes the server load the model again. A prompt that does not fit is
    refused with :class:`~harness.errors.PermanentError` (``truncate`` and ``shift`` are off)
    instead of losing its oldest messages; servers that do not know these two fields still drop
    them, so callers compare ``ChatTurn.prompt_tokens`` with what they sent.

    :param options: host, model, time-out and the upper limit of the window.
    :param client: None connects as the options say.
    :param max_output_tokens: most tokens of one turn, thinking included; never more than half of
        the window.
    :param think: sent only to models that list ``thinking``; None leaves their default.
    :param backoff: attempts when the client is made here.
    :raises InvalidSettingError: the host cannot be used.
    """

    def __init__(
        self,
        options: OllamaOptions,
        *,
        client: OllamaClient | None = None,
        max_output_tokens: int = 4096,
        think: bool | str | None = None,
        backoff: Backoff | None = None,
    ) -> None:
        super().__init__(options.chat_model, client or OllamaClient.connect(options, backoff))
        self._limit = options.num_ctx
        self._max_output_tokens = max_output_tokens
        self._think = think

    @property
    def num_ctx(self) -> int:
        """Tokens of the window: the model's own length, at most the setting."""
        return window_of(self.info(), self._limit)

    def chat(
        self,
        messages: Sequence[ChatMessage],
        tools: Sequence[ToolSpec] = (),
        on_token: Callable[[str], None] | None = None,
        sampling: Sampling | None = None,
    ) -> ChatTurn:
        """Run one turn, streaming content (not thinking) to ``on_token``.

        A failure before the first token is tried again a few times; one after it is raised, so
        that nothing is streamed twice.

        :param tools: only for models that list ``tools``; the server refuses them otherwise.
        :param sampling: None: :data:`USUAL`.
        :raises ServiceUnavailableError: connection, time-out, 429, 5xx, a broken stream, or
            :meth:`interrupt`.
        :raises ModelMissingError: the server does not have the model.
        :raises PermanentError: the server refused the request: no tools, or a prompt longer than
            the window.
        """
        content: list[str] = []
        calls: list[ToolCall] = []
        last: ollama.ChatResponse | None = None
        payload = self._payload(messages, tools, sampling or USUAL)
        for part in self._client.stream_chat(self.model, payload):
            if text := part.message.content:
                content.append(text)
                if on_token is not None:
                    on_token(text)
            for call in part.message.tool_calls or ():
                calls.append(ToolCall(call.function.name, dict(call.function.arguments)))
            last = part
        if last is None or not last.done:
            raise ServiceUnavailableError(
                f"Ollama at {self._client.url} ended its answer without a last line"
            )
        return ChatTurn(
            content="".join(content),
            tool_calls=tuple(calls),
            prompt_tokens=last.prompt_eval_count or 0,
            completion_tokens=last.eval_count or 0,
            done_reason="length" if last.done_reason == "length" else "stop",
        )

    def _payload(
        self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec], sampling: Sampling
    ) -> dict[str, object]:
        longest = min(self._max_output_tokens, self.num_ctx // 2)
        options: dict[str, object] = {
            "num_ctx": self.num_ctx,
            "num_predict": min(sampling.max_tokens or longest, longest),
            "temperature": sampling.temperature,
            "repeat_penalty": 1.0,
        }
        if sampling.seed is not None:
            options["seed"] = sampling.seed
        if sampling.stop:
            options["stop"] = list(sampling.stop)
        payload: dict[str, object] = {
            "model": self.model,
            "messages": [_message(message) for message in messages],
            "stream": True,
            "truncate": False,
            "shift": False,
            "keep_alive": KEEP_ALIVE,
            "options": options,
        }
        if sampling.schema is not None and not tools:
            payload["format"] = dict(sampling.schema)
        if tools:
            payload["tools"] = [_tool(tool) for tool in tools]
        if self._think is not None and "thinking" in self.info().capabilities:
            payload["think"] = self._think
        return payload


def _message(message: ChatMessage) -> dict[str, object]:
    written: dict[str, object] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        written["tool_calls"] = [
            {"function": {"name": call.name, "arguments": dict(call.arguments)}}
            for call in message.tool_calls
        ]
    if message.tool_name:
        written["tool_name"] = message.tool_name
    return written


def _tool(tool: ToolSpec) -> dict[str, object]:
    return {
        "type": "function",
        "function": {
            "name": tool.name,
            "description": tool.description,
            "parameters": dict(tool.parameters),
        },
    }
