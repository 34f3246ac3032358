"""The record of an agent's run as a page that a person reads: what the model said and called, and
what came of it, step by step."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from harness.markdown import code_block, code_span, inert, inert_line

# What tools print is looked at, not studied: the whole of it is in trajectory.jsonl.
_MAX_OUTPUT_CHARS = 1_200
_MAX_WORDS_CHARS = 2_000


def page(trajectory: str, most_chars: int) -> str:
    """The steps of a trajectory (JSON lines) as Markdown that loads nothing.

    :param most_chars: of the page; it ends with the last piece that fits.
    """
    parts: list[str] = []
    left = most_chars
    for part in _parts(trajectory):
        left -= len(part) + 2
        if left < 0:
            parts.append("*… and more, in the whole file.*")
            break
        parts.append(part)
    return "\n\n".join(parts) + "\n" if parts else "(nothing was recorded)\n"


def _parts(trajectory: str) -> Iterator[str]:
    step = None
    for text in trajectory.splitlines():
        line = _parsed(text)
        if line.get("step") not in (None, step):
            step = line["step"]
            yield f"## Step {step}" if step else "## Before the first step"
        yield from _shown(line, text)


def _parsed(text: str) -> Mapping[str, Any]:
    try:
        line = json.loads(text)
    except ValueError:  # the last line of a process that was killed
        return {}
    return line if isinstance(line, dict) else {}


def _shown(line: Mapping[str, Any], text: str) -> Iterator[str]:
    match line.get("kind"):
        case "turn":
            if words := str(line.get("content") or "").strip():
                yield inert(_cut(words, _MAX_WORDS_CHARS))
            for call in line.get("tool_calls") or ():
                yield from _call(call)
        case "message" if line.get("role") in ("tool", "user", "system"):
            who = line.get("tool") or {"user": "told the model", "system": "instructions"}.get(
                str(line["role"]), "result"
            )
            yield f"*{inert_line(str(who))}*"
            yield code_block(_cut(str(line.get("content") or ""), _MAX_OUTPUT_CHARS))
        case "message":
            return  # the model's own words: its turn has them
        case "verify":
            yield f"**Verification {'passed' if line.get('ok') else 'failed'}**"
            yield code_block(_cut(str(line.get("output") or ""), _MAX_OUTPUT_CHARS))
        case "localise" | "retry" | "protocol":
            said = line.get("text") or line.get("error") or line.get("reason") or ""
            yield f"*{line['kind']}: {inert_line(str(said))}*"
        case "start":
            yield f"Model {code_span(str(line.get('model') or 'none'))}"
        case "end":
            yield f"**Ended: {inert_line(str(line.get('status')))}** {inert_line(_reason(line))}"
        case "result":
            return  # the report says it
        case _:
            yield code_block(_cut(text, _MAX_OUTPUT_CHARS), "json")


def _call(call: Any) -> Iterator[str]:
    """A call: its short arguments behind the name, its long ones as blocks."""
    name, arguments = (*call, {})[:2] if isinstance(call, list) else (call, {})
    if not isinstance(arguments, dict):
        arguments = {"arguments": arguments}
    texts = {
        key: value if isinstance(value, str) else json.dumps(value)
        for key, value in arguments.items()
    }
    short = {key: value for key, value in texts.items() if len(value) < 100 and "\n" not in value}
    behind = "".join(f" {inert_line(key)}={code_span(value)}" for key, value in short.items())
    yield f"→ **{inert_line(str(name))}**{behind}"
    for key, value in texts.items():
        if key not in short:
            yield f"{inert_line(key)}:\n\n{code_block(_cut(value, _MAX_OUTPUT_CHARS))}"


def _reason(line: Mapping[str, Any]) -> str:
    return str(line.get("reason") or "")


def _cut(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]}\n[… {len(text) - most:,} characters left out …]\n{text[-half:]}"
