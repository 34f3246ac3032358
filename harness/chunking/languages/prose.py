"""Text for people."""

from __future__ import annotations

from typing import Final

from harness.chunking.languages.spec import Content, Grammar, Head, Kind, LanguageSpec, Structure

_LATEX: Final = Grammar(
    headed=("new_command_definition", "environment_definition", "label_definition"),
    heads=(
        Head(r"\\(?:re|provide)?new(?:command|environment)\*?\s*\{?\s*\\?([\w@*]+)", Kind.NAME),
        Head(r"\\(?:renew|provide)command\*?\s*\{?\s*\\?([\w@*]+)", Kind.NAME),
        Head(
            r"\\(?:New|Renew|Provide|Declare)Document(?:Command|Environment)\s*\{?\s*\\?([\w@*]+)",
            Kind.NAME,
        ),
        Head(r"\\(?:Declare\w+|[gx]?def)\s*\{?\s*\\?([\w@*]+)", Kind.NAME),
        Head(r"\\label\s*\{([^}\n]+)\}", Kind.NAME),
    ),
    containers=("generic_environment", "section", "subsection", "subsubsection", "chapter", "part"),
)

_BIBTEX: Final = Grammar(
    headed=("entry", "string"),
    heads=(
        Head(r"@(?i:string)\s*[{(]\s*([^\s=]+)", Kind.NAME),
        Head(r"@\w+\s*[{(]\s*([^\s,{}]+)", Kind.TYPE),
    ),
)

LANGUAGES: Final = (
    LanguageSpec(
        "markdown",
        extensions=(
            "md",
            "markdown",
            "mdx",
            "mkd",
            "mdown",
            "mkdn",
            "mdwn",
            "mdc",
            "qmd",
            "rmd",
            "livemd",
        ),
        file_names=("readme", "changelog", "contributing", "contents.lr"),
        structure=Structure.HEADINGS,
        content=Content.PROSE,
    ),
    LanguageSpec("rst", extensions=("rst",), structure=Structure.LINES, content=Content.PROSE),
    LanguageSpec(
        "latex",
        extensions=("tex", "sty", "cls", "ltx", "latex", "dtx", "tikz", "bbx", "lbx"),
        content=Content.PROSE,
        grammar=_LATEX,
    ),
    LanguageSpec("org", extensions=("org",), content=Content.PROSE),
    LanguageSpec("bibtex", extensions=("bib", "bibtex"), grammar=_BIBTEX),
    LanguageSpec("mermaid", extensions=("mmd", "mermaid"), structure=Structure.LINES),
    LanguageSpec("po", extensions=("po", "pot"), structure=Structure.LINES),
    LanguageSpec(
        "gitcommit",
        file_names=("commit_editmsg", "merge_msg"),
        structure=Structure.LINES,
        content=Content.PROSE,
    ),
    LanguageSpec(
        "text",
        extensions=("txt", "text", "log"),
        file_names=("gemfile.lock", "procfile", "license", "copying", "authors"),
        structure=Structure.LINES,
    ),
)
