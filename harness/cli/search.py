"""``harness search``."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.cli.options import AsJson, Language, Passages, PathGlob, Repo
from harness.text import encodable


def search(
    query: Annotated[
        str, typer.Argument(help="What to look for: words, a name, a question, path:line.")
    ],
    repo: Repo = None,
    lang: Language = None,
    path: PathGlob = None,
    limit: Passages = 10,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say what each passage's score is the sum of.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Find passages, best first."""
    from harness.cli import searching

    asked = searching.Asked(encodable(query), repo, lang, path, limit, explain, as_json)
    searching.show(asked, searching.find(asked))
