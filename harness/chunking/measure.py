"""How much of the embedding window each line takes, as prefix sums over the file's lines.

Sizes are fractions of a full chunk: 1.0 is ``max_chars`` non-whitespace characters or
:data:`TOKEN_BUDGET` estimated word pieces, whichever is reached first.
"""

from __future__ import annotations

import math
import re

import numpy as np
import numpy.typing as npt

# The window is 256 pieces; [CLS], [SEP] and the path header that is embedded with a chunk
# take up to 32 of them.
TOKEN_BUDGET = 224

_WORD = re.compile(r"[A-Za-z]+|[0-9]+|[^\sA-Za-z0-9]")


def _char_weights() -> npt.NDArray[np.float64]:
    weights = np.ones(256)
    weights[[9, 10, 11, 12, 13, 32]] = 0.0
    weights[0x80:0xC0] = 0.0  # UTF-8 continuation bytes: the lead byte counts for all
    return weights


def _token_weights() -> npt.NDArray[np.float64]:
    """Average word pieces per byte; words cost more at their first letter."""
    weights = np.ones(256)
    weights[:33] = 0.0
    weights[0x80:0xC0] = 0.0
    weights[ord("0") : ord("9") + 1] = 0.45
    weights[ord("A") : ord("Z") + 1] = 0.13
    weights[ord("a") : ord("z") + 1] = 0.13
    # A Hangul syllable decomposes into up to three jamo, each its own piece.
    weights[0xEA:0xEE] = 3.0
    return weights


_CHARS = _char_weights()
_TOKENS = _token_weights()
_IS_LETTER = np.zeros(256, dtype=bool)
_IS_LETTER[ord("A") : ord("Z") + 1] = True
_IS_LETTER[ord("a") : ord("z") + 1] = True
_WORD_START = 0.65


def line_costs(data: bytes, max_chars: int) -> tuple[list[float], list[int]]:
    """Measure every line of a file.

    :param data: the file, UTF-8.
    :param max_chars: non-whitespace characters of a full chunk.
    :returns: prefix sums of the lines' sizes, ``(lines + 1,)``, and the byte offset at which
        each line starts, ``(lines,)``.
    """
    raw = np.frombuffer(data, dtype=np.uint8)
    newlines = np.flatnonzero(raw == 10)
    ends = np.append(newlines, len(raw))
    letters = _IS_LETTER[raw]
    tokens = _TOKENS[raw]
    tokens[1:][letters[1:] & ~letters[:-1]] += _WORD_START
    if len(raw) and letters[0]:
        tokens[0] += _WORD_START
    sizes = np.maximum(
        _per_line(_CHARS[raw], ends) / max_chars, _per_line(tokens, ends) / TOKEN_BUDGET
    )
    prefix = np.concatenate(([0.0], np.cumsum(sizes)))
    starts = np.concatenate(([0], newlines + 1))
    return prefix.tolist(), starts.tolist()


def _per_line(
    weights: npt.NDArray[np.float64], ends: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    total = np.concatenate(([0.0], np.cumsum(weights)))
    return np.diff(total[ends], prepend=0.0)


def estimated_tokens(text: str) -> int:
    """A careful estimate of MiniLM's word pieces in ``text``, without a tokenizer."""
    total = 0
    for word in _WORD.findall(text):
        size = len(word)
        first = word[0]
        if "0" <= first <= "9":
            total += math.ceil(size * 0.7)
        elif size > 1:
            # Runs of letters this long are not words but hashes, base64 or minified data.
            total += math.ceil(size * (0.27 if size <= 20 else 0.6))
        else:
            total += 3 if "\uac00" <= first <= "\ud7a3" else 1
    return total


def fits_by_estimate(text: str) -> bool:
    """Whether ``text`` fits the window with room for its header, by estimate."""
    return estimated_tokens(text) <= TOKEN_BUDGET
