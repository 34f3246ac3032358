"""Functional languages; Lisps have a module of their own."""

from __future__ import annotations

from typing import Final

from harness.chunking.languages.spec import Grammar, Head, Kind, LanguageSpec

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
        "defguardp": Kind.FUNCTION,
        "defdelegate": Kind.FUNCTION,
        "defn": Kind.FUNCTION,
        "defnp": Kind.FUNCTION,
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
_ERLANG: Final = Grammar(
    functions=("fun_decl",),
    types=("record_decl", "type_alias", "opaque"),
    names=("pp_define",),
    modules=("module_attribute",),
    name_holders=("function_clause", "type_name", "macro_lhs"),
    attached=("spec",),
)
_GLEAM: Final = Grammar(
    functions=("function",),
    types=("type_definition", "type_alias"),
    names=("constant",),
    identifiers=("type_name",),
    name_holders=("type_name",),
    attached=("attribute", "statement_comment"),
)
_OCAML: Final = Grammar(
    types=("type_binding",),
    functions=("external", "method_definition"),
    classes=("class_binding", "class_type_binding"),
    modules=("module_binding", "module_type_definition"),
    names=("exception_definition", "value_specification", "method_specification"),
    headed=("let_binding",),
    heads=(
        # A value has no parameter before its "=" or its type; a function written as a value has.
        Head(r"(\w[\w']*)\s*(?::[^=]*)?=\s*(?:fun|function)\b", Kind.FUNCTION),
        Head(r"(\w[\w']*)\s*[:=]", Kind.NAME),
        Head(r"\(\s*([^\w\s()]+)\s*\)", Kind.FUNCTION),
        Head(r"(\w[\w']*)\s", Kind.FUNCTION),
    ),
    wrappers=("type_definition", "class_definition", "class_type_definition"),
    containers=(
        "value_definition",
        "module_definition",
        "structure",
        "signature",
        "object_expression",
        "class_body_type",
    ),
    identifiers=(
        *("value_name", "module_name", "module_type_name", "class_name", "method_name"),
        *("constructor_name", "class_type_name"),
    ),
    name_holders=("constructor_declaration",),
)
_FSHARP: Final = Grammar(
    headed=(
        *("function_or_value_defn", "member_defn", "exception_definition"),
        *("named_module", "namespace", "module_defn"),
        *("union_type_defn", "record_type_defn", "enum_type_defn", "type_abbrev_defn"),
        *("anon_type_defn", "delegate_type_defn", "interface_type_defn", "type_extension"),
    ),
    heads=(
        Head(
            r"module\s+(?:rec\s+)?(?:(?:private|internal|public)\s+)?([\w.`]+)",
            Kind.MODULE,
            separator=".",
        ),
        Head(r"namespace\s+(?:rec\s+)?([\w.]+)", Kind.NAMESPACE, separator="."),
        Head(r"exception\s+(\w+)", Kind.TYPE),
        Head(
            r"(?:static\s+)?let\s+(?:(?:rec|inline|mutable|private|internal)\s+)*"
            r"([\w']+|``[^`\n]+``)\s*(?::[^=\n]*)?=\s*(?:fun|function)\b",
            Kind.FUNCTION,
        ),
        Head(
            r"(?:static\s+)?let\s+(?:(?:rec|inline|mutable|private|internal)\s+)*"
            r"([\w']+|``[^`\n]+``)\s*[:=]",
            Kind.NAME,
        ),
        Head(
            r"(?:static\s+)?(?:let|and)\s+(?:(?:rec|inline|private|internal)\s+)*"
            r"([\w']+|``[^`\n]+``|\([^\w\s)]+\))",
            Kind.FUNCTION,
        ),
        Head(
            r"(?:(?:static|abstract|override|default|member|inline|private|internal|public|val|mutable)\s+)+"
            r"(?:\w+\.)?(\w+|``[^`\n]+``)",
            Kind.FUNCTION,
        ),
        Head(r"(new)\s*\(", Kind.FUNCTION),
        Head(r"(?:\[<[^\n]*>\]\s*)*(?:(?:private|internal|public)\s+)?([A-Z]\w*)", Kind.CLASS),
    ),
    containers=(
        *("declaration_expression", "type_definition", "type_extension_elements"),
        *("interface_implementation", "union_type_cases", "record_fields"),
    ),
    attached=("attributes",),
)
_ELM: Final = Grammar(
    functions=("value_declaration",),
    types=("type_declaration", "type_alias_declaration"),
    names=("port_annotation",),
    identifiers=("function_declaration_left", "lower_case_identifier", "upper_case_identifier"),
    name_holders=("function_declaration_left",),
    attached=("type_annotation",),
)
_PURESCRIPT: Final = Grammar(
    functions=("function",),
    classes=("class_declaration",),
    types=("data", "newtype", "type_alias"),
    names=("foreign_import", "signature"),
    identifiers=("variable", "class_head", "class_name", "instance_name", "type"),
    name_holders=("class_head", "class_name"),
    containers=("class_instance", "class_body"),
    attached=("signature",),
)

LANGUAGES: Final = (
    LanguageSpec(
        "elixir",
        extensions=("ex", "exs"),
        file_names=("mix.lock",),
        interpreters=("elixir", "iex"),
        grammar=_ELIXIR,
    ),
    LanguageSpec(
        "haskell",
        extensions=("hs", "hs-boot", "hsc"),
        interpreters=("runhaskell", "runghc", "stack", "cabal"),
        grammar=_HASKELL,
    ),
    LanguageSpec(
        "erlang",
        extensions=("erl", "hrl", "escript", "xrl", "yrl"),
        file_names=("rebar.config", "rebar.lock", "emakefile"),
        file_patterns=("*.app.src",),
        interpreters=("escript",),
        grammar=_ERLANG,
    ),
    LanguageSpec("gleam", extensions=("gleam",), grammar=_GLEAM),
    LanguageSpec("ocaml", extensions=("ml",), interpreters=("ocaml",), grammar=_OCAML),
    LanguageSpec("ocaml_interface", extensions=("mli",), grammar=_OCAML),
    LanguageSpec(
        "fsharp",
        extensions=("fs", "fsx", "fsscript"),
        interpreters=("fsharpi", "fsi"),
        grammar=_FSHARP,
    ),
    LanguageSpec("fsharp_signature", extensions=("fsi",)),
    LanguageSpec("elm", extensions=("elm",), grammar=_ELM),
    LanguageSpec("purescript", extensions=("purs",), grammar=_PURESCRIPT),
)
