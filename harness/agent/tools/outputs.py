"""Tool outputs that were too long to show, kept for reading in parts."""

from __future__ import annotations

MAX_KEPT_CHARS = 1_000_000
PREFIX = "@output/"


class OutputStore:
    """Keeps whole outputs, numbered from 1, which are read as files named ``@output/N``."""

    def __init__(self) -> None:
        self._texts: list[str] = []

    def keep(self, text: str) -> str:
        """Keep a text and return its address."""
        self._texts.append(text[:MAX_KEPT_CHARS])
        return f"{PREFIX}{len(self._texts)}"

    def get(self, address: str) -> str | None:
        """Return the text at an address, None when there is none."""
        number = address.removeprefix(PREFIX)
        if not (number.isascii() and number.isdigit()):
            return None
        # Longer numbers would only cost time: Python refuses to convert very long ones.
        index = int(number[:9]) - 1
        return self._texts[index] if 0 <= index < len(self._texts) else None
