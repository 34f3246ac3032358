"""Whether an answer says that its author has changed something.

Small models often end with "I have fixed it" after edits that were refused, or without any. What
counts is what happened to the files; the words only decide whether the model is contradicted.
"""

from __future__ import annotations

import re

_DONE = (
    "added|adjusted|applied|changed|converted|corrected|created|deleted|edited|fixed|implemented|"
    "improved|inserted|made|modified|moved|patched|refactored|removed|renamed|replaced|resolved|"
    "rewritten|rewrote|updated|written|wrote"
)
_ADVERBS = r"(?:(?:now|just|also|already|successfully|then) )*"
_CLAIM = re.compile(
    # "I have fixed", "I've now updated", "we added"
    rf"\b(?:I|we)(?: have|['’]ve)? {_ADVERBS}(?:{_DONE})\b"
    # "the function has been renamed", "the changes were applied"
    rf"|\b(?:has|have) {_ADVERBS}been {_ADVERBS}(?:{_DONE})\b"
    rf"|\b(?:change|changes|edit|edits|fix|fixes|patch)\b[^.\n]{{0,40}}"
    rf"\b(?:is|are|was|were) {_ADVERBS}(?:applied|made|done)\b"
    rf"|\bis now (?:fixed|corrected|updated|resolved)\b"
    # "Fixed the bug in calc.py." as the first words, "Done."
    rf"|\A\W*(?:Done\b[.! ]|{_ADVERBS}(?:{_DONE})\b)",
    re.IGNORECASE,
)
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)
_NEGATED = re.compile(
    r"\b(?:not|never|nothing|no (?:file|change|edit)s?|cannot|could|would|should|can't|didn't|"
    r"haven't|if|unless)\b",
    re.IGNORECASE,
)


def claims_a_change(answer: str) -> bool:
    """Tell whether an answer claims that something was changed; quoted code says nothing."""
    text = _CODE.sub(" ", answer)
    for match in _CLAIM.finditer(text):
        start = max(text.rfind(mark, 0, match.start()) for mark in (".", "\n", ";", "!"))
        end = re.compile(r"[.\n;!]|\Z").search(text, match.end())
        sentence = text[start + 1 : end.start() if end else len(text)]
        if not _NEGATED.search(sentence):
            return True
    return False
