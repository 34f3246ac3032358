"""Secrets that their place gives away: behind an account's name, an option, a header, a name that
says so. The values are shorter than what :mod:`harness.repository.rules.own` asks for.

All expressions are RE2's, so repetitions may have at most 1,000 turns.
"""

from __future__ import annotations

from harness.repository.rules.rule import ASSIGN, OTHER_NAMES, TEMPLATE, SecretRule

# What a shell puts there, and what is no value at all.
_NO_VALUE = (TEMPLATE, r"^[$<{%]|[>}]$|^-|^/|://|\\\\|^@")
_HEX = r"[0-9a-f]{32,64}|[0-9A-F]{32,64}"
_HEADER = (
    r"(?:x-(?:[a-z0-9]{1,20}-){0,3})?(?:api-?key|auth-?token|auth-?key|access-?token|access-?key|"
    r"private-token|secret-?key|app-?key|vault-token|subscription-key)"
)
_VALUE = r"([\w.+/=~-]{16,200})"
_TYPED = r"[\w+/=.,:;?~!@#$%^&*()-]{12,64}"
_UNQUOTED = r"[\w+/=.,:?~!@#$%^&*-]{12,64}"

PLACE_RULES = (
    SecretRule("mailchimp-key", r"\b([0-9a-f]{32}-us[0-9]{1,2})\b", ("-us",), min_entropy=3.0),
    SecretRule(
        "twilio-token",
        r"\bAC[0-9a-f]{32}[\"'\x60]\s{0,4},\s{0,40}(?:\w{1,30}\s{0,2}[=:]\s{0,2})?"
        r"[\"'\x60]([0-9a-f]{32})[\"'\x60]",
        ("twilio", "client("),
        min_entropy=3.0,
    ),
    SecretRule(
        "aws-secret-beside-id",
        r"\b(?:AKIA|ASIA)[A-Z0-9]{16}[\"'\x60]?\s{0,4}[,:;]\s{0,40}"
        r"(?:\w{1,40}\s{0,2}[=:]\s{0,2})?[\"'\x60]?([A-Za-z0-9/+]{40})(?:[\"'\x60\s,;]|$)",
        ("akia", "asia"),
        min_entropy=3.5,
    ),
    # Of 32 random hexadecimal digits one in five varies less than assigned-random asks for.
    SecretRule(
        "assigned-hex",
        r"(?i:secret|token|(?:api|access|auth|private|encryption|encrypt|signing|sign|hmac|master|"
        r"session|cookie|cipher|shared|app|application|consumer|subscription|license)[_-]?key)"
        r"[\w-]{0,20}"
        + ASSIGN
        + r"(?:[\"'\x60]("
        + _HEX
        + r")[\"'\x60]|("
        + _HEX
        + r")(?:\s*$|\s*\n))",
        ("key", "secret", "token"),
        min_entropy=3.0,
        random=True,
        never_around=(OTHER_NAMES,),
    ),
    SecretRule(
        "assigned-password",
        r"(?i:passw(?:or)?d|passphrase|pwd)[0-9]{0,2}"
        + ASSIGN
        + r"(?:\"("
        + _TYPED
        + r")\"|'("
        + _TYPED
        + r")'|\x60("
        + _TYPED
        + r")\x60|("
        + _UNQUOTED
        + r")(?:[ \t]*$|[ \t]*\r?\n))",
        ("passw", "passphrase", "pwd"),
        min_entropy=3.0,
        mixed=True,
        typed=True,
        never=_NO_VALUE,
        never_around=(OTHER_NAMES,),
    ),
    SecretRule(
        "password-option",
        r"(?:\b(?:PGPASSWORD|MYSQL_PWD|SSHPASS|REDISCLI_AUTH)=|--passw(?:or)?d[= ]|"
        r"\bsshpass +-p *|\bredis-cli\b[^\n|;&]{0,100}? -a +)[\"']?([^\s\"'\x60$<{(\[]{8,64})",
        ("passw", "sshpass", "mysql_pwd", "redis"),
        min_entropy=2.5,
        typed=True,
        must=(r"[0-9]", r"[A-Za-z]"),
        never=_NO_VALUE,
    ),
    SecretRule(
        "mysql-password",
        r"\bm(?:ysql|ariadb)(?:-?(?:dump|admin|import|check|show))?\b[^\n|;&]{0,200}?[ \t]-p[\"']?"
        r"([^\s\"'\x60$<{(\[]{6,64})",
        ("mysql", "mariadb"),
        min_entropy=2.3,
        typed=True,
        must=(r"[0-9]", r"[A-Za-z]"),
        never=_NO_VALUE,
    ),
    SecretRule(
        "curl-user",
        r"\bcurl\b[^\n|;]{0,300}?[ \t](?:-u|-U|--user|--proxy-user)[ =]?[\"']?"
        r"[^\s:\"'\x60$<{(]{1,64}:([^\s\"'\x60$<{(\[]{6,200})",
        ("curl",),
        min_entropy=2.3,
        typed=True,
        must=(r"[0-9!#%^&*+=?~]",),
        never=_NO_VALUE,
    ),
    SecretRule(
        "key-header",
        # As an argument, as an entry of a table, as a line of a request.
        r"(?i)(?:[\"'\x60]" + _HEADER + r":[ \t]{0,4}" + _VALUE + r"[\"'\x60]"
        r"|[\"'\x60]"
        + _HEADER
        + r"[\"'\x60]\s{0,4}(?:[:,]|=>)\s{0,4}[\"'\x60]"
        + _VALUE
        + r"[\"'\x60]"
        r"|(?:^|\n)[ \t>]{0,8}x-[a-z0-9-]{0,20}"
        + _HEADER
        + r":[ \t]{1,4}"
        + _VALUE
        + r"[ \t\r]{0,4}(?:\n|$))",
        ("apikey", "api-key", "-token", "-key", "authtoken"),
        min_entropy=3.0,
        random=True,
        never=_NO_VALUE,
    ),
)
