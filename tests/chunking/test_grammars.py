"""Every installed grammar is made use of, or it is said why not."""

from __future__ import annotations

from typing import get_args

from tree_sitter_language_pack import SupportedLanguage

from harness.chunking.languages.catalog import LANGUAGES
from harness.chunking.languages.spec import Grammar, Structure

_WITHOUT_DEFINITIONS = {
    "beancount": "data: dated entries without names",
    "chatito": "data to train chat programs with",
    "comment": "marks inside the comments of other languages",
    "cpon": "data of one protocol, no files of its own",
    "csv": "data in rows",
    "doxygen": "inside the comments of other languages",
    "embeddedtemplate": "the grammar knows text and code between it, neither of them by name",
    "fsharp_signature": "the grammar gives up at a file's first line",
    "gitattributes": "settings by pattern, without names",
    "gitcommit": "prose",
    "gitignore": "patterns, without names",
    "gomod": "data: requirements by version",
    "gosum": "data: checksums",
    "gstlaunch": "command lines of one program, no files of its own",
    "heex": "markup without names of its own",
    "jsdoc": "inside the comments of other languages",
    "luadoc": "inside the comments of other languages",
    "luap": "patterns inside Lua strings",
    "markdown_inline": "the inside of Markdown's paragraphs",
    "mermaid": "drawings",
    "org": "prose",
    "pem": "data: keys",
    "pgn": "data: games of chess",
    "po": "data: translations",
    "printf": "formats inside the strings of other languages",
    "psv": "data in rows",
    "pymanifest": "patterns, without names",
    "qmldir": "a list of files",
    "query": "patterns over syntax trees, without names",
    "re2c": "rules inside the comments of C",
    "readline": "settings of one program, by key sequence",
    "requirements": "data: requirements by version",
    "ron": "data",
    "rst": "prose",
    "sparql": "queries, without names",
    "test": "tests of grammars, no files of users",
    "tsv": "data in rows",
    "udev": "rules, without names",
    "ungrammar": "the grammar does not read the quotes that such files use",
    "xcompose": "settings of one program, by key sequence",
    "xml": "data of many kinds; what is a definition depends on the schema",
}


def test_every_grammar_is_declared_with_definitions_or_listed_with_a_reason() -> None:
    grammars = set(get_args(SupportedLanguage))
    defined = {
        name
        for name, spec in LANGUAGES.items()
        if len(spec.grammar.roles) > len(Grammar().roles)
        or spec.marks
        or spec.structure is Structure.HEADINGS
    }
    assert grammars - defined == set(_WITHOUT_DEFINITIONS)
    assert all(_WITHOUT_DEFINITIONS.values())
