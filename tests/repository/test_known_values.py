"""Secrets that are known, in every form in which a program may print them."""

from __future__ import annotations

import base64
import json
import quopri
import random
import string
from collections.abc import Callable
from urllib.parse import quote

import pytest

from harness.repository.known_values import KnownValues

SECRET = "tok_" + "".join(random.Random(5).choices(string.ascii_letters + "0123456789/+=", k=36))
PASSWORD = 'x9"&<Ä\\7%qZ/~kPw'
LONG = "".join(random.Random(6).choices(string.ascii_letters + string.digits, k=300))


def base64_of(text: str) -> str:
    return base64.encodebytes(text.encode()).decode()


def wrapped(text: str, width: int) -> str:
    return "\n".join(text[at : at + width] for at in range(0, len(text), width))


FORMS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "base64": base64_of,
    "base64-shifted-1": lambda text: base64_of(f"a{text}"),
    "base64-shifted-2": lambda text: base64_of(f"ab{text}"),
    "base64-urlsafe": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "base64-of-a-file": lambda text: base64_of("line\n" * 40 + f"key = {text}\n" + "line\n" * 40),
    "base64-in-json": lambda text: base64_of(text).replace("/", "\\/").replace("\n", "\\n"),
    "base32": lambda text: wrapped(base64.b32encode(f"abc{text}".encode()).decode(), 76),
    "hex": lambda text: wrapped(text.encode().hex(), 60),
    "hex-upper": lambda text: text.encode().hex().upper(),
    "hex-parted": lambda text: text.encode().hex(":"),
    "hex-of-a-program": lambda text: ", ".join(f"0x{byte:02X}" for byte in text.encode()),
    "hex-escapes": lambda text: "".join(f"\\x{byte:02x}" for byte in text.encode()),
    "octal-escapes": lambda text: "".join(f"\\{byte:03o}" for byte in text.encode()),
    "url": lambda text: quote(text, safe=""),
    "url-all": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "json": json.dumps,
    "json-all": lambda text: "".join(f"\\u{ord(char):04x}" for char in text),
    "html-numbers": lambda text: "".join(f"&#{byte};" for byte in text.encode()),
    "mail": lambda text: quopri.encodestring(text.encode()).decode(),
    "backwards": lambda text: text[::-1],
    "letter-by-letter": " ".join,
    "lines": lambda text: wrapped(text, 7),
    "pieces-of-a-program": lambda text: '"' + '" + "'.join(wrapped(text, 9).split("\n")) + '"',
}


@pytest.mark.parametrize("secret", [SECRET, PASSWORD, LONG], ids=["token", "password", "long"])
@pytest.mark.parametrize("form", FORMS)
def test_forms(form: str, secret: str) -> None:
    if form == "json-all" and not secret.isascii():
        secret = secret.replace("Ä", "ae")
    shown = f"before 1\n{FORMS[form](secret)}\nafter 2\n"
    clean = KnownValues([secret, "another-one-7"]).hide(shown)
    assert clean.startswith("before 1\n")
    assert clean.endswith("after 2\n")
    assert clean.count("\n") == shown.count("\n")
    left = clean.replace("[redacted]", "").removeprefix("before 1\n").removesuffix("after 2\n")
    if form != "base64-of-a-file":
        # Of an encoding one sign at each end may hold bits of what stands beside the value.
        assert len("".join(char for char in left if char.isalnum())) <= 6
    assert "[redacted]" in clean


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("tok_tok_tok_ " * 9, id="its-beginning"),
        pytest.param(base64_of("nothing of interest, said at length"), id="base64"),
        pytest.param("0123456789abcdef" * 9, id="digits"),
        pytest.param("é\udcff %4 \\u00 &#999; 0x =\n", id="broken"),
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert KnownValues([SECRET, PASSWORD, "short"]).hide(f"{text} short") == f"{text} short"


def test_a_part_of_another_value_does_not_hide_the_rest() -> None:
    known = KnownValues(["abcdefgh-1234", "gh-1234-ijklmnop", "abcdefgh"])
    assert known.hide("[abcdefgh-1234-ijklmnop]") == "[[redacted]]"


def test_the_work_does_not_grow_with_the_number_of_values() -> None:
    """Counted: how often values are compared with the text, for values that begin alike."""
    looks = []
    for many in (100, 10_000):
        known = KnownValues(f"same-beginning-{number:0{number % 40}}" for number in range(many))
        finder = known._plain

        class Counted(dict[bytes, list[int]]):
            count = 0

            def get(self, key: bytes, default: object = None) -> object:  # type: ignore[override]
                found = super().get(key)
                Counted.count += 1 + len(found or ())
                return found

        finder._lengths = Counted(finder._lengths)
        list(finder.spans(b"same-beginning-x" * 1_000))
        looks.append(Counted.count)
    assert looks[1] < 2 * looks[0]
