"""How much of the embedding window a text takes, estimated without a tokenizer.

The weights were fitted by least squares to MiniLM's word pieces in 8,000 blocks of 25 lines of
Python, JavaScript, C, JSON and Markdown; 90 % of those estimates are within 9 %. Weights for what
is rare there were added: non-Latin scripts, and long runs of letters that are no words.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

# The window is 256 pieces. [CLS], [SEP] and the path header that is embedded with a chunk take
# about 20 of them; the rest allows for the estimate's error.
TOKEN_BUDGET = 224
# Without an exact check the margin has to be larger: one chunk of ordinary code in a thousand
# has 1.2 times as many pieces as estimated.
CAREFUL_TOKEN_BUDGET = 188

_WORD_START = 0.93
_NUMBER_START = 0.3
_HUMP = 1.6  # camelCase: once lower-cased, word pieces rarely match its parts
_LONG_RUN = 0.4  # each letter after the 14th of a run: hashes, sequences, base64

_Floats = npt.NDArray[np.float64]
_LOWER, _UPPER, _DIGIT = 1, 2, 3


def _byte_tables() -> tuple[_Floats, _Floats, npt.NDArray[np.uint8]]:
    chars = np.ones(256)
    chars[[9, 10, 11, 12, 13, 32]] = 0.0
    chars[0x80:0xC0] = 0.0  # UTF-8 continuation bytes: the lead byte stands for the character
    tokens = np.ones(256) * 1.08
    tokens[:33] = 0.0
    tokens[0x80:0xC0] = 0.0
    classes = np.zeros(256, dtype=np.uint8)
    for letter_class, first, last in ((_LOWER, "a", "z"), (_UPPER, "A", "Z"), (_DIGIT, "0", "9")):
        members = slice(ord(first), ord(last) + 1)
        classes[members] = letter_class
        tokens[members] = 0.62 if letter_class == _DIGIT else 0.05
    # A Hangul syllable decomposes into up to three jamo, each a piece of its own.
    tokens[0xEA:0xEE] = 3.0
    return chars, tokens, classes


_CHARS, _TOKENS, _CLASSES = _byte_tables()


def line_sizes(data: bytes, max_chars: int, max_tokens: int) -> list[float]:
    """Measure every line of a file.

    :param data: the file, UTF-8.
    :param max_chars: non-whitespace characters of a full chunk.
    :param max_tokens: estimated word pieces of a full chunk.
    :returns: prefix sums ``(lines + 1,)`` of the lines' sizes as fractions of a full chunk:
        ``max_chars`` or ``max_tokens``, whichever is reached first.
    """
    raw = np.frombuffer(data, dtype=np.uint8)
    ends = np.append(np.flatnonzero(raw == 10), len(raw))
    sizes = np.maximum(
        _per_line(_CHARS[raw], ends) / max_chars, _per_line(_pieces(raw), ends) / max_tokens
    )
    result: list[float] = np.concatenate(([0.0], np.cumsum(sizes))).tolist()
    return result


def estimated_tokens(text: str) -> int:
    """Word pieces of ``text``, estimated."""
    raw = np.frombuffer(text.encode("utf-8", "surrogatepass"), dtype=np.uint8)
    return math.ceil(float(_pieces(raw).sum()))


def fits_by_estimate(text: str) -> bool:
    """Whether ``text`` is estimated to fit the window and leave room for its header."""
    return estimated_tokens(text) <= CAREFUL_TOKEN_BUDGET


def _pieces(raw: npt.NDArray[np.uint8]) -> _Floats:
    """Estimated word pieces per byte, ``(n,)``."""
    tokens = _TOKENS[raw]
    if len(raw) == 0:
        return tokens
    classes = _CLASSES[raw]
    is_letter = (classes == _LOWER) | (classes == _UPPER)
    is_digit = classes == _DIGIT
    word_start = is_letter.copy()
    word_start[1:] &= ~is_letter[:-1]
    tokens[word_start] += _WORD_START
    number_start = is_digit.copy()
    number_start[1:] &= ~is_digit[:-1]
    tokens[number_start] += _NUMBER_START
    tokens[1:][(classes[1:] == _UPPER) & (classes[:-1] == _LOWER)] += _HUMP
    run = is_letter
    for distance in (1, 2, 4, 7):  # in the end: whether the 14 bytes before are letters, too
        longer = run.copy()
        longer[:distance] = False
        longer[distance:] &= run[:-distance]
        run = longer
    tokens[run] += _LONG_RUN
    return tokens


def _per_line(weights: _Floats, ends: npt.NDArray[np.int64]) -> _Floats:
    total = np.concatenate(([0.0], np.cumsum(weights)))
    return np.diff(total[ends], prepend=0.0)
