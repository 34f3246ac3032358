"""Keep the models of one Ollama server present and loaded; runs beside it, standard library only.

Environment: OLLAMA_HOST (URL), MODELS and PRELOAD (names separated by spaces), READY_FILE (exists
while every model is present and every PRELOAD one is loaded), INTERVAL_SECONDS, ONCE (any text:
one round, exit code 0 if ready). A pull that breaks is continued by the next round: Ollama keeps
the finished layers.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

# A pull streams a line every second or so; silence this long is a broken connection.
_SILENCE_SECONDS = 300.0


def _request(host: str, path: str, body: dict[str, object] | None = None) -> list[dict[str, Any]]:
    """The JSON lines of one answer. An `error` line is an error, also after HTTP 200."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(  # noqa: S310 - the host is the server beside us
        host.rstrip("/") + path, data=data, headers={"Content-Type": "application/json"}
    )
    lines = []
    with urllib.request.urlopen(request, timeout=_SILENCE_SECONDS) as answer:  # noqa: S310
        for raw in answer:
            line = json.loads(raw)
            if "error" in line:
                raise RuntimeError(str(line["error"]))
            lines.append(line)
    return lines


def _names(host: str, path: str) -> set[str]:
    return {model["name"] for model in _request(host, path)[0].get("models") or []}


def _tagged(name: str) -> str:
    """Ollama lists `codestral` as `codestral:latest`."""
    return name if ":" in name.rsplit("/", 1)[-1] else f"{name}:latest"


def _load(host: str, model: str) -> None:
    # A request without a prompt loads the model; embedders answer 400 there and load by /api/embed.
    try:
        _request(host, "/api/generate", {"model": model, "keep_alive": -1, "stream": False})
    except urllib.error.HTTPError as error:
        if error.code != 400:
            raise
        _request(host, "/api/embed", {"model": model, "input": "", "keep_alive": -1})


def keep_once(host: str, models: list[str], preload: list[str]) -> bool:
    """One round; False, with a line on stderr for each problem, if not everything is in place."""
    complete = True
    present = _names(host, "/api/tags")
    for model in dict.fromkeys([*models, *preload]):
        if _tagged(model) in present:
            continue
        try:
            print(f"pulling {model}", flush=True)
            _request(host, "/api/pull", {"model": model, "stream": True})
        except (OSError, RuntimeError, ValueError) as error:
            print(f"cannot pull {model}: {error}", file=sys.stderr, flush=True)
            complete = False
    loaded = _names(host, "/api/ps") if preload else set()
    for model in preload:
        if _tagged(model) in loaded:
            continue
        try:
            print(f"loading {model}", flush=True)
            _load(host, model)
        except (OSError, RuntimeError, ValueError) as error:
            print(f"cannot load {model}: {error}", file=sys.stderr, flush=True)
            complete = False
    return complete


def main() -> int:
    """Rounds until SIGTERM."""
    host = os.environ["OLLAMA_HOST"]
    models, preload = os.environ["MODELS"].split(), os.environ.get("PRELOAD", "").split()
    ready_file = Path(os.environ["READY_FILE"])
    interval = float(os.environ.get("INTERVAL_SECONDS", "60"))
    stop = threading.Event()
    # The thread's wait is interruptible, a pull is not: raise instead of waiting for its end.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    ready_file.unlink(missing_ok=True)
    while True:
        try:
            ready = keep_once(host, models, preload)
        except (OSError, RuntimeError, ValueError) as error:
            print(f"{host} does not answer: {error}", file=sys.stderr, flush=True)
            ready = False
        if ready:
            ready_file.touch()
        else:
            ready_file.unlink(missing_ok=True)
        if os.environ.get("ONCE"):
            return 0 if ready else 1
        # Not ready: the server may still be starting, so ask again soon.
        stop.wait(interval if ready else min(interval, 5.0))


if __name__ == "__main__":
    sys.exit(main())
