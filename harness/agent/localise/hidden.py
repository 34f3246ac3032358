"""Places that hold what a model must not see, and so cannot write again."""

from __future__ import annotations

from collections.abc import Sequence

from harness.agent.localise.rewriting import Shown
from harness.agent.sources import Definition
from harness.repository.credentials import redact


def holds_hidden(shown: Shown, text: str, secrets: Sequence[str]) -> bool:
    """Tell whether what a model would see of a place, or write again, holds a credential."""
    if redact(text, secrets) == text:
        return False
    code = f"{shown.text}\n{shown.folded.text}\n{shown.near}"
    return redact(code, secrets) != code or _may_be_cut(text, secrets, shown.definition)


def _may_be_cut(text: str, secrets: Sequence[str], one: Definition) -> bool:
    """Tell whether lines of a place are hidden in the file as a whole: a key that begins above."""
    clean = redact(text, secrets).split("\n")
    lines = text.split("\n")
    if len(clean) != len(lines):
        return True
    return clean[one.start - 1 : one.end] != lines[one.start - 1 : one.end]
