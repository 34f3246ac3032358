"""Compiled languages outside the families of C and Java."""

from __future__ import annotations

from typing import Final

from harness.chunking.languages.spec import Grammar, Head, Kind, LanguageSpec

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
    classes=("protocol_declaration",),
    headed=("class_declaration",),
    heads=(
        Head(r"(?:[@\w]+(?:\([^)\n]*\))?\s+)*?extension\s+([\w.]+)", Kind.EXTENSION),
        Head(
            r"(?:[@\w]+(?:\([^)\n]*\))?\s+)*?(?:class|struct|enum|actor)\s+(?!func\b|var\b)(`?\w+`?)",
            Kind.CLASS,
        ),
    ),
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

_ODIN: Final = Grammar(
    functions=("procedure_declaration", "overloaded_procedure_declaration"),
    types=("struct_declaration", "enum_declaration", "union_declaration"),
    names=("const_declaration", "var_declaration"),
)
_HARE: Final = Grammar(
    functions=("function_declaration",),
    types=("type_declaration",),
    names=("constant_declaration", "global_declaration"),
    name_holders=("global_binding",),
    containers=("declarations",),
)
_DART: Final = Grammar(
    functions=(
        *("function_signature", "getter_signature", "setter_signature"),
        *("constructor_signature", "constant_constructor_signature"),
        *("factory_constructor_signature", "redirecting_factory_constructor_signature"),
    ),
    classes=("class_definition", "mixin_declaration", "enum_declaration", "extension_declaration"),
    types=("type_alias",),
    names=("static_final_declaration", "initialized_identifier"),
    wrappers=(
        *("method_signature", "declaration"),
        *("static_final_declaration_list", "initialized_identifier_list"),
    ),
    attributes=("static_final_declaration", "initialized_identifier"),
    headed=("operator_signature",),
    heads=(Head(r"[^(]*?\b(operator\s*[^\s(]+)", Kind.FUNCTION),),
    continued=("function_body",),
)
_PASCAL: Final = Grammar(
    functions=("defProc",),
    names=("declConst", "declVar", "declProp"),
    headed=("declType", "declProc", "unit", "program", "library"),
    heads=(
        Head(r"(?i)(?:unit|program|library)\s+([\w.]+)", Kind.NAMESPACE),
        Head(
            r"(?i)(?:generic\s+)?(\w+)(?:<[^>]*>)?\s*=\s*(?:packed\s+)?(?:class|record|object|interface|dispinterface)\b(?!\s+of\b)(?!\s*;)",
            Kind.CLASS,
        ),
        Head(r"(\w+)(?:<[^>]*>)?\s*=", Kind.TYPE),
        Head(
            r"(?i)(?:class\s+)?(?:procedure|function|constructor|destructor|operator)\s+([\w.]+)",
            Kind.NAME,
        ),
    ),
    name_holders=("declProc",),
    identifiers=("declProc",),
    containers=(
        *("interface", "implementation", "declTypes", "declConsts", "declVars", "declSection"),
        *("type", "declClass", "declIntf"),
    ),
)
_ADA: Final = Grammar(
    functions=("subprogram_body", "subprogram_declaration", "expression_function_declaration"),
    modules=("package_body", "package_declaration"),
    types=(
        *("full_type_declaration", "subtype_declaration", "exception_declaration"),
        *("single_task_declaration", "task_body", "protected_body"),
        *("private_type_declaration", "private_extension_declaration"),
    ),
    names=("object_declaration", "number_declaration"),
    containers=(
        *("compilation_unit", "non_empty_declarative_part", "generic_package_declaration"),
        "generic_subprogram_declaration",
    ),
    identifiers=("procedure_specification", "function_specification"),
    name_holders=("procedure_specification", "function_specification"),
)
_COBOL: Final = Grammar(
    headed=("identification_division", "paragraph_header", "section_header", "data_description"),
    heads=(
        Head(r"(?i)id(?:entification)?\s+division[\s\S]*?program-id\s*\.?\s+([\w-]+)", Kind.NAME),
        Head(r"0?1\s+([\w-]+)", Kind.NAME),
        Head(r"(?i)([A-Z0-9][\w-]*)(?:\s+section)?\s*\.?", Kind.FUNCTION),
    ),
    containers=(
        *("program_definition", "procedure_division", "data_division"),
        *("working_storage_section", "linkage_section", "local_storage_section"),
    ),
    open_ended=("paragraph_header", "section_header"),
)
_V: Final = Grammar(
    functions=("function_declaration",),
    types=("struct_declaration", "enum_declaration", "interface_declaration", "type_declaration"),
    names=("const_spec", "global_var_type_initializer"),
    wrappers=("const_declaration", "global_var_declaration"),
)
_PONY: Final = Grammar(
    functions=("method", "behavior", "constructor"),
    classes=(
        *("class_definition", "actor_definition", "interface_definition", "trait_definition"),
        *("primitive_definition", "struct_definition"),
    ),
    types=("type_alias",),
    containers=("members",),
)
_HAXE: Final = Grammar(
    functions=("function_declaration",),
    classes=("class_declaration", "interface_declaration"),
    types=("typedef_declaration",),
    names=("variable_declaration",),
    attributes=("variable_declaration",),
    nameless={"function_declaration": "new"},
)
_ACTIONSCRIPT: Final = Grammar(
    functions=("method_declaration", "function_declaration"),
    classes=("class_declaration", "interface_declaration"),
    namespaces=("package_declaration",),
    names=("variable_declaration",),
    containers=("statement_block",),
    attributes=("variable_declaration",),
)

