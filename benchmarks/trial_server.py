"""A server for trials: Ollama's protocol in front of a GGUF file, served by xllamacpp.

An imitation, not Ollama: one model, one request at a time, the ChatML template of Qwen written out
below as Ollama's library renders it (text beside a call drops the call, tool outputs are turns of
the user). It exists so that the agent can be tried with real weights from the package index alone.
xllamacpp is no dependency of Harness; run this file with the Python of an environment that has it::

    python benchmarks/trial_server.py model.gguf --port 11500 --threads 1

``/api/tags``, ``/api/show``, ``/api/version`` and ``/api/chat`` answer as Ollama 0.24 does where
Harness, mini-swe-agent and aider look. ``/trial/requests`` is its own: one object for each chat
request with ``prompt_tokens``, those ``evaluated`` (not taken from the cache), those read ``again``
(evaluated although the request before had them, by the length of the texts), ``written``, and
``seconds``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

NAME = "qwen2.5-coder:1.5b"
_TOOL_CALL = re.compile(r"<tool_call>\s*(\{.*?\})\s*</tool_call>", re.DOTALL)
# What Ollama samples with when neither the request nor the model's file says anything.
_DEFAULTS = {"temperature": 0.8, "top_k": 40, "top_p": 0.9, "repeat_penalty": 1.1}
_SYSTEM = "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."
_TOOLS_HEAD = """

# Tools

You may call one or more functions to assist with the user query.

You are provided with function signatures within <tools></tools> XML tags:
<tools>"""
_TOOLS_TAIL = """
</tools>

