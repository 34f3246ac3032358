"""What a credential is, and how it is taken out of a text: the one policy.

:func:`redact` hides what :func:`harness.repository.secret_finding.secret_spans` finds: by the kept
rule set, in private keys, in Kubernetes Secrets. The index, the agent's tools, trajectories, logs,
artifacts and results all go through it, so that none of them holds what another hides. Both
mistakes cost something: a missed secret lands in the index and in prompts, a false alarm makes a
value unreadable. Values that are plainly stand-ins (``AKIAIOSFODNN7EXAMPLE``, ``ghp_xxxxxxxx…``)
stay.

In records that only people read (trajectories, reports, logs) a false alarm costs little:
``redact(…, suspected=True)`` also hides what merely may be a secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING

from harness.repository.private_keys import private_keys
from harness.repository.secret_finding import merged, secret_spans

if TYPE_CHECKING:
    import re2

HIDDEN = "[redacted]"
"""What stands for a credential that was taken out."""

# Shorter values would be found all over a text.
MIN_VALUE_CHARS = 4
# Of environment variables; parts of names such as QDRANT_API_KEY, PREFECT_API_AUTH_STRING.
_SECRET_VARIABLE = re.compile(
    r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL|AUTH_STRING|CONNECTION_URL|DATABASE_URL", re.IGNORECASE
)

# What a person would not want to see published, though it may be something else; group 1 is hidden,
# or all where there is none.
_SUSPECTS = (
    r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}",
    r"\bsk-[\w-]{20,}|\bxox[abeoprs]-[\w-]{10,}",
    r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bgh[pousr]_\w{36,}|\bglpat-[\w-]{20,}|\bnpm_\w{36}\b",
    r"://[^/\s:@]+:([^@\s/]+)@",
    r"(?i)\bauthorization\b[\"']?\s*[:=]\s*[\"']?(?:bearer|basic|token)\s+([\w.+/=~-]+)",
    r"(?i)(?:api[_-]?key|access[_-]?key|secret|token|passwo?r?d)[\w-]*[\"']?\s*[:=]\s*"
    r"[\"']([^\"'\s]{8,})[\"']",
    r"(?:API_?KEY|ACCESS_KEY|SECRET|TOKEN|PASSWORD)[A-Z0-9_]*=([^\s\"'\x60]{8,})",
)

# user:password@ of any URL in a message; query strings may hold a token too.
_USERINFO = r"://([^/\s'\"@]+)@"
_QUERY = r"://[^\s'\"?]*\?([^\s'\"]+)"


def redact(text: str, values: Iterable[str] = (), *, suspected: bool = False) -> str:
    """Take known values, and whatever the rules find, out of a text.

    Line ends stay, so that line numbers remain true.

    :param values: secrets that are known, such as those of the environment.
    :param suspected: also what only looks like a credential: stand-ins, JSON web tokens,
        passwords in URLs, values assigned to names such as ``api_key``. Not for a text that
        somebody goes on to edit.
    """
    # Longest first, so that a part does not break up the whole.
    for value in sorted(values, key=len, reverse=True):
        if len(value) >= MIN_VALUE_CHARS:
            text = text.replace(value, HIDDEN)
    data = text.encode("utf-8", "surrogatepass")
    spans = secret_spans(data)
    clean = without(data, spans) if spans else data
    if suspected:
        clean = without(clean, merged(private_keys(clean, suspected=True)))
        for regex in _SUSPECTS:
            group = 1 if _compiled(regex).groups else 0
            matches = _compiled(regex).finditer(clean)
            clean = without(clean, [match.span(group) for match in matches])
    return text if clean is data else clean.decode("utf-8", "surrogatepass")


def without(data: bytes, spans: Iterable[tuple[int, int]], mark: bytes = HIDDEN.encode()) -> bytes:
    """Put a mark in the place of parts of a text; line ends in them stay, behind the mark.

    :param spans: ascending, none overlapping another.
    """
    parts, last = [], 0
    for start, end in spans:
        parts += [data[last:start], mark, b"\n" * data.count(b"\n", start, end)]
        last = end
    return b"".join([*parts, data[last:]]) if parts else data


@cache
def _compiled(regex: str) -> re2._Regexp:
    import re2

    return re2.compile(regex)


def redact_urls(text: str) -> str:
    """Take user names, passwords and query strings out of every URL in a message.

    User names of ssh addresses (``git@host:path``) are no secret and stay.
    """
    data = text.encode("utf-8", "surrogatepass")
    users = (match.span(1) for match in _compiled(_USERINFO).finditer(data) if match[1] != b"git")
    data = without(data, users, b"***")
    queries = [match.span(1) for match in _compiled(_QUERY).finditer(data)]
    return without(data, queries, b"***").decode("utf-8", "surrogatepass")


def is_secret_variable(name: str) -> bool:
    """Tell whether the name of an environment variable says that its value is secret. The place
    where secrets are kept (HARNESS_CREDENTIALS_DIR) is none."""
    return _SECRET_VARIABLE.search(name) is not None and not name.upper().endswith("_DIR")
