"""Tells a secret from what stands for one: examples, templates, names, fillers."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from math import log2

# Of a random part: 36 characters have about 27 different ones.
_MIN_DIFFERENT_CHARS = 8
_LONG_CHARS = 16
_STAND_IN = re.compile(
    r"example|placeholder|dummy|redacted|sample|changeme|change_me|your[_-]|-your|my[_-]?token|"
    r"xxxxx|\*\*\*\*|\.\.\.|<[a-z]|\$\{|\{\{|%(?-i:[(s])|#\{",
    re.IGNORECASE,
)
# `abcdef…`, `12345…`, `zyx…`: of random characters one in twenty follows its neighbour.
_SEQUENCE_SHARE = 0.5

# A value that a machine made has digits among its letters; a name has words.
_MIN_MACHINE_DIGITS = 2
_MIN_MACHINE_LETTERS = 2
_WORD = re.compile(r"[A-Z]?[a-z]{4,40}|[A-Z]{5,40}")
_MAX_WORD_SHARE = 0.6
_VOWELS = frozenset("aeiouAEIOU")
_MIN_VOWEL_SHARE = 0.25

# Of random letters and digits half stand beside another kind; in `getPasswordOfUser2` a sixth does.
_SHORT_WORD = re.compile(r"[A-Z][a-z]{2,40}|[a-z]{4,40}")
_MIN_MIXED_CHANGES = 0.35
_MAX_MIXED_WORD_SHARE = 0.3

# `aabbccdd00112233aabbccdd00112233`: of a random text hardly any three characters come again.
_MIN_DIFFERENT_TRIPLES = 0.6
_REPEATING_CHARS = 20

# What people write in the place of a password, alone or joined.
_PASSWORD_WORDS = re.compile(
    r"my|your|the|some|new|old|db|user(?:name)?|root|admin|super|top|very|fake|real|wrong|bad|"
    r"good|strong|weak|default|dev|local|pa[s5$]{2}(?:w[o0]?r?d|phrase)?|pas|word|pwd?|psw|secret|"
    r"token|key|access|api|aws|auth|client|app|id|guest|login|name|test(?:ing|er)?|demo|foo|bar|"
    r"baz|qux|spam|eggs|change|it|me|hunter|tiger|scott|postgres|mysql|mariadb|mongo|redis|"
    r"rabbit(?:mq)?|hello|world|hidden|hide|abc|xyz|here|oauth|basic|value",
    re.IGNORECASE,
)
_MAX_OTHER_LETTERS = 1

_PARTS = re.compile(r"[A-Za-z0-9]+")


def is_stand_in(secret: str) -> bool:
    """Tell whether a text in the place of a secret plainly is none."""
    if _STAND_IN.search(secret):
        return True
    # Prefixes and account numbers beside it are not random.
    part = max(_PARTS.findall(secret), key=len, default="")
    if len(part) >= _LONG_CHARS and len(set(part)) < _MIN_DIFFERENT_CHARS:
        return True
    triples = {part[at : at + 3] for at in range(len(part) - 2)}
    if len(part) >= _REPEATING_CHARS and len(triples) < _MIN_DIFFERENT_TRIPLES * (len(part) - 2):
        return True
    steps = sum(abs(ord(one) - ord(other)) == 1 for one, other in pairwise(part))
    return len(part) > 4 and steps >= _SEQUENCE_SHARE * (len(part) - 1)


def is_password_word(secret: str) -> bool:
    """Tell whether what stands in the place of a password is made of the words for one."""
    rest = _PASSWORD_WORDS.sub("", secret)
    return sum(map(str.isalpha, rest)) <= _MAX_OTHER_LETTERS and rest != secret


def is_machine_made(secret: str) -> bool:
    """Tell a random value from a name, a path or a sentence."""
    digits = sum(map(str.isdigit, secret))
    letters = sum(map(str.isalpha, secret))
    if digits < _MIN_MACHINE_DIGITS or letters < _MIN_MACHINE_LETTERS:
        return False
    return _in_words(secret) <= _MAX_WORD_SHARE * letters


def is_mixed(secret: str) -> bool:
    """Tell a generated password, also one of letters only, from a name or a sentence: its kinds of
    characters change more often, and hardly any words are in it."""
    kinds = "".join(map(_kind, secret))
    changes = sum(one != other for one, other in pairwise(kinds))
    letters = kinds.count("a") + kinds.count("A")
    return (
        {"a", "A"} <= set(kinds)
        and changes >= _MIN_MIXED_CHANGES * len(secret)
        and _in_words(secret, _SHORT_WORD) <= _MAX_MIXED_WORD_SHARE * letters
    )


def _kind(char: str) -> str:
    if char.isalpha():
        return "A" if char.isupper() else "a"
    return "0" if char.isdigit() else "-"


def _in_words(text: str, word_form: re.Pattern[str] = _WORD) -> int:
    """How many of its letters stand in what could be words."""
    return sum(
        len(word)
        for word in word_form.findall(text)
        if sum(char in _VOWELS for char in word) >= _MIN_VOWEL_SHARE * len(word)
    )


def entropy(text: str) -> float:
    """Shannon's entropy of a text's own characters, in bits a character."""
    total = len(text)
    return -sum(n / total * log2(n / total) for n in Counter(text).values()) if total else 0.0
