"""One line of ``harness deploy``'s output for each thing that was looked at."""

from __future__ import annotations


def line(kind: str, name: str, identity: object, change: str) -> dict[str, str]:
    """``change`` is ``created``, ``updated``, ``unchanged`` or ``deleted``."""
    return {"kind": kind, "name": name, "id": str(identity), "change": change}
