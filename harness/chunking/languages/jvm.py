"""Languages of the Java virtual machine."""

from __future__ import annotations

from typing import Final

from harness.chunking.languages.spec import Grammar, LanguageSpec

_JAVA: Final = Grammar(
    functions=(
        "method_declaration",
        "constructor_declaration",
        "compact_constructor_declaration",
    ),
    classes=(
        "class_declaration",
        "interface_declaration",
        "enum_declaration",
        "record_declaration",
        "annotation_type_declaration",
    ),
    names=("field_declaration", "constant_declaration"),
    declarations=("field_declaration", "constant_declaration"),
    attributes=("field_declaration",),
)
_KOTLIN: Final = Grammar(
    functions=("function_declaration", "secondary_constructor"),
    classes=("class_declaration", "object_declaration"),
    types=("type_alias",),
    names=("property_declaration",),
    containers=("companion_object",),
    identifiers=("variable_declaration",),
    nameless={"secondary_constructor": "constructor"},
    attributes=("property_declaration",),
)
_SCALA: Final = Grammar(
    functions=("function_definition", "function_declaration", "given_definition"),
    classes=(
        "object_definition",
        "class_definition",
        "trait_definition",
        "enum_definition",
        "package_object",
    ),
    types=("type_definition",),
    names=("val_definition", "var_definition", "val_declaration"),
    containers=("extension_definition", "package_clause"),
    attributes=("val_definition", "var_definition"),
)

LANGUAGES: Final = (
    LanguageSpec("java", extensions=("java",), grammar=_JAVA),
    LanguageSpec("kotlin", extensions=("kt", "kts"), grammar=_KOTLIN),
    LanguageSpec("scala", extensions=("scala", "sc", "sbt"), grammar=_SCALA),
    LanguageSpec(
        "groovy",
        extensions=("groovy", "gradle"),
        file_names=("jenkinsfile",),
        interpreters=("groovy",),
    ),
    LanguageSpec("clojure", extensions=("clj", "cljs", "cljc", "edn")),
)
