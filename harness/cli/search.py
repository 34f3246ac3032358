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
    explain: Annotated[
        bool, typer.Option("--explain", help="Say what each passage's score is the sum of.")
    ] = False,
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
            answer = service.search(query, **filters, explain=explain)
    else:
        from harness.search import retrieval

        with open_engines() as engines:
            answer = retrieval.find(query, engines, **filters)
    hits = answer.hits
    parts = answer.parts if explain else ()
    if as_json:
        found: dict[str, Any] = {"match": answer.match, "matches_well": answer.matches_well}
        if explain:
            found["parts"] = parts
        console.print_json({"query": query, "results": hits, **found})
        return
    if not hits:
        console.error("nothing found; try other words, or fewer filters")
        return
    if not answer.matches_well:
        console.error("nothing matches well; this is the nearest")
    several = len({hit.repo for hit in hits}) > 1
    out = console.stdout()
    for number, hit in enumerate(hits):
        where = f"{hit.repo}/{hit.path}" if several else hit.path
        out.print(
            console.printable(f"{where}:{hit.start_line}-{hit.end_line}"),
            style="bold cyan",
            markup=False,
            end="",
        )
        title = f"  {hit.symbol}" if hit.symbol else ""
        out.print(console.printable(title), style="dim", markup=False)
        if number < len(parts):
            said = ", ".join(f"{name} {value:+.2f}" for name, value in parts[number].items())
            out.print(f"        {hit.score:.2f} = {said}", style="dim", markup=False)
        first, lines = shorten(query, hit, _LINES_SHOWN)
        for offset, line in enumerate(lines):
            at = min(first + offset, hit.end_line)
            out.print(f"{at:6}  {console.printable(line.rstrip())}", markup=False)
        out.print()
