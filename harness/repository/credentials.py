"""What a credential looks like, and how it is taken out of a text: the one policy.

:func:`holds_credentials` keeps files out of the index and :func:`redact` hides exactly what it
finds, so that a model never reads what the index would not hold. Both mistakes cost something: a
missed secret lands in the index and in prompts, a false alarm takes a source file out of search
without anyone noticing. So a shape counts only when its issuer gave it a fixed prefix and length,
or when a private key is there with its body. Left out on purpose: JSON web tokens (short-lived,
and in every test suite), ``password = "…"``, bare base64 or hex, and public halves of keys. Values
that are plainly stand-ins (``AKIAIOSFODNN7EXAMPLE``, ``ghp_xxxxxxxx…``) do not count either.

In records that only people read (trajectories, reports, logs) a false alarm costs little:
``redact(…, suspected=True)`` hides all of these as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

HIDDEN = "[redacted]"
"""What stands for a credential that was taken out."""

# Shorter values would be found all over a text.
MIN_VALUE_CHARS = 4
# Of environment variables; parts of names such as QDRANT_API_KEY, PREFECT_API_AUTH_STRING.
_SECRET_VARIABLE = re.compile(
    r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL|AUTH_STRING|CONNECTION_URL|DATABASE_URL", re.IGNORECASE
)

# Lower bound of different characters in the random part: 36 random ones have about 27.
_MIN_DIFFERENT_CHARS = 8
_STAND_IN = re.compile(r"example|placeholder|dummy|redacted|your[_-]|xxxxx|\*\*\*\*|\.\.\.", re.I)

# In a string of a program, the line ends of a key are escaped, quoted or concatenated. The body
# must run for three lines' worth of base64, so that tests and parsers that only mention the
# header, or show `MIIE...`, stay.
_KEY_HEADER = "-----BEGIN"
_KEY_BLOCK = re.compile(
    r"-----BEGIN (?:(?:RSA|DSA|EC|OPENSSH|ENCRYPTED) PRIVATE KEY|PRIVATE KEY|"
    r"PGP PRIVATE KEY BLOCK|SSH2 ENCRYPTED PRIVATE KEY)-----"
    r"(?P<body>(?:(?!-----)[\s\S]){80,20000})-----END (?:[A-Z0-9 ]{1,40}-----)?"
)
_KEY_BODY_NOISE = re.compile(r"\\[nrt]|[\s\"'`+,;()\\]|^\s*[#*/]+", re.MULTILINE)
_KEY_ATTRIBUTE = re.compile(r"^[\W_]*[A-Za-z-]+: .*$", re.MULTILINE)
_BASE64_RUN = re.compile(r"[A-Za-z0-9/=]{80,}")

# (text that must be there at all, shape with the random part as group 1)
_TOKENS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (marker, re.compile(r"(?<![A-Za-z0-9_])" + shape + r"(?![A-Za-z0-9])"))
    for marker, shape in (
        # AWS: long-term and temporary key ids; the alphabet is that of base32.
        ("AKIA", r"AKIA([A-Z2-7]{16})"),
        ("ASIA", r"ASIA([A-Z2-7]{16})"),
        ("ghp_", r"ghp_([A-Za-z0-9]{36})"),
        ("gho_", r"gho_([A-Za-z0-9]{36})"),
        ("ghu_", r"ghu_([A-Za-z0-9]{36})"),
        ("ghs_", r"ghs_([A-Za-z0-9]{36})"),
        ("ghr_", r"ghr_([A-Za-z0-9]{36,76})"),
        ("github_pat_", r"github_pat_([A-Za-z0-9]{22}_[A-Za-z0-9]{59})"),
        ("glpat-", r"glpat-([A-Za-z0-9_-]{20,64})"),
        ("xox", r"xox[abeoprs]-((?:\d+-)+[A-Za-z0-9]{20,64})"),
        ("hooks.slack.com", r"hooks\.slack\.com/services/T\w{6,}/B\w{6,}/([A-Za-z0-9]{20,})"),
        ("AIza", r"AIza([A-Za-z0-9_-]{35})"),
        ("GOCSPX-", r"GOCSPX-([A-Za-z0-9_-]{28})"),
        ("k_live_", r"[rs]k_live_([A-Za-z0-9]{24,128})"),
        ("npm_", r"npm_([A-Za-z0-9]{36})"),
        ("pypi-AgEIcHlwaS5vcmc", r"pypi-AgEIcHlwaS5vcmc([A-Za-z0-9_-]{50,})"),
        ("sk-ant-", r"sk-ant-[a-z0-9]+-([A-Za-z0-9_-]{80,})"),
        ("sk-proj-", r"sk-proj-([A-Za-z0-9_-]{40,})"),
        ("T3BlbkFJ", r"sk-([A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20})"),
        ("hf_", r"hf_([A-Za-z]{34})"),
        ("SG.", r"SG\.([A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43})"),
        ("dop_v1_", r"dop_v1_([a-f0-9]{64})"),
        # What kubectl and docker keep: a private key, a user with a password.
        ("client-key-data", r"client-key-data: *[\"']?([A-Za-z0-9+/]{100,}={0,2})"),
        ('"auth"', r'"auth" *: *"([A-Za-z0-9+/]{20,}={0,2})"'),
    )
)

# What a person would not want to see published, though it may be something else.
_SUSPECTS: tuple[re.Pattern[str], ...] = (
    # Also without its end, and with a shortened body.
    re.compile(
        r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----[\s\S]*?"
        r"(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\Z)"
    ),
    re.compile(r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}"),
    re.compile(r"\bsk-[\w-]{20,}|\bxox[abeoprs]-[\w-]{10,}"),
)
# Group 1 stays, the rest is hidden.
_ASSIGNED = (
    re.compile(r"(://[^/\s:@]+:)[^@\s/]+(?=@)"),
    re.compile(
        r"(?i)(\bauthorization\b[\"']?\s*[:=]\s*[\"']?(?:bearer|basic|token)\s+)[\w.+/=~-]+"
    ),
    re.compile(
        r"(?i)(\b[\w-]*(?:api[_-]?key|access[_-]?key|secret|token|passwo?r?d)[\w-]*[\"']?\s*[:=]\s*"
        r"[\"'])[^\"'\s]{8,}(?=[\"'])"
    ),
    re.compile(
        r"(\b[A-Z0-9_]*(?:API_?KEY|ACCESS_KEY|SECRET|TOKEN|PASSWORD)[A-Z0-9_]*=)[^\s\"'`]{8,}"
    ),
)

# user:password@ of any URL in a message; query strings may hold a token too.
_USERINFO = re.compile(r"(?<=://)[^/\s'\"@]+@")
_QUERY = re.compile(r"(://[^\s'\"?]*)\?[^\s'\"]+")


def holds_credentials(text: str) -> bool:
    """Tell whether a text holds a private key or a token of a well-known service."""
    if _KEY_HEADER in text and any(_is_key(match) for match in _KEY_BLOCK.finditer(text)):
        return True
    return any(
        marker in text and any(_is_random(match[1]) for match in shape.finditer(text))
        for marker, shape in _TOKENS
    )


def redact(text: str, values: Iterable[str] = (), *, suspected: bool = False) -> str:
    """Take known values, and whatever :func:`holds_credentials` finds, out of a text.

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
    if _KEY_HEADER in text:
        text = _KEY_BLOCK.sub(lambda m: _hidden(m) if suspected or _is_key(m) else m[0], text)
    for marker, shape in _TOKENS:
        if marker in text:
            text = shape.sub(lambda m: _hidden(m) if suspected or _is_random(m[1]) else m[0], text)
    if suspected:
        for shape in _SUSPECTS:
            text = shape.sub(_hidden, text)
        for shape in _ASSIGNED:
            text = shape.sub(rf"\1{HIDDEN}", text)
    return text


def redact_urls(text: str) -> str:
    """Take user names, passwords and query strings out of every URL in a message.

    User names of ssh addresses (``git@host:path``) are no secret and stay.
    """
    without_user = _USERINFO.sub(lambda m: "git@" if m.group() == "git@" else "***@", text)
    return _QUERY.sub(r"\1?***", without_user)


def is_secret_variable(name: str) -> bool:
    """Tell whether the name of an environment variable says that its value is secret. The place
    where secrets are kept (HARNESS_CREDENTIALS_DIR) is none."""
    return _SECRET_VARIABLE.search(name) is not None and not name.upper().endswith("_DIR")


def _hidden(match: re.Match[str]) -> str:
    return HIDDEN + "\n" * match[0].count("\n")


def _is_key(match: re.Match[str]) -> bool:
    without_attributes = _KEY_ATTRIBUTE.sub("", match["body"].replace("\\n", "\n"))
    body = _KEY_BODY_NOISE.sub("", without_attributes)
    return any(_is_random(run) for run in _BASE64_RUN.findall(body))


def _is_random(value: str) -> bool:
    return len(set(value)) >= _MIN_DIFFERENT_CHARS and _STAND_IN.search(value) is None
