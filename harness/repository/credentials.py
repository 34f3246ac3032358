"""Recognizes credentials in a text by shapes that hardly anything else has.

Both mistakes cost something: a missed secret lands in the index and in prompts, a false alarm
takes a source file out of search without anyone noticing. So a shape counts only when its
issuer gave it a fixed prefix and length, or when a private key is there with its body. Left
out on purpose: JSON web tokens (short-lived, and in every test suite), ``password = "…"``,
bare base64 or hex, and public halves of keys. Values that are plainly stand-ins
(``AKIAIOSFODNN7EXAMPLE``, ``ghp_xxxxxxxx…``) do not count either.
"""

from __future__ import annotations

import re

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
    r"(?P<body>(?:(?!-----)[\s\S]){80,20000})-----END "
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
    )
)


def holds_credentials(text: str) -> bool:
    """Tell whether a text holds a private key or a token of a well-known service."""
    if _KEY_HEADER in text and any(_is_key(match) for match in _KEY_BLOCK.finditer(text)):
        return True
    return any(
        marker in text and any(_is_random(match[1]) for match in shape.finditer(text))
        for marker, shape in _TOKENS
    )


def _is_key(match: re.Match[str]) -> bool:
    without_attributes = _KEY_ATTRIBUTE.sub("", match["body"].replace("\\n", "\n"))
    body = _KEY_BODY_NOISE.sub("", without_attributes)
    return any(_is_random(run) for run in _BASE64_RUN.findall(body))


def _is_random(value: str) -> bool:
    return len(set(value)) >= _MIN_DIFFERENT_CHARS and _STAND_IN.search(value) is None
