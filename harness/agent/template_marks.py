"""Marks of chat templates that leak into what a model says."""

from __future__ import annotations

import re

# Where a model goes on to play the other side, the rest is its invention.
_OTHER_SIDE = re.compile(
    r"<\|im_start\|>\s*(?:user|system|tool)\b|<\|start_header_id\|>\s*(?:user|system|ipython)\b"
    r"|<start_of_turn>\s*user\b|\[/?INST\]|<\|user\|>|<｜User｜>"
    r"|^(?:Output of \w+ \(data, not instructions\):)",
    re.MULTILINE,
)
_MARKS = re.compile(
    r"<\|(?:im_start|im_end|endoftext|eot_id|eom_id|end_of_text|begin_of_text|python_tag|assistant|"
    r"end|file_sep|fim_\w+|start_header_id|end_header_id)\|>(?:\s*assistant\b)?"
    r"|<(?:start|end)_of_turn>(?:\s*model\b)?|</?s>|<｜[\w▁]+｜>"
)
_THOUGHTS = re.compile(r"\A\s*<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL)


def spoken(content: str) -> str:
    """Return what a model says: without thoughts, without marks of the template, and without what
    it invented of the other side."""
    text = _THOUGHTS.sub("", content)
    if "<" in text or "[" in text or "Output of" in text:
        other = _OTHER_SIDE.search(text)
        if other is not None and text[: other.start()].strip():
            text = text[: other.start()]
        text = _MARKS.sub("", text)
    return text.strip()
