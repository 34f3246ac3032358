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
_LONG_RUN = 0.4  # each letter after these of a run: hashes, sequences, base64
_USUAL_RUN = 14

_Floats = npt.NDArray[np.float64]
_OTHER, _LOWER, _UPPER, _DIGIT = range(4)


def _tables() -> tuple[_Floats, _Floats, npt.NDArray[np.intp]]:
    """Characters by byte; word pieces by class of the byte before and byte, ``(4 * 256,)``; what a
    byte's class adds to the place of the byte after it."""
    chars = np.ones(256)
    chars[[9, 10, 11, 12, 13, 32]] = 0.0
    chars[0x80:0xC0] = 0.0  # UTF-8 continuation bytes: the lead byte stands for the character
    tokens = np.ones(256) * 1.08
    tokens[:33] = 0.0
    tokens[0x80:0xC0] = 0.0
    classes = np.zeros(256, dtype=np.intp)
    for letter_class, first, last in ((_LOWER, "a", "z"), (_UPPER, "A", "Z"), (_DIGIT, "0", "9")):
        members = slice(ord(first), ord(last) + 1)
        classes[members] = letter_class
        tokens[members] = 0.62 if letter_class == _DIGIT else 0.05
    # A Hangul syllable decomposes into up to three jamo, each a piece of its own.
    tokens[0xEA:0xEE] = 3.0
    after = np.tile(tokens, (4, 1))
    is_letter = (classes == _LOWER) | (classes == _UPPER)
    after[np.ix_([_OTHER, _DIGIT], is_letter)] += _WORD_START
    after[np.ix_([_OTHER, _LOWER, _UPPER], classes == _DIGIT)] += _NUMBER_START
    after[_LOWER, classes == _UPPER] += _HUMP
    return chars, after.ravel(), classes * 256


_CHARS, _TOKENS, _AFTER = _tables()
_NO_LETTER = ~np.isin(_AFTER, (_LOWER * 256, _UPPER * 256))


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
    places = raw.astype(np.intp)
    chars = _per_line(_CHARS[places], ends)
    sizes = np.maximum(chars / max_chars, _per_line(_pieces(places), ends) / max_tokens)
    return [0.0, *np.cumsum(sizes).tolist()]


def estimated_tokens(text: str) -> int:
    """Word pieces of ``text``, estimated."""
    raw = np.frombuffer(text.encode("utf-8", "surrogatepass"), dtype=np.uint8)
    return math.ceil(float(_pieces(raw.astype(np.intp)).sum()))


def fits_by_estimate(text: str) -> bool:
    """Whether ``text`` is estimated to fit the window and leave room for its header."""
    return estimated_tokens(text) <= CAREFUL_TOKEN_BUDGET


def _pieces(places: npt.NDArray[np.intp]) -> _Floats:
    """Estimated word pieces per byte, ``(n,)``.

    :param places: the bytes, as places in a table.
    """
    after = places.copy()
    after[1:] += _AFTER[places[:-1]]
    tokens = _TOKENS[after]
    # Where there is no letter, and so before and behind each run of letters; few runs are long.
    bounds = np.concatenate(([-1], np.flatnonzero(_NO_LETTER[places]), [len(places)]))
    for at in np.flatnonzero(np.diff(bounds) > _USUAL_RUN + 1).tolist():
        tokens[bounds[at] + 1 + _USUAL_RUN : bounds[at + 1]] += _LONG_RUN
    return tokens


def _per_line(weights: _Floats, ends: npt.NDArray[np.intp]) -> _Floats:
    total = np.empty(len(weights) + 1)
    total[0] = 0.0
    np.cumsum(weights, out=total[1:])
    sums = total[ends]
    sums[1:] -= sums[:-1]
    return sums
