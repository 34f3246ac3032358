"""Citations in an answer, checked against the files.

Understood are ``path:line``, ``path:start-end``, ``path#L10`` and ``path#L10-L20``. A citation is
verified when the file exists in the repository, has those lines, and they have to do with the claim
(:mod:`harness.agent.claim_words`). The end of a path is enough when only one file of the repository
ends that way.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from harness import charsets
from harness.agent.claim_words import bears_out, claim_around
from harness.agent.envelope import Citation
from harness.agent.sources import definitions_in
from harness.errors import HarnessError
from harness.workspace.copies import list_files
from harness.workspace.paths import ConfinedTree

UNVERIFIED = " [unverified]"
SLACK_LINES = 1
MAX_AROUND_LINES = 200
_CITATION = re.compile(
    r"(?<![\w./@:+-])(?P<path>(?:\./)?[\w@+.][\w@+./-]*?)"
    r"(?::L?(?P<line>\d{1,7})(?:[-–]L?(?P<end>\d{1,7}))?"
    r"|#L(?P<hash>\d{1,7})(?:[-–]L?(?P<hash_end>\d{1,7}))?)(?![\w/])"
)
_FILE_NAME = re.compile(r"\.[A-Za-z][A-Za-z0-9_+-]{0,9}$")
_HOST = re.compile(r"^(\d+(\.\d+)+|localhost|[\w-]+(\.[\w-]+)*\.(com|org|net|io|dev|local|svc))$")
_URL = re.compile(r"(?<!\w)\w+://\S+")


def check_citations(
    answer: str, tree: ConfinedTree, repo: str = ""
) -> tuple[str, tuple[Citation, ...]]:
    """Return the answer with unverified citations marked, and all citations, each once.

    :param repo: the repository's name in the index, which each citation carries.
    """
    urls = [match.span() for match in _URL.finditer(answer)]
    names: list[str] | None = None
    found: dict[Citation, None] = {}
    marked, position = [], 0
    for match in _CITATION.finditer(answer):
        if any(start <= match.start() < end for start, end in urls):
            continue
        start = int(match["line"] or match["hash"])
        end = int(match["end"] or match["hash_end"] or start)
        path = match["path"].removeprefix("./")
        known = _exists(tree, path)
        if not known and names is None:
            names = list_files(tree.root)
        if not known:
            owner = _only_file_named(path, names or ())
            if owner is None and not _looks_like_file(path):
                continue
            known, path = owner is not None, owner or path
        verified = known and _holds(tree, path, start, end, _claim(answer, match))
        found[Citation(path, start, end, verified, repo)] = None
        if not verified:
            # After a closing backtick, so that the citation stays whole.
            after = match.end() + (1 if answer[match.end() : match.end() + 1] == "`" else 0)
            marked += [answer[position:after], UNVERIFIED]
            position = after
    return "".join([*marked, answer[position:]]), tuple(found)


def _exists(tree: ConfinedTree, path: str) -> bool:
    try:
        return tree.resolve(path).is_file()
    except HarnessError:
        return False


def _only_file_named(path: str, names: Sequence[str]) -> str | None:
    matches = [name for name in names if name == path or name.endswith(f"/{path}")]
    return matches[0] if len(matches) == 1 else None


def _looks_like_file(path: str) -> bool:
    if _HOST.match(path):
        return False
    return "/" in path or _FILE_NAME.search(PurePosixPath(path).name) is not None


def _claim(answer: str, match: re.Match[str]) -> str:
    return without_citations(claim_around(answer, match.start(), match.end()))


def without_citations(text: str) -> str:
    """Return a text without its citations and URLs."""
    return _CITATION.sub(" ", _URL.sub(" ", text))


def _holds(tree: ConfinedTree, path: str, start: int, end: int, claim: str) -> bool:
    try:
        text = charsets.readable(tree.read_bytes(path)).replace("\r\n", "\n")
    except HarnessError:
        return False
    lines = text.removesuffix("\n").split("\n") if text else []
    if not 1 <= start <= end <= len(lines):
        return False
    around = [
        one.name
        for one in definitions_in(path, text)
        if one.start <= start and end <= one.end and one.end - one.start <= MAX_AROUND_LINES
    ]
    # A model that counts lines is one off now and then.
    cited = lines[max(0, start - 1 - SLACK_LINES) : end + SLACK_LINES]
    own = lines[start - 1 : end]
    blank = not any(character.isalnum() for line in own for character in line)
    return not blank and bears_out(claim, cited, [PurePosixPath(path).stem, *around])