For each function call, return a json object with function name and arguments within \
<tool_call></tool_call> XML tags:
<tool_call>
{"name": <function-name>, "arguments": <args-json-object>}
</tool_call>"""


def collated(messages: Sequence[dict[str, Any]]) -> tuple[str, list[dict[str, Any]]]:
    """Return the system text and the other messages; neighbours of one role are joined, and lose
    the calls of all but the first, as in Ollama."""
    system, joined = [], list[dict[str, Any]]()
    for message in messages:
        if message["role"] == "system":
            system.append(message.get("content") or "")
        elif joined and message["role"] == joined[-1]["role"] != "tool":
            joined[-1]["content"] += "\n\n" + (message.get("content") or "")
        else:
            joined.append({**message, "content": message.get("content") or ""})
    return "\n\n".join(system), joined


def render(messages: Sequence[dict[str, Any]], tools: Sequence[dict[str, Any]]) -> str:
    """Return the prompt of a conversation."""
    system, rest = collated(messages)
    text = f"<|im_start|>system\n{system or _SYSTEM}"
    if tools:
        text += _TOOLS_HEAD
        for tool in tools:
            text += f'\n{{"type": "function", "function": {json.dumps(tool["function"])}}}'
        text += _TOOLS_TAIL
    text += "<|im_end|>\n"
    for message in rest:
        body, role = message["content"], message["role"]
        if role == "assistant" and not body:
            calls = [call["function"] for call in message.get("tool_calls") or ()]
            body = "<tool_call>\n"
            for call in calls:
                arguments = json.dumps(call["arguments"])
                body += f'{{"name": "{call["name"]}", "arguments": {arguments}}}\n'
            body += "</tool_call>"
        elif role == "tool":
            role, body = "user", f"<tool_response>\n{body}\n</tool_response>"
        text += f"<|im_start|>{role}\n{body}<|im_end|>\n"
    return f"{text}<|im_start|>assistant\n"


class Runner:
    """The model, which answers one prompt after another."""

    def __init__(self, path: Path, threads: int, window: int) -> None:
        import xllamacpp

        options = xllamacpp.CommonParams()
        options.model.path = str(path)
        options.n_ctx, options.n_parallel = window, 1
        options.cpuparams.n_threads = options.cpuparams_batch.n_threads = threads
        options.warmup, options.verbosity = False, 0
        options.cache_ram_mib = 4096
        self.window = window
        self.size_bytes = path.stat().st_size
        self.requests: list[dict[str, Any]] = []
        self._server = xllamacpp.Server(options)
        self._lock = threading.Lock()
        self._before = ""  # the last prompt with its answer

    def complete(
        self, prompt: str, body: dict[str, Any], on_text: Callable[[str], bool]
    ) -> dict[str, Any]:
        """Write on from a prompt.

        :param on_text: gets each piece; returns True to end.
        :returns: what is said of the request on ``/trial/requests``, and ``reason``; or ``error``.
        """
        options = {**_DEFAULTS, **(body.get("options") or {})}
        request: dict[str, Any] = {
            "prompt": prompt,
            "stream": True,
            "stream_options": {"include_usage": True},
            "cache_prompt": True,
            "n_predict": options.get("num_predict", -1),
            "repeat_last_n": 64,
            "stop": ["<|im_end|>", "<|im_start|>", *options.get("stop", ())],
        }
        for key in ("temperature", "top_k", "top_p", "min_p", "repeat_penalty", "seed"):
            if key in options:
                request[key] = options[key]
        if isinstance(body.get("format"), dict):
            request["json_schema"] = body["format"]
        elif body.get("format") == "json":
            request["json_schema"] = {"type": "object"}
        told: dict[str, Any] = {"reason": "stop"}
        written: list[str] = []

        def take(part: Any) -> bool:
            data = json.loads(part) if isinstance(part, str | bytes) else part
            if "error" in data:
                told["error"] = str(data["error"].get("message", data["error"]))
                return True
            if "timings" in data:
                timings = data["timings"]
                told["evaluated"] = timings["prompt_n"]
                told["prompt_tokens"] = timings["prompt_n"] + timings["cache_n"]
                told["written"] = timings["predicted_n"]
            for choice in data.get("choices", ()):
                told["reason"] = choice.get("finish_reason") or told["reason"]
                written.append(choice.get("text") or "")
                if choice.get("text") and on_text(choice["text"]):
                    return True
            return False

        with self._lock:
            began = time.monotonic()
            # Asked before a long prompt is evaluated for nobody.
            if not on_text(""):
                self._server.handle_completions(request, take)
            told["seconds"] = round(time.monotonic() - began, 2)
            common = _common(self._before, prompt) / max(1, len(prompt))
            cached = told.get("prompt_tokens", 0) - told.get("evaluated", 0)
            told["again"] = max(0, int(common * told.get("prompt_tokens", 0)) - cached)
            self._before = prompt + "".join(written)
            self.requests.append(told)
        return told


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    runner: Runner

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self._json({})

    def do_GET(self) -> None:
        routes: dict[str, Any] = {
            "/api/version": {"version": "0.24.0"},
            "/api/tags": {"models": [self._entry()]},
            "/trial/requests": self.runner.requests,
        }
        if self.path in routes:
            self._json(routes[self.path])
        else:
            self._json({"error": "not found"}, 404)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        if self.path == "/api/show":
            self._json(self._shown())
        elif self.path == "/api/chat":
            self._chat(body)
        else:
            self._json({"error": "not found"}, 404)

    def _chat(self, body: dict[str, Any]) -> None:
        tools = body.get("tools") or ()
        prompt = render(body["messages"], tools)
        streaming = body.get("stream", True)
        pieces: list[str] = []
        if streaming:
            self.send_response(200)
            self.send_header("Content-Type", "application/x-ndjson")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()

        def on_text(text: str) -> bool:
            pieces.append(text)
            try:
                # Ollama holds back what may become a call.
                if streaming and not tools and text:
                    self._line({"message": {"role": "assistant", "content": text}, "done": False})
                return self._is_gone()
            except OSError:
                return True

        told = self.runner.complete(prompt, body, on_text)
        if "error" in told and not streaming:
            self._json({"error": told["error"]}, 500)
            return
        if "error" in told:
            self._line({"error": told["error"]})
            self._end()
            return
        text = "".join(pieces)
        calls = _calls(text) if tools else []
        said = {"role": "assistant", "content": _TOOL_CALL.sub("", text).strip() if calls else text}
        if calls:
            said["tool_calls"] = calls
        last = {
            "done": True,
            "done_reason": "length" if told["reason"] == "length" else "stop",
            "prompt_eval_count": told.get("prompt_tokens", 0),
            "eval_count": told.get("written", 0),
            "total_duration": int(told["seconds"] * 1e9),
        }
        if not streaming:
            self._json({**self._stamp(), "message": said, **last})
            return
        try:
            if tools:
                self._line({"message": said, "done": False})
            self._line({"message": {"role": "assistant", "content": ""}, **last})
            self._end()
        except OSError:
            self.close_connection = True

    def _is_gone(self) -> bool:
        """Tell whether the client has closed its connection; it sends nothing while it waits."""
        self.connection.setblocking(False)
        try:
            return self.connection.recv(1) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True
        finally:
            self.connection.setblocking(True)

    def _stamp(self) -> dict[str, Any]:
        return {"model": NAME, "created_at": datetime.now(UTC).isoformat()}

    def _entry(self) -> dict[str, Any]:
        digest = hashlib.sha256(NAME.encode()).hexdigest()
        details = {"family": "qwen2", "parameter_size": "1.5B", "quantization_level": "Q4_K_M"}
        size = self.runner.size_bytes
        return {"name": NAME, "model": NAME, "size": size, "digest": digest, "details": details}

    def _shown(self) -> dict[str, Any]:
        about = {"general.architecture": "qwen2", "qwen2.context_length": self.runner.window}
        return {
            "details": self._entry()["details"],
            "model_info": about,
            "capabilities": ["completion", "tools", "insert"],
            "template": "{{ .Tools }}",
        }

    def _line(self, line: dict[str, Any]) -> None:
        data = json.dumps({**self._stamp(), **line}).encode() + b"\n"
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def _end(self) -> None:
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def _json(self, document: Any, status: int = 200) -> None:
        data = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


def _common(before: str, prompt: str) -> int:
    """How many characters two texts have in common from their beginning."""
    pairs = enumerate(zip(before, prompt, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(before), len(prompt)))


def _calls(text: str) -> list[dict[str, Any]]:
    found = []
    for match in _TOOL_CALL.finditer(text):
        try:
            call = json.loads(match[1])
            found.append({"function": {"name": call["name"], "arguments": call["arguments"]}})
        except (ValueError, KeyError, TypeError):
            continue
    return found


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--port", type=int, default=11500)
    parser.add_argument("--threads", type=int, default=1, help="one, on a machine that is shared")
    parser.add_argument("--window", type=int, default=16_384)
    options = parser.parse_args()
    _Handler.runner = Runner(options.model, options.threads, options.window)
    server = ThreadingHTTPServer(("127.0.0.1", options.port), _Handler)
    server.daemon_threads = True
    print(f"imitation of Ollama at http://127.0.0.1:{options.port} with {NAME}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()


if __name__ == "__main__":
    main()
