"""System prompts, as text files beside this module. Short, because small models read them."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import resources


def load(name: str) -> str:
    """Return a prompt by its file's stem."""
    return resources.files(__name__).joinpath(f"{name}.md").read_text("utf-8").strip()


def system_prompt(kind: str, protocol: str, examples: Iterable[str]) -> str:
    """Return the system prompt of a run.

    :param kind: ``ask``, ``task`` or ``chat``.
    :param protocol: ``native`` or ``text``.
    :param examples: one action of each tool, for the text protocol.
    """
    parts = [load(kind), load("data"), load(f"protocol_{protocol}")]
    if protocol == "text":
        parts += [load("protocol_text_edit")] if kind != "ask" else []
        parts += ["One example of each tool:"]
        parts += [f"```action\n{example}\n```" for example in examples]
    return "\n\n".join(parts)
