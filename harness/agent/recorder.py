"""Tells what a run does: to its caller by events, to the trajectory by lines."""

from __future__ import annotations

from harness.agent.events import AgentEvent, EventKind, OnEvent, as_line
from harness.agent.trajectory import Trajectory

MAX_TOLD = 300


class Recorder:
    """Counts the steps of a run and puts their number on every event and line. ``told`` is what a
    person reads of it, a line each, for the report.

    :param on_event: called with each event; None: nobody listens.
    """

    def __init__(self, trajectory: Trajectory, on_event: OnEvent | None = None) -> None:
        self.trajectory = trajectory
        self.step = 0
        self.told: list[str] = []
        self._on_event = on_event

    def event(self, kind: EventKind, text: str, tool: str = "", summary: str = "") -> None:
        """Tell the caller."""
        event = AgentEvent(kind, text, self.step, tool, summary)
        if kind is not EventKind.WAIT and (line := as_line(event)) and len(self.told) < MAX_TOLD:
            self.told.append(f"[{self.step}] {line}")
        if self._on_event is not None:
            self._on_event(event)

    def line(self, kind: str, **fields: object) -> None:
        """Append a line to the trajectory."""
        self.trajectory.write(kind, step=self.step, **fields)
