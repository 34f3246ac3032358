"""Compiled languages outside the families of C and Java, and what describes hardware."""

from __future__ import annotations

from typing import Final

from harness.chunking.languages.spec import Grammar, LanguageSpec

_GO: Final = Grammar(
    functions=("function_declaration", "method_declaration"),
    types=("type_spec", "type_alias"),
    names=("const_spec", "var_spec"),
    wrappers=("type_declaration", "const_declaration", "var_declaration", "var_spec_list"),
)
_RUST: Final = Grammar(
    functions=("function_item", "function_signature_item", "macro_definition"),
    classes=("trait_item",),
    types=("struct_item", "enum_item", "union_item", "type_item"),
    modules=("mod_item",),
    extensions=("impl_item",),
    names=("const_item", "static_item", "associated_type"),
    containers=("foreign_mod_item",),
)
_SWIFT: Final = Grammar(
    functions=(
        "function_declaration",
        "init_declaration",
        "deinit_declaration",
        "subscript_declaration",
    ),
    classes=("class_declaration", "protocol_declaration"),
    types=("typealias_declaration",),
    names=("property_declaration", "protocol_function_declaration"),
    nameless={
        "init_declaration": "init",
        "deinit_declaration": "deinit",
        "subscript_declaration": "subscript",
    },
    attributes=("property_declaration",),
)
_ZIG: Final = Grammar(
    functions=("FnProto", "TestDecl"),
    names=("VarDecl",),
    wrappers=("Decl",),
    identifiers=("IDENTIFIER", "STRINGLITERALSINGLE"),
)
_NIM: Final = Grammar(
    functions=(
        "proc_declaration",
        "func_declaration",
        "method_declaration",
        "iterator_declaration",
        "converter_declaration",
        "template_declaration",
        "macro_declaration",
    ),
    types=("type_declaration",),
    names=("variable_declaration",),
    # Not ``let`` and ``var``: most of those are local to a test or a block.
    wrappers=("const_section", "type_section"),
    containers=("when",),
    name_holders=(
        "type_symbol_declaration",
        "symbol_declaration_list",
        "symbol_declaration",
        "exported_symbol",
    ),
)
_FORTRAN: Final = Grammar(
    functions=("function", "subroutine", "module_procedure"),
    classes=("derived_type_definition",),
    modules=("module", "submodule", "program"),
    names=("interface",),
    containers=("internal_procedures",),
    identifiers=("name", "type_name"),
    name_holders=(
        "module_statement",
        "submodule_statement",
        "program_statement",
        "interface_statement",
        "function_statement",
        "subroutine_statement",
        "module_procedure_statement",
        "derived_type_statement",
    ),
)

LANGUAGES: Final = (
    LanguageSpec("go", extensions=("go",), grammar=_GO),
    LanguageSpec("gomod", file_names=("go.mod",)),
    LanguageSpec("gosum", file_names=("go.sum",)),
    LanguageSpec("rust", extensions=("rs",), grammar=_RUST),
    LanguageSpec("swift", extensions=("swift",), grammar=_SWIFT),
    LanguageSpec("zig", extensions=("zig",), grammar=_ZIG),
    LanguageSpec("nim", extensions=("nim",), grammar=_NIM),
    LanguageSpec("odin", extensions=("odin",)),
    LanguageSpec("hare", extensions=("ha",)),
    LanguageSpec("dart", extensions=("dart",)),
    LanguageSpec("solidity", extensions=("sol",)),
    LanguageSpec("pascal", extensions=("pas", "pp")),
    LanguageSpec("fortran", extensions=("f90", "f95", "f03", "f08"), grammar=_FORTRAN),
    LanguageSpec("ada", extensions=("adb", "ads")),
    LanguageSpec("cobol", extensions=("cob", "cbl")),
    LanguageSpec("asm", extensions=("asm", "s")),
    LanguageSpec("verilog", extensions=("v", "sv", "svh", "vh")),
    LanguageSpec("vhdl", extensions=("vhd", "vhdl")),
)
