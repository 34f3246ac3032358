"""What the webhook receiver demands of a request; the home of the defaults."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """What is demanded of a request.

    Its body may have ``max_body_bytes``; a signed timestamp may be up to ``tolerance_seconds`` old
    or ahead. After ``answer_seconds`` of waiting for Prefect it is answered without a run:
    senders give up after 10 s (GitHub, GitLab) or 5 s (Gitea). Its headers must arrive within
    ``header_seconds``. Of more than ``max_connections`` the slowest are dropped; each may hold a
    body in memory.
    """

    max_body_bytes: int = 5_000_000
    tolerance_seconds: float = 300.0
    answer_seconds: float = 4.0
    header_seconds: float = 10.0
    max_connections: int = 256
