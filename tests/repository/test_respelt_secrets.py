"""Secrets that are spelt otherwise than they are used, and texts that only look so."""

from __future__ import annotations

import base64
import random
import string
import time

import pytest

from harness.repository.credentials import redact

TOKEN = "ghp_" + "".join(random.Random(7).choices(string.ascii_letters + string.digits, k=36))
LEFT, RIGHT = TOKEN[:20], TOKEN[20:]
ENCODED = base64.b64encode(f"user:{TOKEN}".encode()).decode()
WRAPPED = base64.encodebytes(b"line of text\n" * 9 + f"token = {TOKEN}\n".encode()).decode()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f'a = "{LEFT}" "{RIGHT}"', id="beside"),
        pytest.param(f"a = '{LEFT}' + \"{RIGHT}\";", id="added"),
        pytest.param(f"a = '{LEFT}' . '{RIGHT}';", id="php"),
        pytest.param(f'a = (\n    "{LEFT}"\n    f"{RIGHT}"\n)', id="lines"),
        pytest.param(f'a = "{LEFT}" + \\\n    "{RIGHT}"', id="lines-added"),
        pytest.param(f'a = "{LEFT}"\n    + "{RIGHT}"', id="sign-first"),
        pytest.param('a = "' + '" + "'.join(TOKEN) + '"', id="letters"),
        pytest.param(f'a: "{LEFT}\\\n   {RIGHT}"', id="goes-on"),
        pytest.param(TOKEN.replace("_", "%5F"), id="url"),
        pytest.param("".join(f"%{ord(char):02X}" for char in TOKEN), id="url-all"),
        pytest.param(TOKEN.replace("_", "\\u005f"), id="json"),
        pytest.param("".join(f"\\x{ord(char):02x}" for char in TOKEN), id="program"),
        pytest.param(TOKEN.replace("_", "&#95;"), id="html"),
        pytest.param(f"{LEFT}\u200b{RIGHT}\ufeff", id="unseen"),
        pytest.param(f"blob: {ENCODED}", id="base64"),
        pytest.param(f'x("{ENCODED.rstrip("=")}")', id="base64-without-end"),
        pytest.param(f"blob: |\n    {WRAPPED}".replace("\n", "\r\n    "), id="base64-on-lines"),
        pytest.param(f'bytes.fromhex("{TOKEN.encode().hex()}")', id="hex"),
    ],
)
def test_it_is_hidden_and_all_around_it_stays(text: str) -> None:
    shown = redact(f"ä = 1  # %41\n{text}\nb = 'x' 'y'\n")
    assert shown.startswith("ä = 1  # %41\n") and shown.endswith("\nb = 'x' 'y'\n")
    assert shown.count("\n") == text.count("\n") + 3
    for part in (LEFT, RIGHT, ENCODED[:-4], WRAPPED[-40:-5], TOKEN.encode().hex()):
        assert part not in shown
    assert "[redacted]" in shown


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('print("one" "two" + "three")', id="literals"),
        pytest.param(base64.b64encode(b"nothing of interest " * 9).decode(), id="base64"),
        pytest.param("lib/python3/dist-packages/setuptools/command", id="path"),
        pytest.param("0123456789abcdef" * 4, id="hash"),
        pytest.param("https://example.org/a%20b?c=%2Fd%2F&e=%41", id="url"),
        pytest.param("é\u200dx &#999; &#7; \\u0041 \\\\x41 %zz", id="signs"),
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(f"{text}\n") == f"{text}\n"


@pytest.mark.parametrize(
    "part",
    [
        pytest.param("a\" + 'b", id="joints"),
        pytest.param('x"' + " " * 500, id="blanks"),
        pytest.param("\\" * 500, id="backslashes"),
        pytest.param("%41\\u0042&#67;", id="escapes"),
        pytest.param("QUJD" * 18 + "\n", id="base64"),
        pytest.param("a\\\n" + " " * 300, id="lines"),
    ],
)
def test_time_grows_with_the_length_only(part: str) -> None:
    def seconds(size: int) -> float:
        text = (part * (size // len(part) + 1))[:size]
        began = time.thread_time()
        redact(text)
        return time.thread_time() - began

    redact(part)  # compiles the rules
    short, long = min(seconds(25_000) for _ in range(2)), min(seconds(100_000) for _ in range(2))
    assert long < 10 * short + 0.05
