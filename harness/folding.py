"""One spelling for what people write in several: case, width, composed and decomposed letters.

Whatever is compared with what somebody typed (words, names of definitions, names of files) goes
through :func:`fold`, when it is stored and when it is asked for.
"""

from __future__ import annotations

from unicodedata import normalize

_INVISIBLE = dict.fromkeys(
    [0x00AD, 0x034F, 0x200C, 0x200D, 0x200E, 0x200F, 0x2060, 0xFEFF, *range(0xFE00, 0xFE10)]
)
"""Soft hyphen, joiners, direction marks, variation selectors: inside a word, no part of it. The
zero-width space is not among them, as it parts words of Thai and Khmer."""


def compose(text: str) -> str:
    """NFKC without invisible characters, the case kept: ``ｕｓｅｒ`` is ``user``, ``u`` with a
    combining diaeresis is ``ü``.

    :param text: any text; ASCII comes back as it is.
    """
    return text if text.isascii() else normalize("NFKC", text.translate(_INVISIBLE))


def fold(text: str) -> str:
    """The form in which two spellings are equal: composed, and without case (``ß`` is ``ss``).

    Accents count: ``resume`` and ``résumé`` are two words.

    :param text: any text.
    """
    if text.isascii():
        return text.lower()
    # Folding may leave letters that can be composed, and İ as i with a dot above.
    return normalize("NFKC", compose(text).casefold()).replace("i\u0307", "i")
