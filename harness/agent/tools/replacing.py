"""Finds the one place in a text that an edit means, and changes nothing else."""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Sequence

from harness.agent.tools.file_text import BOM, FileText, matching_blocks
from harness.errors import UsageError
from harness.repository.credentials import redact

_NUMBERED = re.compile(r"^\s*(\d+)\| ?")
_MAX_PLACES = 10
# An edit that adds as much as this, which all stands below already, only repeats it; directly
# below, two lines are enough.
_REPEATED_LINES, _REPEATED_CHARS = 3, 40
_REPEATED_WITHIN = 8
_REPEATED_NEXT = 2
_BLANKS = " \t\r"


def replace_once(text: str, search: str, replace: str, path: str) -> str:
    """Replace the only occurrence of a text, and keep every other byte.

    Tried in this order: exactly as given; without the line numbers that read_file adds; ignoring
    blanks at line ends, where lines that the edit keeps also keep their blanks. Indentation is
    never guessed. Deleting whole lines takes their line ends along, deleting the end of a line
    does not.

    :param text: a file's text, with a byte order mark and line ends as they are.
    :param path: the file's name, for messages.
    :raises UsageError: it does not occur, or more than once, or what is added already stands below
        it; the message shows where to look.
    """
    file = FileText.parse(text)
    if file.bom and search.startswith(BOM):
        file = file.without_bom()
    search, replace = file.as_plain(search), file.as_plain(replace)
    plain = file.plain
    places = _places(plain, search)
    if len(places) > 1:
        lines = [plain.count("\n", 0, place) + 1 for place in places]
        raise _occurs(lines, path)
    if places:
        start = places[0]
    else:
        start, search, replace = _as_the_file_has_it(file, search, replace, path)
    stop = start + len(search)
    _refuse_repeated(plain[stop:], search, replace, path)
    whole_lines = (start == 0 or plain[start - 1] == "\n") and plain[stop : stop + 1] == "\n"
    if not replace and whole_lines and not search.endswith("\n"):
        stop += 1
    return file.replaced(start, stop, replace).text


def _refuse_repeated(below: str, search: str, replace: str, path: str) -> None:
    """Refuse an edit that keeps the first line of a part and writes the rest of it a second time.

    Seen with a small model: it searched for the head of a function and sent the whole of it, four
    times, and each time there was one body more; and it sent the same two lines eight times.
    """
    if not replace.startswith(search):
        return
    added = [line.strip() for line in replace[len(search) :].split("\n") if line.strip()]
    if len(added) < _REPEATED_NEXT or sum(map(len, added)) < _REPEATED_CHARS:
        return
    following = [line.strip() for line in below.split("\n") if line.strip()]
    rest = iter(following[: len(added) + _REPEATED_WITHIN])
    if following[: len(added)] == added or (
        len(added) >= _REPEATED_LINES and all(line in rest for line in added)  # in this order
    ):
        raise UsageError(
            f"{path}: the {len(added)} lines that the edit adds already stand below the search "
            "text, so it would only repeat them. To change lines, put these lines into the search "
            "text"
        )


def _places(text: str, search: str) -> list[int]:
    """Return where a text occurs, places that overlap included."""
    places: list[int] = []
    at = text.find(search)
    while at >= 0 and len(places) <= _MAX_PLACES:
        places.append(at)
        at = text.find(search, at + 1)
    return places


def _as_the_file_has_it(
    file: FileText, search: str, replace: str, path: str
) -> tuple[int, str, str]:
    """Return the place, the search text and the replacement in the file's own words, when blanks
    or line numbers are all that is different."""
    if not search.strip():
        raise UsageError(f"{path}: the search text is blank and does not occur; copy whole lines")
    wanted, new = _without_numbers(search.split("\n"), replace.split("\n"), path)
    if wanted[-1].endswith("\r"):  # half of a line end
        new[-1] = new[-1].removesuffix("\r")
    tail = len(wanted) > 1 and wanted[-1] == ""
    bare = [line.rstrip(_BLANKS) for line in (wanted[:-1] if tail else wanted)]
    have = [line.rstrip(_BLANKS) for line in file.lines]
    starts = range(len(have) - len(bare) + (0 if tail else 1))
    places = [
        start
        for start in starts
        if have[start] == bare[0] and have[start : start + len(bare)] == bare
    ]
    if not places:
        raise UsageError(f"{path}: the search text does not occur. {_closest(file.plain, bare)}")
    if len(places) > 1:
        raise _occurs([place + 1 for place in places], path)
    found = [*file.lines[places[0] : places[0] + len(bare)], *([""] if tail else [])]
    start = sum(len(line) + 1 for line in file.lines[: places[0]])
    return start, "\n".join(found), "\n".join(_keep_blanks(wanted, new, found))


def _without_numbers(wanted: list[str], new: list[str], path: str) -> tuple[list[str], list[str]]:
    """Take off the line numbers of read_file, when all lines of the search text have them.

    :raises UsageError: only some lines of the replacement have them.
    """
    # The empty line after a last line end has none.
    matches = [_NUMBERED.match(line) for line in (wanted[:-1] if wanted[-1] == "" else wanted)]
    numbers = [int(match[1][:9]) for match in matches if match is not None]
    steps = itertools.pairwise(numbers)
    if not numbers or len(numbers) < len(matches) or any(b != a + 1 for a, b in steps):
        return wanted, new
    numbered = [bool(_NUMBERED.match(line)) for line in new if line]
    if any(numbered) and not all(numbered):
        raise UsageError(
            f"{path}: some lines of the replacement have line numbers and some have none; send "
            "search and replace without line numbers"
        )
    return [_NUMBERED.sub("", line) for line in wanted], [_NUMBERED.sub("", line) for line in new]


def _keep_blanks(wanted: Sequence[str], new: Sequence[str], found: Sequence[str]) -> list[str]:
    """Return the new lines; those that the edit does not change as the file has them."""
    lines = list(new)
    bare, new_bare = ([line.rstrip(_BLANKS) for line in part] for part in (wanted, new))
    for block in matching_blocks(bare, new_bare):
        for old, at in zip(block.of_old, block.of_new, strict=True):
            if wanted[old] == new[at]:
                lines[at] = found[old]
    return lines


def _occurs(lines: Sequence[int], path: str) -> UsageError:
    times = f"{len(lines)} times" if len(lines) <= _MAX_PLACES else "many times"
    numbers = [str(number) for number in dict.fromkeys(lines)][:_MAX_PLACES]
    where = f"line{'s' if len(numbers) > 1 else ''} {', '.join(numbers)}"
    return UsageError(
        f"{path}: the text occurs {'twice' if len(lines) == 2 else times} ({where}); add lines "
        "before or after it"
    )


def _closest(plain: str, wanted: Sequence[str]) -> str:
    # By the whole file, as read_file shows it: a line of a key does not look like one.
    have = [line.rstrip(_BLANKS) for line in redact(plain).split("\n")]
    first = next((line for line in wanted if line.strip()), "")
    close = difflib.get_close_matches(first, have[:5000], 1, 0.5)
    if not close:
        return "Read the file again and copy the lines exactly."
    start = have.index(close[0])
    shown = "\n".join(have[start : start + min(len(wanted), 12)])
    return f"Closest, from line {start + 1}; copy exactly:\n{shown}"
