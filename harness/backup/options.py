"""How long backups are kept; the home of the defaults."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Retention:
    """The newest backup of each of the last ``keep_daily`` days and ``keep_weekly`` ISO weeks that
    have one is kept, and always the newest of all."""

    keep_daily: int = 7
    keep_weekly: int = 4
