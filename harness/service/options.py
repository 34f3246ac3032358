"""What the service demands of requests and allows to callers; the home of the defaults."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ProxyTrust:
    """An authenticating proxy in front, such as oauth2-proxy, whose headers are believed.

    ``addresses``: networks that it may come from; without one nothing is believed.
    ``groups_file``: JSON, ``{group: {"scope": …, "repos": [glob, …]}}``; a user gets the sum of
    the groups named by the header, and nothing without one.

    ``forwarders``: networks of proxies, such as an Ingress, of which nothing is believed but the
    address that they say a request came from; those of ``addresses`` are believed that as well.
    """

    addresses: tuple[str, ...] = ()
    forwarders: tuple[str, ...] = ()
    user_header: str = "x-forwarded-user"
    groups_header: str = "x-forwarded-groups"
    groups_file: Path | None = None


@dataclass(frozen=True, slots=True)
class ServiceOptions:
    """Limits of the service.

    ``port`` of ``harness serve``. ``hosts``: names under which it is called, beside those of this
    machine. A body may have ``max_body_bytes`` and take ``body_seconds`` to arrive; an answer
    other than a stream may take ``answer_seconds``. ``at_once``: searches carried out at the same
    time, and ``waiting`` that wait for them; more are asked to come back. A caller has
    ``requests_per_minute``, which may be used in bursts of a tenth of that, ``requests_at_once``
    whose answers are not sent yet, streams and those that are read slowly among them, and
    ``questions_at_once``. ``prefect_ui_url`` is where a browser finds Prefect's UI, empty: where
    its API is.
    """

    port: int = 4280
    hosts: tuple[str, ...] = ()
    max_body_bytes: int = 1_000_000
    body_seconds: float = 20.0
    answer_seconds: float = 60.0
    at_once: int = 4
    waiting: int = 64
    requests_per_minute: int = 1_200
    requests_at_once: int = 64
    questions_at_once: int = 2
    log_queries: bool = False
    prefect_ui_url: str = ""
