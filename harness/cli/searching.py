"""What ``harness search`` does, once its arguments are read.

The usual arguments are read here, because the library that reads all others takes longer to load
than a service takes for the search. Nothing slow is imported unless it is needed.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any, NamedTuple

from harness.cli import process
from harness.cli.lines import error, printable, printable_name
from harness.text import encodable

_WITH_VALUE = {"--repo": "repo", "--lang": "lang", "--path": "path", "--limit": "limit"}
_FLAGS = {"--explain": "explain", "--json": "as_json"}
_DATA_DIR = "HARNESS_DATA_DIR"
_TITLE, _DIM = "1;36", "2"
_TITLE_WITHOUT_COLOUR = "1"


class Asked(NamedTuple):
    """The arguments of the command, see :func:`harness.cli.search.search`."""

    query: str
    repo: str | None = None
    lang: str | None = None
    path: str | None = None
    limit: int = 10
    explain: bool = False
    as_json: bool = False


def read(arguments: list[str]) -> Asked | None:
    """Read the arguments of a search.

    :param arguments: without the program's name.
    :returns: None for other commands, and for whatever is less usual: the parser decides.
    """
    if arguments[:1] != ["search"]:
        return None
    words: list[str] = []
    given: dict[str, Any] = {}
    rest = iter(arguments[1:])
    for argument in rest:
        name, equals, value = argument.partition("=")
        if not argument.startswith("-"):
            words.append(argument)
        elif argument in _FLAGS and _FLAGS[argument] not in given:
            given[_FLAGS[argument]] = True
        elif name in _WITH_VALUE and _WITH_VALUE[name] not in given:
            found = value if equals else next(rest, "-")
            if found.startswith("-"):
                return None
            given[_WITH_VALUE[name]] = found
        else:
            return None
    limit = given.pop("limit", "10")
    if len(words) != 1 or not (limit.isascii() and limit.isdigit()):
        return None
    return Asked(encodable(words[0]), limit=int(limit), **given)


def found_at_hand(asked: Asked) -> dict[str, Any] | None:
    """What the service of this machine finds; None when it is not there or not to be asked."""
    set_ = {name.upper(): value for name, value in os.environ.items() if value}
    if "HARNESS_URL" in set_ or "_HARNESS_COMPLETE" in set_:
        return None
    data_dir = set_.get(_DATA_DIR)
    if data_dir is None:
        from harness.home import default_data_dir

        data_dir = str(default_data_dir())
    if not data_dir.startswith("/"):
        return None
    from harness import local_service

    request = {
        "query": asked.query,
        "repo": asked.repo,
        "language": asked.lang,
        "path_glob": asked.path,
        "limit": asked.limit,
    }
    return local_service.ask(data_dir, request)


def find(asked: Asked) -> dict[str, Any]:
    """What the service that ``HARNESS_URL`` names finds, or else the index of this machine, opened
    for it: a document of :mod:`harness.search.shown`.

    :raises HarnessError: as :func:`harness.search.retrieval.find`, and whatever keeps the index
        from being opened or the service from answering.
    """
    if process.is_for_one_command():
        # To look for plugins of the library that checks settings takes as long as to check them.
        os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    from harness.configured import open_engines, open_service
    from harness.search.shown import shown

    filters: dict[str, Any] = {
        "repo": asked.repo,
        "language": asked.lang,
        "path_glob": asked.path,
        "limit": asked.limit,
    }
    service = open_service()
    if service is not None:
        with service:
            return shown(asked.query, service.search(asked.query, **filters, explain=asked.explain))
    from harness.search import retrieval

    engines = open_engines()
    try:
        return shown(asked.query, retrieval.find(asked.query, engines, **filters))
    finally:
        if process.is_for_one_command():
            engines.store.leave()
            process.hold(engines)
        else:
            engines.__exit__()


def show(asked: Asked, found: dict[str, Any]) -> None:
    """Print what was found.

    :param found: as :func:`find` returns it.
    """
    hits = found["results"]
    parts = found["parts"] if asked.explain else []
    if asked.as_json:
        names = ["query", "results", "match", "matches_well", "reworded"]
        names += ["parts"] * asked.explain
        print(json.dumps({name: found[name] for name in names}, indent=2))
        return
    if found["reworded"]:
        error(f"searched for: {printable(found['reworded'])}")
    if not hits:
        error("nothing found; try other words, or fewer filters")
        return
    if not found["matches_well"]:
        error("nothing matches well; this is the nearest")
    several = len({hit["repo"] for hit in hits}) > 1
    style = _Styles()
    for number, (hit, (first, lines)) in enumerate(zip(hits, found["excerpts"], strict=True)):
        where = f"{hit['repo']}/{hit['path']}" if several else hit["path"]
        place = printable_name(f"{where}:{hit['start_line']}-{hit['end_line']}")
        title = printable(f"  {hit['symbol']}") if hit["symbol"] else ""
        print(f"{style(place, _TITLE)}{style(title, _DIM)}")
        if number < len(parts):
            said = ", ".join(f"{name} {value:+.2f}" for name, value in parts[number].items())
            print(style(f"        {hit['score']:.2f} = {said}", _DIM))
        for offset, line in enumerate(lines):
            at = min(first + offset, hit["end_line"])
            print(f"{at:6}  {printable(line.rstrip())}".expandtabs(8))
        print()


class _Styles:
    """Sets a text off where stdout is a terminal that can, by the variables that decide it for
    the library that shows everything else, too."""

    def __init__(self) -> None:
        wanted = {"0": False, "1": True}.get(os.environ.get("TTY_COMPATIBLE", ""))
        if wanted is None and "FORCE_COLOR" in os.environ:
            wanted = bool(os.environ["FORCE_COLOR"])
        if wanted is None:
            wanted = sys.stdout.isatty()
        self._on = wanted and os.environ.get("TERM", "").lower() not in ("dumb", "unknown")
        self._without_colour = bool(os.environ.get("NO_COLOR"))

    def __call__(self, text: str, style: str) -> str:
        if not self._on or not text:
            return text
        if self._without_colour and style == _TITLE:
            style = _TITLE_WITHOUT_COLOUR
        return f"\x1b[{style}m{text}\x1b[0m"
