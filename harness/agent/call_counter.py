"""Notices a model that makes the same call over and over."""

from __future__ import annotations

import json

from harness.agent.status import Status, Stop
from harness.models.conversation import ToolCall


class CallCounter:
    """Counts identical calls until :meth:`clear`."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._seen: dict[str, int] = {}

    def count(self, call: ToolCall) -> int:
        """Return how often this call was made, including this time.

        :raises Stop: ``repeated_call``.
        """
        key = f"{call.name} {json.dumps(call.arguments, sort_keys=True, default=str)}"
        times = self._seen[key] = self._seen.get(key, 0) + 1
        if times >= self.limit:
            raise Stop(
                Status.REPEATED_CALL, f"the model made the same call {times} times: {key[:200]}"
            )
        return times

    def clear(self) -> None:
        """Forget all calls."""
        self._seen.clear()
