"""What a tool answers: a text for a model, the same as data, and never more than a client takes.

Pure functions. Lines are 1-based and inclusive. The text of an answer is short: a place a line, as
``path:start-end``, because every word of it is paid for by the model that reads it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from harness.search.definitions import Definition
from harness.search.excerpts import shorten
from harness.search.indexed_file import IndexedFile
from harness.search.repository_map import RepositoryMap
from harness.search.symbols import SymbolPlace, SymbolPlaces
from harness.text import encodable
from harness.types import Hit

MAX_CHARS = 60_000
"""Of an answer's text: about 15,000 tokens. What does not fit is left to another page."""

MAX_LINES = 2_000
"""Most lines of a file in one answer."""

_MAX_LINE_CHARS = 2_000
_CUT = " … (cut)"


@dataclass(frozen=True, slots=True)
class Answer:
    """``repositories`` are those that the answer is about, for the audit log."""

    text: str
    document: Mapping[str, Any]
    repositories: frozenset[str] = frozenset()


def of_hits(
    query: str,
    hits: Sequence[Hit],
    places: Mapping[str, str],
    *,
    full_text: bool,
    more: bool,
    offset: int = 0,
    matches_well: bool = True,
    reworded: str = "",
) -> Answer:
    """Passages, best first.

    :param places: of each repository its folder or URL, empty where it is not told.
    :param full_text: with all lines of each, as long as there is room; else the best one.
    :param more: whether there are further ones.
    :param matches_well: whether they are worth reading.
    :param reworded: what was searched for instead, or empty.
    """
    several = len({hit.repo for hit in hits}) > 1
    lines = _heads(places, {hit.repo for hit in hits})
    if reworded:
        lines.append(f"Searched for: {reworded}")
    if hits and not matches_well:
        lines.append("Nothing matches well; this is the nearest:")
    room = MAX_CHARS
    shown: list[Hit] = []
    short = 0
    for hit in hits:
        where = f"{hit.repo}/{hit.path}" if several else hit.path
        lines.append(f"{where}:{hit.start_line}-{hit.end_line}  {hit.symbol}".rstrip())
        if full_text and len(hit.text) <= room:
            room -= len(hit.text)
            body = hit.text.split("\n")
            numbers = [min(hit.start_line + at, hit.end_line) for at in range(len(body))]
            lines += [f"{number:6}  {line}" for number, line in zip(numbers, body, strict=True)]
            shown.append(hit)
            continue
        short += full_text
        number, best = shorten(query, hit, 1)
        line = _cut(best[0].strip(), 300)
        lines.append(f"{number:6}  {line}")
        shown.append(replace(hit, text=line))
    if not hits:
        lines.append("Nothing found; try other words, or fewer filters.")
    if short:
        lines.append(f"({short} are shortened for want of room: read_file has their lines)")
    if more:
        lines.append(f"(more with offset={offset + len(hits)})")
    document = {
        "query": query,
        "results": [asdict(hit) for hit in shown],
        "more": more,
        "matches_well": matches_well,
        "reworded": reworded,
        "repositories": {hit.repo: places.get(hit.repo, "") for hit in shown},
    }
    return _answer(lines, document, {hit.repo for hit in hits})


def of_symbol(found: SymbolPlaces, places: Mapping[str, str]) -> Answer:
    """Definitions, then uses."""
    every = (*found.definitions, *found.references)
    repos = {place.repo for place in every}
    several = len(repos) > 1
    lines = _heads(places, repos)
    for title, these in (("Defined:", found.definitions), ("Used:", found.references)):
        if these:
            lines += [title, *(_place(place, several) for place in these)]
    if not every:
        lines.append(f"No indexed file has the name {found.name!r}; search finds what is alike.")
    if not found.complete:
        lines.append("(there may be more: raise limit, or name a repo)")
    document = asdict(found) | {"repositories": {repo: places.get(repo, "") for repo in repos}}
    return _answer(lines, document, repos)


def of_file(file: IndexedFile, place: str, start: int, end: int | None) -> Answer:
    """Lines of a file, as many as there is room for; ``next_line`` is where to go on, None at the
    end of what was asked for. Of a line that is too long there is a part.

    :param start: not behind the file's end.
    :param end: None: the file's.
    """
    total = len(file.lines)
    wanted = min(end or total, total)
    room = MAX_CHARS
    body: list[str] = []
    for line in file.lines[start - 1 : min(wanted, start - 1 + MAX_LINES)]:
        cut = _cut(line, _MAX_LINE_CHARS)
        room -= len(cut) + 8
        if room < 0:
            break
        body.append(cut)
    last = start + len(body) - 1
    next_line = last + 1 if last < wanted else None
    head = f"{file.path}:{start}-{last} of {total} lines"
    lines = [*_heads({file.repo: place}, {file.repo}), head]
    lines += [f"{number:6}  {line}" for number, line in enumerate(body, start)]
    if next_line:
        lines.append(f"(more with start_line={next_line})")
    document = {
        "repo": file.repo,
        "path": file.path,
        "commit": file.commit,
        "language": file.language,
        "start_line": start,
        "end_line": last,
        "lines_total": total,
        "next_line": next_line,
        "text": "\n".join(body),
    }
    return _answer(lines, document, {file.repo})


