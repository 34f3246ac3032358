"""``harness search``."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.text import encodable

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
    from harness.cli import searching

    asked = searching.Asked(encodable(query), repo, lang, path, limit, explain, as_json)
    searching.show(asked, searching.find(asked))
