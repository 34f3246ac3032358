"""Data, its schemas and queries, and configuration files."""

from __future__ import annotations

from typing import Final

from harness.chunking.languages.spec import Content, Grammar, LanguageSpec, Structure

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
_YAML: Final = Grammar(
    keys=("block_mapping_pair",), containers=("document", "block_node", "block_mapping")
)
_TOML: Final = Grammar(
    keys=("table", "table_array_element", "pair"),
    identifiers=("bare_key", "dotted_key", "quoted_key"),
)
_THRIFT: Final = Grammar(
    functions=("function_definition",),
    classes=("service_definition",),
    types=("struct_definition", "union_definition", "exception_definition", "enum_definition"),
    names=("const_definition", "typedef_definition"),
    identifiers=("typedef_identifier",),
)

LANGUAGES: Final = (
    LanguageSpec(
        "json",
        extensions=("json", "jsonc", "json5", "ipynb", "geojson", "webmanifest", "avsc"),
        file_names=("composer.lock", ".babelrc", ".eslintrc"),
        content=Content.DATA,
        grammar=Grammar(keys=("pair",), containers=("object",)),
    ),
    LanguageSpec(
        "yaml",
        extensions=("yaml", "yml"),
        file_names=("yarn.lock", ".prettierrc", ".clang-format"),
        content=Content.DATA,
        grammar=_YAML,
    ),
    LanguageSpec(
        "toml",
        extensions=("toml",),
        file_names=("pipfile", "cargo.lock", "poetry.lock", "uv.lock"),
        content=Content.DATA,
        grammar=_TOML,
    ),
    LanguageSpec("sql", extensions=("sql", "ddl", "dml", "pgsql", "psql"), grammar=_SQL),
    LanguageSpec("graphql", extensions=("graphql", "gql")),
    LanguageSpec("proto", extensions=("proto",)),
    LanguageSpec("thrift", extensions=("thrift",), grammar=_THRIFT),
    LanguageSpec("prisma", extensions=("prisma",)),
    LanguageSpec(
        "xml",
        extensions=(
            *("xml", "xsd", "xsl", "xslt", "wsdl", "svg", "plist"),
            *("csproj", "props", "targets", "pom"),
        ),
        content=Content.DATA,
    ),
    LanguageSpec(
        "ini",
        extensions=("ini", "cfg", "conf"),
        file_names=(".editorconfig", ".gitconfig"),
        content=Content.DATA,
    ),
    LanguageSpec(
        "properties",
        extensions=("properties", "env"),
        file_names=(".env",),
        content=Content.DATA,
    ),
    LanguageSpec("kdl", extensions=("kdl",)),
    LanguageSpec("ron", extensions=("ron",)),
    LanguageSpec("csv", extensions=("csv",), structure=Structure.LINES, content=Content.DATA),
    LanguageSpec("tsv", extensions=("tsv",), structure=Structure.LINES, content=Content.DATA),
    LanguageSpec("pem", extensions=("pem", "crt", "key"), structure=Structure.LINES),
)
