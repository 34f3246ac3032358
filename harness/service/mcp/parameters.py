"""The parameters of the tools, each described with an example for whoever calls them: a model."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from harness.search.related import MAX_RELATED
from harness.search.repository_map import MAX_BUDGET, MAX_FOCUS_CHARS

ALL_REPOSITORIES = "*"
"""Asks for every repository where one would be the default."""

Query = Annotated[
    str,
    Field(
        min_length=1,
        max_length=20_000,
        description="Words, a name, a question, path:line or a stack trace. On one line it may "
        'hold repo:, lang:, path:, kind:, symbol: and "exact words".',
        examples=["where are sessions signed", 'lang:python "max_age"'],
    ),
]
Repo = Annotated[
    str | None,
    Field(
        max_length=500,
        description="Only this repository: its name. Over stdio the current folder's repository is "
        "the default, when it is indexed; * is all of them.",
        examples=["web", ALL_REPOSITORIES],
    ),
]
OneRepo = Annotated[
    str | None,
    Field(
        max_length=500,
        description="Name of the repository that has the file, as in results. Not needed when "
        "only one is indexed, or for the current folder's over stdio.",
        examples=["web"],
    ),
]
Language = Annotated[
    str | None,
    Field(max_length=100, description="Only this language.", examples=["python", "C++", ".ts"]),
]
PathGlob = Annotated[
    str | None,
    Field(
        max_length=1_000,
        description="Only paths that match, as in .gitignore.",
        examples=["src/**", "!tests"],
    ),
]
Kind = Annotated[
    Literal["function", "class", "method", "module", "section", "data", "text"] | None,
    Field(description="Only passages of this kind; section is prose.", examples=["function"]),
]
Limit = Annotated[int, Field(ge=1, le=100, description="Most passages.", examples=[10])]
Related = Annotated[int, Field(ge=1, le=MAX_RELATED, description="Most passages.", examples=[10])]
Places = Annotated[
    int,
    Field(ge=1, le=100, description="Most definitions, and most uses.", examples=[20]),
]
Offset = Annotated[
    int,
    Field(
        ge=0,
        le=200,
        description="How many passages to leave out: the next page of an answer that had more.",
        examples=[10],
    ),
]
FullText = Annotated[
    bool,
    Field(
        description="With all lines of each passage; else path:start-end, symbol and best line.",
        examples=[True],
    ),
]
Name = Annotated[
    str,
    Field(
        min_length=1,
        max_length=300,
        description="A name, qualified or not.",
        examples=["close", "Session.close"],
    ),
]
Which = Annotated[
    Literal["both", "definitions", "references"],
    Field(description="Where it is defined, which lines use it, or both.", examples=["references"]),
]
Path = Annotated[
    str,
    Field(
        min_length=1,
        max_length=4_000,
        description="Path of the file relative to its repository, as in results.",
        examples=["src/session.py"],
    ),
]
StartLine = Annotated[
    int, Field(ge=1, le=10_000_000, description="First line, from 1.", examples=[120])
]
EndLine = Annotated[
    int | None,
    Field(
        ge=1,
        le=10_000_000,
        description="Last line, inclusive. Default: the file's last one, as far as there is room.",
        examples=[180],
    ),
]
MapRepo = Annotated[
    str | None,
    Field(
        max_length=500,
        description="Name of the repository. Not needed when only one is indexed, or for the "
        "current folder's over stdio.",
        examples=["web"],
    ),
]
Focus = Annotated[
    str,
    Field(
        max_length=MAX_FOCUS_CHARS,
        description="What the map is to be about: words, a path, or a glob; empty: the repository "
        "as a whole.",
        examples=["how are sessions signed", "src/session.py"],
    ),
]
Budget = Annotated[
    int,
    Field(ge=1, le=MAX_BUDGET, description="About how many tokens it may take.", examples=[2_000]),
]
Everywhere = Annotated[
    bool,
    Field(description="Look in all repositories, not only in the file's.", examples=[True]),
]
Question = Annotated[
    str,
    Field(
        min_length=1,
        max_length=20_000,
        description="A question about the indexed code.",
        examples=["where is the session cookie signed?"],
    ),
]
Passages = Annotated[int, Field(ge=1, le=50, description="Most passages.", examples=[5])]
WithModel = Annotated[
    bool,
    Field(
        description="Let the local model answer; false: the passages alone, at once.",
        examples=[False],
    ),
]
Refreshed = Annotated[
    str | None,
    Field(
        max_length=500,
        description="Name of the repository to index again. Over stdio the default is the current "
        "folder's.",
        examples=["web"],
    ),
]
