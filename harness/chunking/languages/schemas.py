"""Schemas, queries and descriptions of interfaces."""

from __future__ import annotations

from typing import Final

from harness.chunking.languages.spec import Grammar, Head, Kind, LanguageSpec

_PART: Final = r"[\"`\[]?[\w$#@-]+[\"`\]]?"
# The grammar reads PostgreSQL best; what it cannot read of other dialects is read by lines.
_SQL_MARKS: Final = (
    Head(
        r"(?i)\s{0,40}create\s+(?:or\s+(?:replace|alter)\s+)?"
        r"(?:(?:global|local|temporary|temp|unlogged|external|materialized|recursive|virtual"
        r"|editionable|noneditionable|transient|definer\s*=\s*\S+)\s+)*"
        r"(?:function|procedure|proc|trigger|macro|package(?:\s+body)?|table|view|type|sequence"
        r"|domain|event|synonym|task|stage|stream)\s+(?:if\s+not\s+exists\s+)?"
        rf"(?:{_PART}\s*\.\s*)*[\"`\[]?([\w$#@-]+)",
        Kind.NAME,
    ),
    Head(r"(?i)\s{0,40}(?:procedure|function)\s+([\w$#]+)\s*(?:\(|is\b|as\b|$)", Kind.NAME),
)
_SQL: Final = Grammar(
    functions=("create_function", "create_trigger"),
    types=(
        "create_table",
        "create_view",
        "create_materialized_view",
        "create_type",
        "create_sequence",
    ),
    names=("create_index",),
    wrappers=("statement",),
    name_holders=("object_reference",),
)
_THRIFT: Final = Grammar(
    functions=("function_definition",),
    classes=("service_definition",),
    types=("struct_definition", "union_definition", "exception_definition", "enum_definition"),
    names=("const_definition", "typedef_definition"),
    identifiers=("typedef_identifier",),
)

_GRAPHQL: Final = Grammar(
    types=(
        *("object_type_definition", "input_object_type_definition", "enum_type_definition"),
        *("interface_type_definition", "union_type_definition", "scalar_type_definition"),
        "directive_definition",
    ),
    functions=("operation_definition", "fragment_definition"),
    headed=(
        *("object_type_extension", "interface_type_extension", "input_object_type_extension"),
        *("enum_type_extension", "union_type_extension"),
    ),
    heads=(Head(r"extend\s+\w+\s+(\w+)", Kind.EXTENSION),),
    containers=(
        *("document", "definition", "type_system_definition", "type_definition"),
        *("executable_definition", "type_system_extension", "type_extension"),
    ),
    identifiers=("name", "fragment_name"),
)
_PROTO: Final = Grammar(
    classes=("message", "service"),
    types=("enum",),
    functions=("rpc",),
    extensions=("extend",),
    identifiers=("message_name", "enum_name", "service_name", "rpc_name"),
    containers=("message_body",),
)
_PRISMA: Final = Grammar(
    headed=("model_block", "enum_block", "key_value_block"),
    heads=(Head(r"(?:model|enum|datasource|generator)\s+(\w+)", Kind.TYPE),),
)
_CAPNP: Final = Grammar(
    classes=("struct", "interface"),
    types=("enum",),
    functions=("method",),
    names=("const", "annotation"),
    containers=("field", "nested_enum", "nested_struct", "group", "union"),
    identifiers=(
        *("enum_identifier", "method_identifier", "const_identifier"),
        "annotation_definition_identifier",
    ),
)
_SMITHY: Final = Grammar(
    types=(
        *("service_statement", "operation_statement", "structure_statement", "enum_statement"),
        *("list_statement", "map_statement", "simple_shape_statement", "union_statement"),
        "resource_statement",
    ),
    containers=("shape_section", "shape_statement", "shape_body"),
)
_DTD: Final = Grammar(
    types=("elementdecl",),
    names=("GEDecl", "PEDecl"),
    identifiers=("Name",),
)

LANGUAGES: Final = (
    LanguageSpec(
        "sql",
        extensions=(
            *("sql", "ddl", "dml", "pgsql", "psql", "plsql", "pls", "pks", "pkb", "pck"),
            *("tsql", "hql", "bteq", "prc", "tab", "udf", "viw", "db2", "cql", "sq", "sqm"),
        ),
        grammar=_SQL,
        marks=_SQL_MARKS,
    ),
    LanguageSpec("graphql", extensions=("graphql", "gql", "graphqls"), grammar=_GRAPHQL),
    LanguageSpec("proto", extensions=("proto", "proto3"), grammar=_PROTO),
    LanguageSpec("thrift", extensions=("thrift",), grammar=_THRIFT),
    LanguageSpec(
        "prisma",
        extensions=("prisma",),
        grammar=_PRISMA,
        # The grammar is older than views and composite types.
        marks=(Head(r"(?:type|view)\s+(\w+)\s*\{", Kind.TYPE),),
    ),
    LanguageSpec("capnp", extensions=("capnp",), grammar=_CAPNP),
    LanguageSpec("smithy", extensions=("smithy",), grammar=_SMITHY),
    LanguageSpec("dtd", extensions=("dtd", "ent"), grammar=_DTD),
    LanguageSpec("sparql", extensions=("sparql", "rq")),
    LanguageSpec("query"),
)
