"""Which syntax nodes define something, per language. Data only.

Letters:

- ``F`` function; ``C`` class-like type whose members are definitions too; ``T`` type without
  members; ``N`` module; ``I`` adds members to a type defined elsewhere (Rust ``impl``); ``O``
  the same for a namespace (C++, C#)
- ``K`` constant, variable, macro or prototype: a name without an inside
- ``V`` assignment of a function or a constant; ``A`` assignment that counts only when it is a
  function or exported; ``E`` Elixir call; ``D`` key of a data file
- ``W`` wrapper around a definition (decorators, ``export``); ``P`` may hold definitions
"""

from __future__ import annotations

from typing import Final

_JAVASCRIPT: Final = {
    "function_declaration": "F",
    "generator_function_declaration": "F",
    "class_declaration": "C",
    "class": "C",
    "method_definition": "F",
    "field_definition": "K",
    "variable_declarator": "V",
    "assignment_expression": "A",
    "lexical_declaration": "W",
    "variable_declaration": "W",
    "export_statement": "W",
    "expression_statement": "W",
    "pair": "A",
    "object": "P",
    "if_statement": "P",
    "try_statement": "P",
}
_TYPESCRIPT: Final = {
    **_JAVASCRIPT,
    "abstract_class_declaration": "C",
    "interface_declaration": "C",
    "type_alias_declaration": "T",
    "enum_declaration": "T",
    "internal_module": "N",
    "module": "N",
    "ambient_declaration": "W",
    "function_signature": "F",
    "abstract_method_signature": "K",
    "method_signature": "K",
    "public_field_definition": "V",
}
_C: Final = {
    "function_definition": "F",
    "struct_specifier": "C",
    "union_specifier": "C",
    "enum_specifier": "T",
    "type_definition": "W",
    "declaration": "K",
    "preproc_def": "K",
    "preproc_function_def": "K",
    "preproc_if": "P",
    "preproc_ifdef": "P",
    "preproc_else": "P",
    "preproc_elif": "P",
    "linkage_specification": "P",
}
_CPP: Final = {
    **_C,
    "class_specifier": "C",
    "namespace_definition": "O",
    "template_declaration": "W",
    "field_declaration": "K",
    "alias_declaration": "T",
    "concept_definition": "T",
}
_KOTLIN_LIKE: Final = {"class_declaration": "C", "function_declaration": "F"}
_HASKELL: Final = {
    "function": "F",
    "bind": "F",
    "signature": "K",
    "data_type": "T",
    "newtype": "T",
    "type_synomym": "T",
    "class": "C",
    "instance": "I",
    "declarations": "P",
}

_MARKUP: Final = {
    "element": "P",
    "template_element": "P",
    "script_element": "P",
    "style_element": "P",
}

