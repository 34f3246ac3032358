"""What the agent's benchmarks have in common: what is measured of a run beside its result (tokens
read again, first turns lost, overrun), and how a sample is taken."""

from __future__ import annotations

import hashlib
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Measures:
    """``again_tokens`` of the ``prompt_tokens`` were read again although the request before had
    them; both are 0 with a server that does not tell."""

    prompt_tokens: int
    again_tokens: int
    first_turn_lost: bool


NOT_MEASURED = Measures(0, 0, first_turn_lost=False)


@contextmanager
def measured(host: str, results: Path) -> Iterator[Callable[[], Measures]]:
    """Watch one run; the function gives its numbers afterwards.

    :param results: where the run writes its trajectory.
    """
    before = len(_requests(host))

    def numbers() -> Measures:
        requests = _requests(host)[before:]
        return Measures(
            sum(one.get("prompt_tokens", 0) for one in requests),
            sum(one.get("again", 0) for one in requests),
            first_turn_was_lost(results / "trajectory.jsonl"),
        )

    yield numbers


def first_turn_was_lost(trajectory: Path) -> bool:
    """Tell whether the model's first turn had a form that could not be used."""
    try:
        lines = trajectory.read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    turns = 0
    for line in lines:
        entry = json.loads(line)
        turns += entry.get("kind") == "turn"
        if turns > 1:
            return False
        if entry.get("kind") == "format_error":
            return True
        # A version of a place that is no version at all.
        said = str(entry.get("text", "")) if entry.get("kind") == "localise" else ""
        if "not usable" in said and "changes nothing" not in said:
            return True
    return False


def sampled(all_of_them: Sequence[dict[str, Any]], size: int) -> list[dict[str, Any]]:
    """Some of what has an ``id``, chosen without looking at it."""
    return sorted(all_of_them, key=lambda one: hashlib.sha256(one["id"].encode()).hexdigest())[
        :size
    ]


def overrun_seconds(seconds: float, limit: float) -> float:
    """How far beyond its limit a run went."""
    return round(max(0.0, seconds - limit), 1)


def _requests(host: str) -> list[dict[str, Any]]:
    """What the server of the trials tells of its requests; nothing of another server."""
    url = host if "://" in host else f"http://{host}"
    try:
        with urllib.request.urlopen(f"{url}/trial/requests", timeout=120) as answer:
            told = json.loads(answer.read())
    except (urllib.error.URLError, ValueError, OSError):
        return []
    return told if isinstance(told, list) else []
