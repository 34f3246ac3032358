"""``harness search``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from harness.cli import console
from harness.text import encodable

# Of each passage, those that share most with the query.
_LINES_SHOWN = 8

Language = Annotated[
    str | None, typer.Option(help="Only this language, such as python, C++ or .ts.")
]
PathGlob = Annotated[
    str | None,
    typer.Option(metavar="GLOB", help="Only paths that match, such as 'src/**' or '!tests'."),
]


def search(
    query: Annotated[
        str, typer.Argument(help="What to look for: words, a name, a question, path:line.")
    ],
    repo: Annotated[str | None, typer.Option(help="Only this repository: name or folder.")] = None,
    lang: Language = None,
    path: PathGlob = None,
    limit: Annotated[int, typer.Option(help="Number of passages.")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Find passages, best first."""
    from harness.configured import open_engines, open_service
    from harness.search.excerpts import shorten

    query = encodable(query)
    filters: dict[str, Any] = {"repo": repo, "language": lang, "path_glob": path, "limit": limit}
    service = open_service()
    if service is not None:
        with service:
            hits = service.search(query, **filters)
    else:
        from harness.search import retrieval

        with open_engines() as engines:
            hits = retrieval.search(query, engines, **filters)
    if as_json:
        console.print_json({"query": query, "results": hits})
        return
    if not hits:
        console.error("nothing found; try other words, or fewer filters")
        return
    several = len({hit.repo for hit in hits}) > 1
    out = console.stdout()
    for hit in hits:
        where = f"{hit.repo}/{hit.path}" if several else hit.path
        out.print(
            console.printable(f"{where}:{hit.start_line}-{hit.end_line}"),
            style="bold cyan",
            markup=False,
            end="",
        )
        out.print(console.printable(f"  {hit.symbol}"), style="dim", markup=False)
        first, lines = shorten(query, hit, _LINES_SHOWN)
        for offset, line in enumerate(lines):
            number = min(first + offset, hit.end_line)
            out.print(f"{number:6}  {console.printable(line.rstrip())}", markup=False)
        out.print()