KINDS: Final[dict[str, dict[str, str]]] = {
    "python": {
        "function_definition": "F",
        "class_definition": "C",
        "decorated_definition": "W",
        "expression_statement": "W",
        "assignment": "V",
        "type_alias_statement": "T",
        "if_statement": "P",
        "elif_clause": "P",
        "else_clause": "P",
        "try_statement": "P",
        "except_clause": "P",
        "with_statement": "P",
    },
    "javascript": _JAVASCRIPT,
    "typescript": _TYPESCRIPT,
    "tsx": _TYPESCRIPT,
    "go": {
        "function_declaration": "F",
        "method_declaration": "F",
        "type_declaration": "W",
        "type_spec": "T",
        "type_alias": "T",
        "const_declaration": "W",
        "var_declaration": "W",
        "var_spec_list": "W",
        "const_spec": "K",
        "var_spec": "K",
    },
    "rust": {
        "function_item": "F",
        "function_signature_item": "F",
        "struct_item": "T",
        "enum_item": "T",
        "union_item": "T",
        "trait_item": "C",
        "impl_item": "I",
        "mod_item": "N",
        "macro_definition": "F",
        "const_item": "K",
        "static_item": "K",
        "type_item": "T",
        "associated_type": "K",
        "foreign_mod_item": "P",
    },
    "java": {
        "class_declaration": "C",
        "interface_declaration": "C",
        "enum_declaration": "C",
        "record_declaration": "C",
        "annotation_type_declaration": "C",
        "method_declaration": "F",
        "constructor_declaration": "F",
        "compact_constructor_declaration": "F",
        "field_declaration": "K",
        "constant_declaration": "K",
    },
    "c": _C,
    "cpp": _CPP,
    "csharp": {
        "namespace_declaration": "O",
        "file_scoped_namespace_declaration": "O",
        "class_declaration": "C",
        "struct_declaration": "C",
        "interface_declaration": "C",
        "record_declaration": "C",
        "enum_declaration": "T",
        "delegate_declaration": "T",
        "method_declaration": "F",
        "constructor_declaration": "F",
        "destructor_declaration": "F",
        "operator_declaration": "F",
        "local_function_statement": "F",
        "property_declaration": "F",
        "event_declaration": "F",
        "field_declaration": "K",
        "global_statement": "P",
        "preproc_if": "P",
    },
    "ruby": {
        "module": "N",
        "class": "C",
        "singleton_class": "P",
        "method": "F",
        "singleton_method": "F",
        "assignment": "V",
        "if": "P",
        "unless": "P",
    },
    "php": {
        "namespace_definition": "P",
        "class_declaration": "C",
        "interface_declaration": "C",
        "trait_declaration": "C",
        "enum_declaration": "C",
        "function_definition": "F",
        "method_declaration": "F",
        "const_declaration": "W",
        "const_element": "K",
        "if_statement": "P",
    },
    "kotlin": {
        **_KOTLIN_LIKE,
        "object_declaration": "C",
        "companion_object": "P",
        "property_declaration": "K",
        "type_alias": "T",
        "secondary_constructor": "F",
    },
    "swift": {
        **_KOTLIN_LIKE,
        "protocol_declaration": "C",
        "protocol_function_declaration": "K",
        "init_declaration": "F",
        "deinit_declaration": "F",
        "subscript_declaration": "F",
        "property_declaration": "K",
        "typealias_declaration": "T",
    },
    "scala": {
        "object_definition": "C",
        "class_definition": "C",
        "trait_definition": "C",
        "enum_definition": "C",
        "package_object": "C",
        "function_definition": "F",
        "function_declaration": "F",
        "given_definition": "F",
        "val_definition": "K",
        "var_definition": "K",
        "val_declaration": "K",
        "type_definition": "T",
        "extension_definition": "P",
        "package_clause": "P",
    },
    "bash": {
        "function_definition": "F",
        "variable_assignment": "K",
        "declaration_command": "W",
        "if_statement": "P",
    },
    "sql": {
        "statement": "W",
        "create_table": "T",
        "create_view": "T",
        "create_materialized_view": "T",
        "create_type": "T",
        "create_sequence": "T",
        "create_function": "F",
        "create_procedure": "F",
        "create_trigger": "F",
        "create_index": "K",
    },
    "css": {"keyframes_statement": "K"},
    "scss": {
        "mixin_statement": "F",
        "function_statement": "F",
        "keyframes_statement": "K",
    },
    "yaml": {"block_mapping_pair": "D", "document": "P", "block_node": "P", "block_mapping": "P"},
    "toml": {"table": "D", "table_array_element": "D", "pair": "D"},
    "json": {"pair": "D", "object": "P"},
    "dockerfile": {"from_instruction": "K"},
    "lua": {"function_declaration": "F", "assignment_statement": "A", "variable_declaration": "W"},
    "elixir": {"call": "E", "do_block": "P"},
    "haskell": _HASKELL,
    "zig": {"Decl": "W", "FnProto": "F", "VarDecl": "K", "TestDecl": "F"},
    "hcl": {"block": "D", "attribute": "D", "config_file": "P", "body": "P"},
    "make": {"rule": "D", "variable_assignment": "K"},
    "html": _MARKUP,
    "vue": _MARKUP,
    "svelte": _MARKUP,
}

# Nodes that only hold the members of the definition around them.
BODY_SUFFIXES: Final = (
    "_body",
    "_block",
    "_list",
    "block",
    "body",
    "body_statement",
    "_members",
    "_declarations",
)

# Nodes that belong to the sibling below them when no blank line is between.
ATTACHED: Final = frozenset(
    {
        "attribute_item",
        "attribute_list",
        "decorator",
        "annotation",
        "haddock",
        "signature",
        "access_specifier",
        "doc_comment",
        "unary_operator",
    }
)

DATA_LANGUAGES: Final = frozenset(
    {"yaml", "toml", "json", "ini", "properties", "csv", "tsv", "xml", "hcl", "terraform"}
)

# Raw text of another language inside an element: (language of the file, element) -> grammar.
EMBEDDED: Final = {
    ("html", "script_element"): "javascript",
    ("html", "style_element"): "css",
    ("vue", "script_element"): "typescript",
    ("vue", "style_element"): "css",
    ("svelte", "script_element"): "typescript",
    ("svelte", "style_element"): "css",
}
