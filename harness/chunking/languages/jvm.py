"""Languages of the Java virtual machine."""

from __future__ import annotations

from typing import Final

from harness.chunking.languages.spec import Grammar, Head, Kind, LanguageSpec

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
    functions=("secondary_constructor",),
    headed=("function_declaration",),
    heads=(
        # A member of a type declared elsewhere: "fun <T> List<T>.second()".
        Head(
            r"[\s\S]*?\bfun\s+(?:<[^>\n]*>\s*)?(?:[\w]+\.)*(\w+)(?:<[^()\n]*>)?\??\.(`[^`\n]+`|\w+)\s*\(",
            Kind.FUNCTION,
        ),
        Head(r"[\s\S]*?\bfun\s+(?:<[^\n]*?>\s*)?`?([^`\n(<]+?)`?\s*\(", Kind.FUNCTION),
    ),
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

_MODIFIERS: Final = (
    r"(?:@\w+(?:\([^)\n]*\))?\s+|(?:public|private|protected|static|final|abstract|sealed"
    r"|synchronized|transient|volatile|default)\s+)*"
)
# The grammar knows words, calls and blocks; what they declare is told by the words.
_GROOVY: Final = Grammar(
    headed=("command", "end_command"),
    heads=(
        Head(rf"{_MODIFIERS}(?:class|interface|@?trait|record)\s+([A-Z]\w*)", Kind.CLASS),
        Head(rf"{_MODIFIERS}enum\s+([A-Z]\w*)", Kind.CLASS),
        Head(r"package\s+([\w.]+)", Kind.NAMESPACE, separator="."),
        Head(r"task\s+(\w+)", Kind.NAME),
        Head(r"(?:project\.)?tasks\.(?:register|create|named)\s*\(?\s*[\"']([\w-]+)", Kind.NAME),
        Head(r"stage\s*\(\s*[\"']([^\"'\n]+)", Kind.NAME),
        Head(
            rf"{_MODIFIERS}(?!(?:return|else|new|throw|in|assert|case|if|while|for|switch|task)\b)"
            r"(?:def|void|[\w.]+(?:<[^>\n(]*>)?(?:\[\])*)\s+"
            r"(\w+|[\"'][^\"'\n]+[\"'])\s*\([^)]*\)\s*(?:throws\s[\w., ]+)?(?:\{|$|\n|\})",
            Kind.FUNCTION,
        ),
        Head(rf"{_MODIFIERS}([A-Z]\w*)\s*\([^)\n]*\)\s*\{{", Kind.FUNCTION),
        Head(
            r"(?:public\s+)?(?:static\s+final|final\s+static)\s+(?:[\w.<>\[\]]+\s+)?(\w+)\s*=",
            Kind.NAME,
        ),
    ),
)
_APEX: Final = Grammar(
    functions=("method_declaration", "constructor_declaration", "trigger_declaration"),
    classes=("class_declaration", "interface_declaration"),
    types=("enum_declaration",),
    names=("field_declaration",),
    declarations=("field_declaration",),
    attributes=("field_declaration",),
)

LANGUAGES: Final = (
    LanguageSpec("java", extensions=("java", "jav"), interpreters=("java",), grammar=_JAVA),
    LanguageSpec(
        "kotlin", extensions=("kt", "kts", "ktm"), interpreters=("kotlin",), grammar=_KOTLIN
    ),
    LanguageSpec(
        "scala",
        extensions=("scala", "sc", "sbt", "mill", "kojo"),
        interpreters=("scala", "amm"),
        grammar=_SCALA,
    ),
    LanguageSpec(
        "groovy",
        extensions=("groovy", "gradle", "gvy", "nf"),
        file_names=("jenkinsfile", "nextflow.config"),
        file_patterns=("jenkinsfile.*", "jenkinsfile-*"),
        interpreters=("groovy", "nextflow"),
        grammar=_GROOVY,
    ),
    LanguageSpec(
        "apex",
        extensions=("apex", "trigger", "apxc", "apxt"),
        grammar=_APEX,
    ),
)
