"""Text from outside that is not valid Unicode, or shows something else than it holds: one rule
for all of it."""

from __future__ import annotations

# Control characters but tab and those that end lines and pages; and those of UAX 9 that change the
# order in which what follows is shown: code that reads otherwise than it runs (CVE-2021-42574).
_UNSEEN = {
    code: f"⟨U+{code:04X}⟩"
    for codes in ((0, 9), (11, 12), (14, 32), (0x7F, 0xA0), (0x202A, 0x202F), (0x2066, 0x206A))
    for code in range(*codes)
}


def visible(text: str) -> str:
    """A text for a page, on which nothing unseen changes how the rest is shown: characters that
    would are named instead, as ``⟨U+202E⟩``. Marks that a script needs for its own words stay."""
    return text.translate(_UNSEEN)


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
