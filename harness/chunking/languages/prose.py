"""Text for people."""

from __future__ import annotations

from typing import Final

from harness.chunking.languages.spec import Content, LanguageSpec, Structure

LANGUAGES: Final = (
    LanguageSpec(
        "markdown",
        extensions=("md", "markdown", "mdx", "mkd", "mdown"),
        file_names=("readme", "changelog"),
        structure=Structure.HEADINGS,
        content=Content.PROSE,
    ),
    LanguageSpec("rst", extensions=("rst",), structure=Structure.LINES, content=Content.PROSE),
    LanguageSpec("latex", extensions=("tex", "sty", "cls"), content=Content.PROSE),
    LanguageSpec("typst", extensions=("typ",), content=Content.PROSE),
    LanguageSpec("org", extensions=("org",), content=Content.PROSE),
    LanguageSpec("bibtex", extensions=("bib",)),
    LanguageSpec("po", extensions=("po", "pot"), structure=Structure.LINES),
    LanguageSpec("text", extensions=("txt", "text", "log"), structure=Structure.LINES),
)
