"""What counts as a credential, and what redaction leaves of a text."""

from __future__ import annotations

import base64
import random
import string
import time

import pytest

from harness.repository.credentials import (
    HIDDEN,
    is_secret_variable,
    redact,
    redact_urls,
)


def random_text(length: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    # Put together here, so that no scanner of this repository takes a test for a leak.
    chosen = random.Random(length)
    return "".join(chosen.choice(alphabet) for _ in range(length))


def key_block(kind: str = "RSA ", line_end: str = "\n", size: int = 600) -> str:
    body = base64.b64encode(random.Random(1).randbytes(size)).decode()
    lines = [body[at : at + 64] for at in range(0, len(body), 64)]
    dashes = "-" * 5
    begin, end = (
        f"{dashes}BEGIN {kind}PRIVATE KEY{dashes}",
        f"{dashes}END {kind}PRIVATE KEY{dashes}",
    )
    return line_end.join([begin, *lines, end, ""])


CREDENTIALS = [
    pytest.param(key_block(), id="rsa"),
    pytest.param(key_block(""), id="pkcs8"),
    pytest.param(key_block("OPENSSH "), id="openssh"),
    pytest.param(key_block("EC ", size=90), id="short ec key"),
    pytest.param(key_block(line_end="\r\n"), id="windows"),
    pytest.param('{"private_key": "' + key_block("", "\\n") + '"}', id="service account"),
    pytest.param(key_block(line_end='\\n"\n    "'), id="lines of a string"),
    pytest.param(key_block(line_end="\n    "), id="indented in yaml"),
    pytest.param(
        key_block().replace("\n", "\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES,1\n\n", 1),
        id="encrypted with attributes",
    ),
    pytest.param("AKIA" + random_text(16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"), id="aws"),
    pytest.param("t = 'ghp_" + random_text(36) + "'", id="github"),
    pytest.param("github_pat_" + random_text(22) + "_" + random_text(59), id="github fine"),
    pytest.param("token: glpat-" + random_text(20), id="gitlab"),
    pytest.param("xoxb-" + "123456789012-1234567890123-" + random_text(24), id="slack"),
    pytest.param("key=AIza" + random_text(35), id="google"),
    pytest.param("sk_live_" + random_text(24), id="stripe"),
    pytest.param("//r/:_authToken=npm_" + random_text(36), id="npm"),
]
HARMLESS = [
    pytest.param("'-----BEGIN RSA PRIVATE KEY-----'", id="header alone"),
    pytest.param("-----BEGIN PRIVATE KEY-----\nMIIE...\n-----END PRIVATE KEY-----", id="shortened"),
    pytest.param(
        "if '-----BEGIN PRIVATE KEY-----' in text:\n"
        + "    key = text.split('marker')[1]  # what is between both\n" * 8
        + "    assert '-----END PRIVATE KEY-----' in text\n",
        id="parser",
    ),
    pytest.param(key_block("").replace("PRIVATE", "PUBLIC"), id="public key"),
    pytest.param(
        "-----BEGIN PRIVATE KEY-----\n" + "A" * 400 + "\n-----END PRIVATE KEY-----",
        id="filler",
    ),
    pytest.param("AKIAIOSFODNN7EXAMPLE", id="aws documentation"),
    pytest.param("ghp_" + "x" * 36, id="stand-in"),
    pytest.param("AKIA" + "A" * 16, id="stand-in aws"),
    pytest.param("re.compile(r'ghp_[A-Za-z0-9]{36}')", id="a scanner's pattern"),
    pytest.param("sk_test_" + random_text(24), id="stripe test key"),
    pytest.param("npm_config_registry=https://example.org", id="npm variable"),
    pytest.param("sha512-" + random_text(88), id="hash"),
    pytest.param("BAKIA" + random_text(16, "ABCDEF234567"), id="inside a word"),
    pytest.param("password = 'hunter2hunter2'", id="password"),
]


@pytest.mark.parametrize("text", CREDENTIALS)
def test_found(text: str) -> None:
    assert HIDDEN in redact(f"a = 1\n{text}\nb = 2\n")


@pytest.mark.parametrize("text", HARMLESS)
def test_let_through(text: str) -> None:
    whole = f"a = 1\n{text}\nb = 2\n"
    assert redact(whole) == whole


@pytest.mark.parametrize("text", CREDENTIALS)
def test_what_is_found_is_taken_out_and_nothing_else(text: str) -> None:
    clean = redact(f"a = 1\n{text}\nb = 2\n")
    assert redact(clean) == clean
    assert clean.startswith("a = 1\n")
    assert clean.endswith("\nb = 2\n")
    assert HIDDEN in clean
    assert clean.count("\n") == text.count("\n") + 3  # line numbers stay true
    # Of the secret itself nothing is left that is longer than a prefix or an attribute.
    rest = clean.replace(HIDDEN, "")
    assert not any(text[at : at + 12] in rest for at in range(30, len(text) - 12))


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_let_through_stays_as_it_is(text: str) -> None:
    """A model edits what it read: a text that changed on the way could not be found again."""
    assert redact(f"a = 1\n{text}\nb = 2\n") == f"a = 1\n{text}\nb = 2\n"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        pytest.param("https://user:pa55word@host/x", "https://user:[redacted]@host/x", id="url"),
        pytest.param(
            "Authorization: Bearer abc.def", "Authorization: Bearer [redacted]", id="header"
        ),
        pytest.param("api_key = 'abcdefgh1234'", "api_key = '[redacted]'", id="assignment"),
        pytest.param("QDRANT_API_KEY=abcdefgh1234", "QDRANT_API_KEY=[redacted]", id="variable"),
        pytest.param("eyJhbGciOiJI.eyJzdWIiOiIx.abcdefghijk", "[redacted]", id="web token"),
        pytest.param("AKIAIOSFODNN7EXAMPLE", "[redacted]", id="stand-in"),
        pytest.param("sk-abcdefghijklmnopqrstuvwxyz", "[redacted]", id="some service's key"),
        pytest.param(
            "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
            "[redacted]\n\n",
            id="shortened key",
        ),
        pytest.param("-----BEGIN PRIVATE KEY-----\nMII", "[redacted]\n", id="cut key"),
    ],
)
def test_what_only_looks_like_a_credential_goes_when_asked(text: str, clean: str) -> None:
    assert redact(text, suspected=True) == clean
    assert redact(text) == text


@pytest.mark.parametrize(
    "text", ["token = next_token()", "def test_password_is_long():", "see sk-learn and eyJ"]
)
def test_code_about_credentials_stays(text: str) -> None:
    assert redact(text, suspected=True) == text


@pytest.mark.parametrize("suspected", [True, False])
def test_known_values_go_first_the_longest(suspected: bool) -> None:
    text = "the hunter2-secret and hunter2 and abc"
    clean = redact(text, ["hunter2", "hunter2-secret", "abc"], suspected=suspected)
    assert clean == "the [redacted] and [redacted] and abc"


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("QDRANT_API_KEY", True),
        ("GITHUB_TOKEN", True),
        ("PREFECT_API_AUTH_STRING", True),
        ("PREFECT_API_DATABASE_CONNECTION_URL", True),
        ("db_password", True),
        ("AWS_SECRET_ACCESS_KEY", True),
        ("GIT_AUTHOR_NAME", False),
        ("OLLAMA_HOST", False),
        ("PATH", False),
    ],
)
def test_names_of_variables(name: str, secret: bool) -> None:
    assert is_secret_variable(name) is secret


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("at https://u:pw@h/x.git'", "at https://***@h/x.git'", id="password"),
        pytest.param("https://ghp_secret@h/x", "https://***@h/x", id="token as user"),
        pytest.param("ssh://git@h/x", "ssh://git@h/x", id="user of ssh"),
        pytest.param("git@h:x/y.git", "git@h:x/y.git", id="scp-like"),
        pytest.param("https://h/x?private_token=abc d", "https://h/x?*** d", id="query"),
        pytest.param("see a?b and c@d", "see a?b and c@d", id="no URL"),
    ],
)
def test_urls_in_messages(text: str, expected: str) -> None:
    assert redact_urls(text) == expected


def test_addresses_without_end_take_no_time() -> None:
    began = time.thread_time()
    redact_urls("://a" * 100_000)
    redact_urls("://a@" * 100_000)
    redact_urls("://" + "a:" * 100_000)
    assert time.thread_time() - began < 3


def test_text_that_is_no_unicode_stays() -> None:
    assert redact_urls("\udce9 https://u:p@h/x") == "\udce9 https://***@h/x"
    assert redact("\udce9 a", suspected=True) == "\udce9 a"
