"""Options that several commands have, with the same words."""

from __future__ import annotations

from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
Repo = Annotated[str | None, typer.Option(help="Only this repository: name or folder.")]
Language = Annotated[
    str | None, typer.Option(help="Only this language, such as python, C++ or .ts.")
]
PathGlob = Annotated[
    str | None,
    typer.Option(metavar="GLOB", help="Only paths that match, such as 'src/**' or '!tests'."),
]
Passages = Annotated[int, typer.Option(help="Number of passages.")]
Model = Annotated[str | None, typer.Option(help="Chat model. Default: CHAT_MODEL.")]
Include = Annotated[
    list[str] | None, typer.Option(help="Only paths that match this glob; repeatable.")
]
Exclude = Annotated[
    list[str] | None, typer.Option(help="No paths that match this glob; repeatable.")
]
