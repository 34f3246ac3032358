"""Languages of smart contracts."""

from __future__ import annotations

from typing import Final

from harness.chunking.languages.spec import Grammar, LanguageSpec

_SOLIDITY: Final = Grammar(
    functions=(
        *("function_definition", "modifier_definition", "constructor_definition"),
        "fallback_receive_definition",
    ),
    classes=("contract_declaration", "interface_declaration", "library_declaration"),
    types=(
        *("struct_declaration", "enum_declaration", "event_definition", "error_declaration"),
        "user_defined_type_definition",
    ),
    names=("constant_variable_declaration", "state_variable_declaration"),
    nameless={"constructor_definition": "constructor"},
)
_CAIRO: Final = Grammar(
    functions=("function_definition", "function_signature"),
    classes=("trait_item", "impl_item"),
    types=("struct_item", "enum_item", "type_item"),
    modules=("mod_item",),
    names=("const_item",),
    containers=("cairo_1_file",),
)
_FUNC: Final = Grammar(
    functions=("function_definition",),
    names=("global_var_declarations", "const_var_declarations"),
)

LANGUAGES: Final = (
    LanguageSpec("solidity", extensions=("sol",), grammar=_SOLIDITY),
    LanguageSpec("cairo", extensions=("cairo",), grammar=_CAIRO),
    LanguageSpec("func", extensions=("fc",), grammar=_FUNC),
)
