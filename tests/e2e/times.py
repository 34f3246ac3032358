"""When schedules are due in a test's stack."""

from __future__ import annotations

from datetime import UTC, datetime


def zone_at_noon() -> str:
    """A time zone in which it is about noon: what runs at night stays away for hours, and does not
    cancel a run of the same deployment that a test starts a moment later.
    """
    # The signs of these zones are the wrong way round, as POSIX has them.
    return f"Etc/GMT{datetime.now(UTC).hour - 12:+d}"
