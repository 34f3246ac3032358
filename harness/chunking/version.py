"""The chunker's version, in a module of its own so that reading it loads no parser."""

from __future__ import annotations

from typing import Final

# Part of the index fingerprint: raise it with every change of the chunks that come out.
VERSION: Final = "8"