LANGUAGES: Final = (
    LanguageSpec("go", extensions=("go",), interpreters=("gorun",), grammar=_GO),
    LanguageSpec("gomod", file_names=("go.mod", "go.work")),
    LanguageSpec("gosum", file_names=("go.sum", "go.work.sum")),
    LanguageSpec("rust", extensions=("rs",), interpreters=("rust-script", "cargo"), grammar=_RUST),
    LanguageSpec(
        "swift",
        extensions=("swift",),
        interpreters=("swift",),
        # "if let a: T = try? await b.c() {" and the whole file is an error.
        blanked=r"\btry[?!]?(?=\s)",
        grammar=_SWIFT,
    ),
    LanguageSpec("zig", extensions=("zig", "zon"), grammar=_ZIG),
    LanguageSpec("nim", extensions=("nim", "nims", "nimble"), interpreters=("nim",), grammar=_NIM),
    LanguageSpec("odin", extensions=("odin",), grammar=_ODIN),
    LanguageSpec("hare", extensions=("ha",), grammar=_HARE),
    LanguageSpec("v", extensions=("vsh",), interpreters=("v",), grammar=_V),
    LanguageSpec("dart", extensions=("dart",), interpreters=("dart",), grammar=_DART),
    LanguageSpec(
        "pascal",
        extensions=("pas", "pascal", "dpr", "dpk", "lpr"),
        interpreters=("instantfpc",),
        grammar=_PASCAL,
    ),
    LanguageSpec(
        "fortran",
        extensions=("f90", "f95", "f03", "f08", "f18", "f", "for", "ftn", "f77", "fpp"),
        grammar=_FORTRAN,
    ),
    LanguageSpec("ada", extensions=("adb", "ads", "ada"), grammar=_ADA),
    LanguageSpec("cobol", extensions=("cob", "cbl", "cobol", "cpy"), grammar=_COBOL),
    LanguageSpec("pony", extensions=("pony",), grammar=_PONY),
    LanguageSpec("haxe", extensions=("hx", "hxsl"), grammar=_HAXE),
    LanguageSpec("actionscript", extensions=("as",), grammar=_ACTIONSCRIPT),
)
