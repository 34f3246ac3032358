"""Tells what a run does: to its caller by events, to the trajectory by lines."""

from __future__ import annotations

from harness.agent.events import AgentEvent, EventKind, OnEvent
from harness.agent.trajectory import Trajectory


class Recorder:
    """Counts the steps of a run and puts their number on every event and line.

    :param on_event: called with each event; None: nobody listens.
    """

    def __init__(self, trajectory: Trajectory, on_event: OnEvent | None = None) -> None:
        self.trajectory = trajectory
        self.step = 0
        self._on_event = on_event

    def event(self, kind: EventKind, text: str, tool: str = "", summary: str = "") -> None:
        """Tell the caller."""
        if self._on_event is not None:
            self._on_event(AgentEvent(kind, text, self.step, tool, summary))

    def line(self, kind: str, **fields: object) -> None:
        """Append a line to the trajectory."""
        self.trajectory.write(kind, step=self.step, **fields)
