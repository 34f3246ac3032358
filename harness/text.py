"""Text from outside that is not valid Unicode: one rule for all of it."""

from __future__ import annotations


def encodable(text: str) -> str:
    """The text with everything that UTF-8 cannot hold replaced by its escape (``\\xe9``).

    Arguments and file names are bytes: what is not UTF-8 in them arrives as lone surrogates, as
    does every other letter in a locale of ASCII. No tokenizer, database or JSON parser takes these.
    """
    try:
        data = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half of a pair, which JSON may hold
        data = text.encode("utf-8", "backslashreplace")
    return data.decode("utf-8", "backslashreplace")
