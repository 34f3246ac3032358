"""Finds the values of Kubernetes Secrets that are written as JSON, also as a text within a text:
``kubectl apply`` keeps the whole Secret in an annotation, with a backslash before each quote.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

_KIND = re.compile(rb'"kind\\{0,15}"\s{0,99}:\s{0,99}\\{0,15}"Secret\\{0,15}"')
_HOLDER = re.compile(rb'(?<!\\)(\\{0,15})"(?:data|stringData)\\{0,15}"\s{0,99}:\s{0,99}(?=\{)')
_TOKEN = re.compile(rb'(?<!\\)\\*"|[{}\[\]:,]')


def json_values(data: bytes, is_value: Callable[[bytes], bool]) -> Iterator[tuple[int, int]]:
    """Yield where the values of Secrets are.

    :param is_value: whether what stands between the quotes is secret.
    """
    if _KIND.search(data) is None:
        return
    at = 0
    while (found := _HOLDER.search(data, at)) is not None:
        at, spans = _members(data, found.end(), len(found[1]))
        yield from (span for span in spans if is_value(data[slice(*span)]))


def _members(data: bytes, start: int, backslashes: int) -> tuple[int, list[tuple[int, int]]]:
    """The values of a flat object of texts.

    :param backslashes: how many stand before each quote that is the object's own.
    :returns: where it ends, and its values; none of one that holds something else, which is
        no Secret's (a schema of Secrets, for one).
    """
    spans: list[tuple[int, int]] = []
    opened = -1
    is_key = True
    for match in _TOKEN.finditer(data, start + 1):
        token = match[0]
        if token.endswith(b'"'):
            more = len(token) - 1 - backslashes
            # An odd number of backslashes more than that: the quote is the text's own.
            if opened < 0:
                opened = match.end()
            elif more >= 0 and more % (2 * (backslashes + 1)) == 0:
                if not is_key:
                    spans.append((opened, match.end() - 1 - backslashes))
                opened = -1
        elif opened < 0:
            if token == b"}":
                return match.end(), spans
            if token not in b":,":
                return match.end(), []
            is_key = token == b","
    return len(data), spans
