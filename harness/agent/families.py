"""What is known of families of models, by name, where their card says too little.

``tools`` among a model's capabilities only says that its template has a place for them. A family is
listed here when its models write calls as text all the same.
"""

from __future__ import annotations

import re

# qwen2.5-coder: no native call in 17 runs, valid actions in text from the first turn. The others
# are trained without tools, and get them from templates that people have added.
_TEXT = re.compile(
    r"(?:^|/)(?:qwen2\.5-coder|deepseek-(?:coder|r1)|code(?:llama|gemma|stral|qwen|up)|gemma|phi|"
    r"starcoder|stable-code|granite-code|yi-coder|opencoder|smollm)",
    re.IGNORECASE,
)


def writes_calls_as_text(model: str) -> bool:
    """Tell whether a model's family is known to write calls as text, whatever its card says."""
    return _TEXT.search(model) is not None
