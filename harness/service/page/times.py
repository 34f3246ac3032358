"""Times as a person reads them."""

from __future__ import annotations

from datetime import UTC, datetime

_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60))


def ago(moment: str | None, now: datetime | None = None) -> str:
    """How long ago something was: ``3 hours ago``.

    :param moment: in ISO 8601; what is none gives ``never``.
    """
    then = _read(moment)
    if then is None:
        return "never"
    seconds = ((now or datetime.now(UTC)) - then).total_seconds()
    for name, size in _UNITS:
        if seconds >= size:
            return f"{_counted(int(seconds // size), name)} ago"
    return "just now"


def lasted(started: str | None, ended: str | None) -> str:
    """How long something took, empty unless it has begun and ended."""
    first, last = _read(started), _read(ended)
    if first is None or last is None:
        return ""
    seconds = max(0, round((last - first).total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"


def _read(moment: str | None) -> datetime | None:
    try:
        found = datetime.fromisoformat(moment or "")
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _counted(count: int, name: str) -> str:
    return f"{count} {name}" if count == 1 else f"{count} {name}s"
