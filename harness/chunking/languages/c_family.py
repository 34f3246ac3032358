"""C and the languages that grew from it; shaders have a module of their own."""

from __future__ import annotations

from typing import Final

from harness.chunking.languages.spec import Grammar, Head, Kind, LanguageSpec

_C: Final = Grammar(
    functions=("function_definition",),
    classes=("struct_specifier", "union_specifier"),
    types=("enum_specifier",),
    names=("declaration", "preproc_def", "preproc_function_def"),
    wrappers=("type_definition",),
    containers=(
        "preproc_if",
        "preproc_ifdef",
        "preproc_else",
        "preproc_elif",
        "linkage_specification",
    ),
    declarations=("declaration",),
    typedefs=("type_definition",),
    attributes=("declaration",),
    bodied=("struct_specifier", "union_specifier"),
)
_CPP: Final = _C.extended(
    Grammar(
        classes=("class_specifier",),
        types=("alias_declaration", "concept_definition"),
        namespaces=("namespace_definition",),
        names=("field_declaration",),
        wrappers=("template_declaration",),
        declarations=("field_declaration",),
        attributes=("field_declaration",),
        bodied=("class_specifier",),
        name_holders=("template_type",),
    )
)
_CSHARP: Final = Grammar(
    functions=(
        "method_declaration",
        "constructor_declaration",
        "destructor_declaration",
        "operator_declaration",
        "local_function_statement",
        "property_declaration",
        "event_declaration",
    ),
    classes=(
        "class_declaration",
        "struct_declaration",
        "interface_declaration",
        "record_declaration",
    ),
    types=("enum_declaration", "delegate_declaration"),
    namespaces=("namespace_declaration", "file_scoped_namespace_declaration"),
    names=("field_declaration",),
    containers=("global_statement", "preproc_if"),
    declarations=("field_declaration",),
    attributes=("field_declaration",),
)

_OBJC: Final = _C.extended(
    Grammar(
        functions=("method_declaration", "method_definition"),
        classes=("protocol_declaration", "class_implementation"),
        names=("property_declaration",),
        containers=("implementation_definition",),
        headed=("class_interface",),
        heads=(
            Head(r"@(?:interface|implementation)\s+(\w+)\s*\(", Kind.EXTENSION),
            Head(r"@(?:interface|implementation)\s+(\w+)", Kind.CLASS),
        ),
    )
)
_D: Final = Grammar(
    functions=("function_declaration", "constructor", "destructor"),
    classes=(
        *("class_declaration", "struct_declaration", "union_declaration"),
        *("interface_declaration", "template_declaration", "mixin_template_declaration"),
    ),
    types=("enum_declaration",),
    names=("alias_declaration", "manifest_constant"),
    containers=("module_def", "attribute_declaration", "conditional_declaration"),
    name_holders=("alias_initializer", "manifest_declarator"),
    nameless={"constructor": "this", "destructor": "~this"},
)

LANGUAGES: Final = (
    LanguageSpec(
        "c",
        extensions=("c", "h", "idc"),
        interpreters=("tcc",),
        preprocessed=True,
        grammar=_C,
    ),
    LanguageSpec("objc", extensions=("mm",), preprocessed=True, grammar=_OBJC),
    LanguageSpec(
        "cpp",
        extensions=(
            *("cpp", "cc", "cxx", "c++", "cppm", "ixx", "cp"),
            *("hpp", "hh", "hxx", "h++"),
            *("ipp", "inl", "tpp", "txx", "tcc", "ii", "moc"),
        ),
        preprocessed=True,
        grammar=_CPP,
    ),
    LanguageSpec("arduino", extensions=("ino", "pde"), preprocessed=True, grammar=_CPP),
    LanguageSpec(
        "csharp",
        extensions=("cs", "csx", "cake"),
        interpreters=("dotnet", "dotnet-script", "csi"),
        grammar=_CSHARP,
    ),
    LanguageSpec("cuda", extensions=("cu", "cuh"), preprocessed=True, grammar=_CPP),
    LanguageSpec(
        "d", extensions=("d", "di"), interpreters=("rdmd", "dub", "dmd", "ldc2"), grammar=_D
    ),
    LanguageSpec("ispc", extensions=("ispc",), preprocessed=True, grammar=_C),
    LanguageSpec(
        "nqc", extensions=("nqc",), grammar=_C.extended(Grammar(functions=("task_definition",)))
    ),
)
