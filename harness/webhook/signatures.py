"""The ways in which a request proves that its sender knows the shared secret.

A provider's spec names one of them. Secrets and digests are compared in constant time.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

_SECONDS = re.compile(r"[0-9]{1,12}", re.ASCII)
_MISMATCH = "the signature does not match the secret"


@dataclass(frozen=True, slots=True)
class Verifier:
    """What a request is checked against.

    ``secret`` is the shared secret; ``now`` is in seconds since the epoch; a signed timestamp may
    be up to ``tolerance_seconds`` before or after it.
    """

    secret: bytes = field(repr=False)
    now: float
    tolerance_seconds: float


class Signature(Protocol):
    """How a request is signed."""

    @property
    def header(self) -> str:
        """The header that carries the signature, in lower case."""

    @property
    def covers_body(self) -> bool:
        """Whether the signature protects the body against changes."""

    def timestamp(self, headers: Mapping[str, str]) -> str:
        """The signed time as it was sent; empty when none is signed."""

    def refusal(self, headers: Mapping[str, str], body: bytes, verifier: Verifier) -> str | None:
        """Say why a request is refused, None when it is genuine. The text never holds a secret.

        :param headers: case-insensitive, or with names in lower case.
        :param body: as it was received, before any decoding.
        """


@dataclass(frozen=True, slots=True)
class SharedSecret:
    """The header holds the secret itself; nothing is signed."""

    header: str
    covers_body: ClassVar[bool] = False

    def timestamp(self, headers: Mapping[str, str]) -> str:
        return ""

    def refusal(self, headers: Mapping[str, str], body: bytes, verifier: Verifier) -> str | None:
        given = headers.get(self.header)
        if not given:
            return _missing(self.header)
        return None if _equal(given, verifier.secret) else _MISMATCH


@dataclass(frozen=True, slots=True)
class HmacSha256:
    """The header holds ``prefix`` and the hexadecimal HMAC-SHA256 of the body.

    With a ``timestamp_header`` the HMAC is that of ``<timestamp>.<body>``, so that a recorded
    request is worthless once the tolerance has passed.
    """

    header: str
    prefix: str = ""
    timestamp_header: str | None = None
    covers_body: ClassVar[bool] = True

    def timestamp(self, headers: Mapping[str, str]) -> str:
        return "" if self.timestamp_header is None else headers.get(self.timestamp_header) or ""

    def refusal(self, headers: Mapping[str, str], body: bytes, verifier: Verifier) -> str | None:
        given = headers.get(self.header)
        if not given:
            return _missing(self.header)
        signed = body
        if self.timestamp_header is not None:
            timestamp = self.timestamp(headers)
            if _SECONDS.fullmatch(timestamp) is None:
                return f"the header {self.timestamp_header} must hold seconds since 1970"
            if abs(verifier.now - int(timestamp)) > verifier.tolerance_seconds:
                return "the timestamp is too old or too far ahead; is the sender's clock right?"
            signed = timestamp.encode() + b"." + body
        digest = hmac.new(verifier.secret, signed, hashlib.sha256).hexdigest()
        return None if _equal(given, f"{self.prefix}{digest}".encode()) else _MISMATCH


def _missing(header: str) -> str:
    return f"the header {header} is missing"


def _equal(given: str, expected: bytes) -> bool:
    # As bytes: compare_digest rejects text that is not ASCII.
    return hmac.compare_digest(given.encode("latin-1", "replace"), expected)
