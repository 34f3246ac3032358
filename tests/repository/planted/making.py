"""How planted secrets are made.

All of them are made up when they are asked for, so that no scanner takes this file for a leak.
"""

from __future__ import annotations

import base64
import json
import random
import string

LOWER, UPPER, DIGITS = string.ascii_lowercase, string.ascii_uppercase, string.digits
HEX, ALNUM = "0123456789abcdef", string.ascii_letters + string.digits
URL64, STD64 = f"{ALNUM}-_", f"{ALNUM}+/"
BECH32 = "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L"

_chosen = random.Random(20_16)


class Planted:
    """A file with a secret in it.

    :param secrets: its parts, of which none may be seen.
    """

    def __init__(self, name: str, path: str, text: str, *secrets: str) -> None:
        self.name = name
        self.path = path
        self.text = text
        self.secrets = secrets


def rand(length: int, alphabet: str = ALNUM) -> str:
    """A random text with digits and letters in it, if the alphabet has both."""
    while True:
        text = "".join(_chosen.choice(alphabet) for _ in range(length))
        has = [sum(map(str.isdigit, text)) >= 2, sum(map(str.isalpha, text)) >= 2]
        wants = [any(map(str.isdigit, alphabet)), any(map(str.isalpha, alphabet))]
        if length < 12 or all(got or not want for got, want in zip(has, wants, strict=True)):
            return text


def b64(text: str) -> str:
    """Standard base64 of a text."""
    return base64.b64encode(text.encode()).decode()


def armoured(kind: str, size: int = 600, end: str = "\n") -> str:
    """A private key's block with a random body."""
    body = base64.b64encode(_chosen.randbytes(size)).decode()
    lines = [body[at : at + 64] for at in range(0, len(body), 64)]
    dashes = "-" * 5
    return end.join([f"{dashes}BEGIN {kind}{dashes}", *lines, f"{dashes}END {kind}{dashes}", ""])


def jwt() -> str:
    """A signed token of some user."""
    parts = [json.dumps({"alg": "RS256", "kid": rand(8)}), json.dumps({"sub": rand(9), "iat": 1})]
    encoded = [base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts]
    return ".".join([*encoded, rand(86, URL64)])


def lines_of(key: str) -> tuple[str, ...]:
    """The whole lines of a key's body."""
    return tuple(line for line in key.replace("\\n", "\n").split("\n") if len(line) == 64)
