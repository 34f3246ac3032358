"""Tree-sitter parsers, one per language and thread, with a time limit for each file."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from tree_sitter import Language, Node, Parser, Range

# Some grammars backtrack endlessly on adversarial input; source files parse at 2-9 MB/s. The
# limit is on this thread's CPU time, so that a busy machine does not change the chunks.
_SECONDS_PER_MEGABYTE = 2.0
_MIN_SECONDS = 2.0

_local = threading.local()


@contextmanager
def time_for(size_bytes: int) -> Iterator[None]:
    """Limit the time of all parses in the block together: a file may hold hundreds of cells or
    scripts, each parsed on its own. The outermost block counts.

    :param size_bytes: of the file.
    """
    if getattr(_local, "seconds_left", None) is not None:
        yield
        return
    _local.seconds_left = _limit(size_bytes)
    try:
        yield
    finally:
        _local.seconds_left = None


def _limit(size_bytes: int) -> float:
    return max(_MIN_SECONDS, _SECONDS_PER_MEGABYTE * size_bytes / 1e6)


@cache
def _language(name: str) -> Language | None:
    from tree_sitter_language_pack import get_language

    try:
        return get_language(name)  # type: ignore[arg-type]
    except LookupError:
        return None


def parse(language: str, data: bytes, ranges: list[Range] | None = None) -> Node | None:
    """Parse UTF-8 ``data``; None without a grammar or when the time limit is reached."""
    grammar = _language(language)
    if grammar is None:
        return None
    parsers: dict[str, Parser] | None = getattr(_local, "parsers", None)
    if parsers is None:
        parsers = _local.parsers = {}
    parser = parsers.get(language)
    if parser is None:
        parser = parsers[language] = Parser(grammar)
    # An embedded part is confined to its range; an empty list means the whole document.
    parser.included_ranges = ranges or []
    seconds_left: float | None = getattr(_local, "seconds_left", None)
    limit = _limit(len(data)) if seconds_left is None else seconds_left
    began = time.thread_time()
    deadline, earliest = began + limit, time.monotonic() + limit

    def is_late(_offset: int, _error: bool) -> bool:
        # Asked for every hundred steps. A thread's time takes twenty times as long to read as the
        # clock, and cannot run faster.
        return time.monotonic() > earliest and time.thread_time() > deadline

    source = memoryview(data)
    lent: list[memoryview] = []

    def read(offset: int, _point: object) -> memoryview:
        part = source[offset : offset + 65536]
        lent.append(part)
        return part

    try:
        tree = parser.parse(read, progress_callback=is_late)
    except ValueError:  # raised when the progress callback cancels
        parser.reset()
        return None
    finally:
        # py-tree-sitter 0.26 never lets go of what it was given, and some scanners go back for
        # every word: 60 MB for 30 kB of Perl. What is left of a released view is 200 bytes.
        for part in lent:
            part.release()
        if seconds_left is not None:
            _local.seconds_left = seconds_left - (time.thread_time() - began)
    return tree.root_node


def parse_embedded(language: str, data: bytes, node: Node) -> Node | None:
    """Parse one node's text (a script inside HTML) as another language; rows stay the file's."""
    return parse(language, data, [node.range])
