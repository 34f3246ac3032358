"""What is left of a damaged collection: where it was moved, and what of it can still be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.types import ChunkPoint, FloatArray

DAMAGED_FOLDER = "damaged"
"""Below the store's folder: what was moved aside. Nothing removes it."""


@dataclass(frozen=True, slots=True)
class SalvagedPoint:
    """A point as it was read from damaged files: nothing in it is proven. ``dense``: ``(dim,)``."""

    id: str
    payload: Mapping[str, Any]
    dense: FloatArray


Prove = Callable[[Iterator[SalvagedPoint]], Iterator[ChunkPoint]]
"""Chooses among points those in which everything fits together."""


@dataclass(frozen=True, slots=True)
class Salvage:
    """``folder``: where the damaged files are kept, None when there were none. ``kept``: how many
    points of them are in the new collection."""

    folder: Path | None
    kept: int = 0
