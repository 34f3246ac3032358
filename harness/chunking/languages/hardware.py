"""Descriptions of hardware, machine languages and intermediate code."""

from __future__ import annotations

from typing import Final

from harness.chunking.languages.spec import Grammar, Head, Kind, LanguageSpec

_VERILOG: Final = Grammar(
    classes=("class_declaration",),
    modules=("module_declaration", "interface_declaration", "package_declaration"),
    functions=("function_declaration", "task_declaration", "class_constructor_declaration"),
    types=("type_declaration",),
    names=("text_macro_definition", "parameter_declaration", "local_parameter_declaration"),
    containers=(
        *("module_or_generate_item", "package_or_generate_item_declaration", "class_item"),
        *("class_method", "data_declaration", "module_ansi_header", "parameter_port_list"),
        "interface_item",
        *("module_nonansi_header", "parameter_port_declaration", "generate_region"),
    ),
    identifiers=(
        *("module_header", "package_identifier", "interface_identifier", "class_identifier"),
        *("function_body_declaration", "task_body_declaration", "function_identifier"),
        *("task_identifier", "text_macro_name", "list_of_param_assignments"),
        *("interface_ansi_header", "interface_nonansi_header", "escaped_identifier"),
    ),
    name_holders=(
        *("module_header", "package_identifier", "interface_identifier", "class_identifier"),
        *("function_body_declaration", "task_body_declaration", "function_identifier"),
        *("task_identifier", "text_macro_name", "text_macro_identifier"),
        *("list_of_param_assignments", "param_assignment", "parameter_identifier"),
        *("interface_ansi_header", "interface_nonansi_header"),
    ),
    nameless={"class_constructor_declaration": "new"},
)
_VHDL: Final = Grammar(
    functions=("function_declaration", "function_body", "procedure_declaration", "procedure_body"),
    classes=("entity_declaration",),
    modules=("package_declaration", "package_body", "configuration_declaration"),
    types=("full_type_declaration", "subtype_declaration", "component_declaration"),
    names=("constant_declaration", "signal_declaration", "alias_declaration"),
    headed=("architecture_body", "process_statement"),
    heads=(
        Head(r"(?i)architecture\s+(\w+)\s+of\s+\w+", Kind.MODULE),
        Head(r"(\w+)\s*:\s*(?:postponed\s+)?(?i:process)\b", Kind.FUNCTION),
    ),
    containers=("design_unit", "declarative_part", "concurrent_statement_part"),
    identifiers=("identifier_list",),
    name_holders=("identifier_list",),
)
# Assemblers differ too much for the grammar: their lines say more.
_ASM_MARKS: Final = (
    Head(r"(?i)\s{0,8}(\w+)\s+(?:equ|macro|proc|struc)\b", Kind.NAME),
    Head(r"(?i)\s{0,8}[%.#]?(?:macro|equ|set|struct|struc|define)\s+(\w+)", Kind.NAME),
    Head(r"TEXT\s+(?:[^\s(<]*·)?([^\s(<·]+)", Kind.FUNCTION),  # Go
    Head(r"\s{0,8}(?:ENTRY|SYM_FUNC_START\w*|FUNC|EXT|PROC)\s*\(\s*([\w.$]+)\s*\)", Kind.FUNCTION),
    Head(r"\s{0,8}([A-Za-z_$?@][\w.$?@]*)::?(?:\s|$)", Kind.FUNCTION),
)
_LLVM: Final = Grammar(
    headed=("fn_define", "declare", "global_global", "global_type"),
    heads=(
        Head(r"define\b[^@]*@\"?([\w.$-]+)", Kind.FUNCTION),
        Head(r"declare\b[^@]*@\"?([\w.$-]+)", Kind.NAME),
        Head(r"[@%]\"?([\w.$-]+)\"?\s*=", Kind.NAME),
    ),
)
_SMALI: Final = Grammar(
    headed=("class_directive", "method_definition", "field_definition"),
    heads=(
        Head(r"\.class\s+(?:[\w-]+\s+)*L(?:[\w$-]+/)*([\w$-]+);", Kind.NAME),
        Head(r"\.method\s+(?:[\w-]+\s+)*([\w$<>-]+)\(", Kind.FUNCTION),
        Head(r"\.field\s+(?:[\w-]+\s+)*([\w$-]+):", Kind.NAME),
    ),
)
_WAT: Final = Grammar(
    headed=("module_field_func", "module_field_global", "module_field_type", "module"),
    heads=(
        Head(r"\(\s*func\s+\$([^\s()]+)", Kind.FUNCTION),
        Head(r"\(\s*func\s+\(\s*export\s+\"([^\"]+)\"", Kind.FUNCTION),
        Head(r"\(\s*(?:global|type)\s+\$([^\s()]+)", Kind.NAME),
        Head(r"\(\s*module\s+\$([^\s()]+)", Kind.MODULE),
    ),
    containers=("module_field",),
)
_WAST: Final = _WAT.extended(Grammar(containers=("command", "script_module")))
_FIRRTL: Final = Grammar(
    modules=("circuit", "module"),
)
_UXNTAL: Final = Grammar(
    functions=("subroutine",),
    names=("macro",),
    name_holders=("label",),
    identifiers=("label",),
)
_LINKER_SCRIPT: Final = Grammar(
    types=("output_section",),
    names=("assignment",),
    identifiers=("symbol",),
    containers=("sections_command",),
)
_TABLEGEN: Final = Grammar(
    classes=("class", "multiclass"),
    headed=("def", "defm", "defset", "defvar"),
    heads=(
        Head(r"def[m]?\s+([\w#]+)", Kind.TYPE),
        Head(r"defset\s+[^={]*?(\w+)\s*=", Kind.NAMESPACE),
        Head(r"defvar\s+(\w+)", Kind.NAME),
    ),
    containers=("statement", "let"),
)

LANGUAGES: Final = (
    LanguageSpec("verilog", extensions=("v", "sv", "svh", "vh", "svi", "vams"), grammar=_VERILOG),
    LanguageSpec("vhdl", extensions=("vhd", "vhdl", "vho", "vht"), grammar=_VHDL),
    LanguageSpec("asm", extensions=("asm", "s", "nasm", "a51", "nas", "a65"), marks=_ASM_MARKS),
    LanguageSpec("llvm", extensions=("ll",), grammar=_LLVM),
    LanguageSpec("smali", extensions=("smali",), grammar=_SMALI),
    LanguageSpec("wat", extensions=("wat",), grammar=_WAT),
    LanguageSpec("wast", extensions=("wast",), grammar=_WAST),
    LanguageSpec("firrtl", extensions=("fir",), grammar=_FIRRTL),
    LanguageSpec("uxntal", extensions=("tal",), grammar=_UXNTAL),
    LanguageSpec("linkerscript", extensions=("ld", "lds"), grammar=_LINKER_SCRIPT),
    LanguageSpec("tablegen", extensions=("td", "tablegen"), grammar=_TABLEGEN),
)