def of_outline(file: IndexedFile, place: str, start: int) -> Answer:
    """The definitions from a line on; ``next_line`` is where to go on."""
    room = MAX_CHARS
    shown: list[Definition] = []
    next_line = None
    for one in file.definitions:
        if one.line < start:
            continue
        short = replace(one, text=_cut(one.text, 300))
        room -= len(short.text) + len(short.symbol) + 12
        if room < 0:
            next_line = one.line
            break
        shown.append(short)
    lines = [*_heads({file.repo: place}, {file.repo}), f"{file.path}: {len(file.lines)} lines"]
    lines += [f"{one.line:6}  {one.symbol}  {one.text}" for one in shown]
    if not file.definitions:
        lines.append("It defines nothing that has a name; read_file has its lines.")
    if next_line:
        lines.append(f"(more with start_line={next_line})")
    document = {
        "repo": file.repo,
        "path": file.path,
        "language": file.language,
        "lines_total": len(file.lines),
        "definitions": [asdict(one) for one in shown],
        "next_line": next_line,
    }
    return _answer(lines, document, {file.repo})


def of_map(found: RepositoryMap, place: str) -> Answer:
    """Files, the most important ones first, each with its most important definitions."""
    lines = _heads({found.repo: place}, {found.repo})
    for file in found.files:
        lines.append(file.path)
        lines += [f"{one.line:6}  {one.text}" for one in file.definitions]
    if found.files_total > len(found.files):
        shown = f"{len(found.files)} of {found.files_total} files"
        lines.append(f"({shown}: raise budget, or set focus)")
    return _answer(lines, asdict(found), {found.repo})


def of_envelope(document: Mapping[str, Any], readable: str) -> Answer:
    """An answer to a question."""
    repos = {str(one["repo"]) for one in document["citations"] if one["repo"]}
    error = document.get("error")
    return _answer([readable, *([f"({error})"] if error else [])], document, repos)


def of_statuses(repositories: Sequence[Mapping[str, Any]]) -> Answer:
    """What is indexed, a repository a line."""
    lines = [_status(one) for one in repositories] or ["Nothing is indexed yet."]
    names = {str(one["name"]) for one in repositories}
    return _answer(lines, {"repos": [dict(one) for one in repositories]}, names)


def _status(one: Mapping[str, Any]) -> str:
    place = one["path"] or one["source"]
    if not one["collection"]:
        return f"{one['name']}  {place}  registered, not indexed yet".replace("    ", "  ")
    parts = [
        str(one["name"]),
        str(place),
        f"{one['files']} files, {one['chunks']} chunks",
        f"at {str(one['commit'])[:9]}" if one["commit"] else "",
        f"indexed {one['indexed_at']}" if one["indexed_at"] else "",
        "incomplete" if one["incomplete"] else "",
        f"{one['failed']} files failed" if one["failed"] else "",
        *(f"warning: {warning}" for warning in one["warnings"]),
    ]
    return "  ".join(part for part in parts if part)


def _place(place: SymbolPlace, several: bool) -> str:
    where = f"{place.repo}/{place.path}" if several else place.path
    return f"{where}:{place.line}  {place.symbol}  {place.text}"


def _heads(places: Mapping[str, str], repos: Iterable[str]) -> list[str]:
    return [f"[{repo}] {places.get(repo, '')}".rstrip() for repo in sorted(repos)]


def _cut(line: str, chars: int) -> str:
    return line if len(line) <= chars else line[:chars] + _CUT


def _answer(lines: Iterable[str], document: Mapping[str, Any], repos: Iterable[str]) -> Answer:
    text = encodable("\n".join(lines))
    if len(text) > 2 * MAX_CHARS:  # many short things, each of which is bounded by itself
        text = text[: 2 * MAX_CHARS] + "\n(cut: ask for less, with a lower limit or a repo)"
    return Answer(text, _encodable(document), frozenset(repos))


def _encodable(value: Any) -> Any:
    if isinstance(value, str):
        return encodable(value)
    if isinstance(value, Mapping):
        return {encodable(str(key)): _encodable(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_encodable(one) for one in value]
    return value
