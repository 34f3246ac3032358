"""Functional languages."""

from __future__ import annotations

from typing import Final

from harness.chunking.languages.spec import Grammar, Kind, LanguageSpec

_ELIXIR: Final = Grammar(
    calls=("call",),
    defining_calls={
        "defmodule": Kind.CLASS,
        "defprotocol": Kind.CLASS,
        "defimpl": Kind.CLASS,
        "def": Kind.FUNCTION,
        "defp": Kind.FUNCTION,
        "defmacro": Kind.FUNCTION,
        "defmacrop": Kind.FUNCTION,
        "defguard": Kind.FUNCTION,
        "defdelegate": Kind.FUNCTION,
        "test": Kind.FUNCTION,
    },
    containers=("do_block",),
    attached=("unary_operator",),  # @doc
)
_HASKELL: Final = Grammar(
    functions=("function", "bind"),
    classes=("class",),
    types=("data_type", "newtype", "type_synomym"),  # the grammar's spelling
    extensions=("instance",),
    names=("signature",),
    containers=("declarations",),
    identifiers=("name",),
    attached=("haddock", "signature"),
)

LANGUAGES: Final = (
    LanguageSpec("elixir", extensions=("ex", "exs"), interpreters=("elixir",), grammar=_ELIXIR),
    LanguageSpec("haskell", extensions=("hs",), grammar=_HASKELL),
    LanguageSpec("erlang", extensions=("erl", "hrl"), interpreters=("escript",)),
    LanguageSpec("gleam", extensions=("gleam",)),
    LanguageSpec("ocaml", extensions=("ml",)),
    LanguageSpec("ocaml_interface", extensions=("mli",)),
    LanguageSpec("fsharp", extensions=("fs", "fsx")),
    LanguageSpec("elm", extensions=("elm",)),
    LanguageSpec("purescript", extensions=("purs",), grammar=Grammar(attached=("signature",))),
    LanguageSpec("commonlisp", extensions=("lisp", "lsp", "cl")),
    LanguageSpec("scheme", extensions=("scm", "ss")),
    LanguageSpec("racket", extensions=("rkt",)),
    LanguageSpec("elisp", extensions=("el",)),
)
