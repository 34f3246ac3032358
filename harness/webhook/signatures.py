"""Whether a request comes from somebody who knows the secret; every comparison takes the same
time wherever the values differ.

GitHub and Gitea sign the body as it was sent (HMAC-SHA256, hexadecimal), GitLab sends the secret
itself. The generic signature covers a time as well: HMAC-SHA256 over ``<timestamp>.<body>``, so
that a recorded request is worth nothing after a few minutes.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from enum import StrEnum

TIMESTAMP_HEADER = "x-harness-timestamp"
_SECONDS = re.compile(r"[0-9]{1,12}", re.ASCII)


class Provider(StrEnum):
    """Who sends; the last part of ``/hooks/…``."""

    GITHUB = "github"
    GITLAB = "gitlab"
    GITEA = "gitea"
    GENERIC = "generic"


SIGNATURE_HEADERS = {
    Provider.GITHUB: "x-hub-signature-256",
    Provider.GITLAB: "x-gitlab-token",
    Provider.GITEA: "x-gitea-signature",
    Provider.GENERIC: "x-harness-signature",
}
_DELIVERY_HEADERS = {
    Provider.GITHUB: ("x-github-delivery",),
    Provider.GITLAB: ("idempotency-key", "x-gitlab-event-uuid"),
    Provider.GITEA: ("x-gitea-delivery",),
    Provider.GENERIC: ("x-harness-delivery",),
}


def refusal(
    provider: Provider,
    headers: Mapping[str, str],
    body: bytes,
    *,
    secret: bytes,
    now: float,
    tolerance_seconds: float,
) -> str | None:
    """Say why a request is refused, None when it is genuine. The text never holds a secret.

    :param headers: names in any case when the mapping allows it, else in lower case.
    :param body: as it was received, before any decoding.
    :param now: seconds since the epoch.
    :param tolerance_seconds: how far the generic timestamp may be off, either way.
    """
    name = SIGNATURE_HEADERS[provider]
    given = headers.get(name)
    if not given:
        return f"the header {name} is missing"
    if provider is Provider.GITLAB:
        expected = secret
    else:
        signed = body
        if provider is Provider.GENERIC:
            stamp = headers.get(TIMESTAMP_HEADER) or ""
            if _SECONDS.fullmatch(stamp) is None:
                return f"the header {TIMESTAMP_HEADER} must hold seconds since 1970"
            if abs(now - int(stamp)) > tolerance_seconds:
                return "the timestamp is too old or too far ahead; is the sender's clock right?"
            signed = stamp.encode() + b"." + body
        digest = hmac.new(secret, signed, hashlib.sha256).hexdigest()
        prefix = "" if provider is Provider.GITEA else "sha256="
        expected = f"{prefix}{digest}".encode()
    # Bytes, as they came: for text, compare_digest refuses anything that is not ASCII.
    genuine = hmac.compare_digest(given.encode("latin-1", "replace"), expected)
    return None if genuine else "the signature does not fit the secret"


def delivery_keys(provider: Provider, headers: Mapping[str, str], body: bytes) -> tuple[str, ...]:
    """What a delivery is recognised by when it comes a second time.

    The sender's own id, and what was signed: the id is not part of that, so somebody who
    replays a recorded request could change it.

    :returns: short strings, at least one.
    """
    ids = (headers.get(name) for name in _DELIVERY_HEADERS[provider])
    given = next((value for value in ids if value), None)
    keys = [f"{provider}:{_digest(given.encode('utf-8', 'replace'))}"] if given else []
    # GitLab signs nothing, and pushing back and forth gives equal bodies: there the id decides.
    if provider is not Provider.GITLAB or not keys:
        stamp = (headers.get(TIMESTAMP_HEADER) or "") if provider is Provider.GENERIC else ""
        keys.append(f"{provider}={_digest(stamp.encode() + b'.' + body)}")
    return tuple(keys)


def _digest(value: bytes) -> str:
    return hashlib.sha256(value).hexdigest()[:32]
