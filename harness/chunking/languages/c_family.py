"""C, the languages that grew from it, and shaders."""

from __future__ import annotations

import re
from typing import Final

from harness.chunking.languages.spec import Grammar, LanguageSpec

_OBJECTIVE_C: Final = re.compile(
    r"^\s*(?:@interface|@implementation|@protocol|#import\b)", re.MULTILINE
)
_CPP_HEADER: Final = re.compile(
    r"^\s*(?:class\s+\w+|namespace\s+\w+|template\s*<|using\s+\w+|(?:public|private|protected)\s*:"
    r"|#\s*include\s*<(?:string|vector|memory|map|iostream|cstdint|utility|functional|algorithm)>)",
    re.MULTILINE,
)

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

LANGUAGES: Final = (
    LanguageSpec("c", extensions=("c", "h"), preprocessed=True, grammar=_C),
    LanguageSpec(
        "objc",
        extensions=("mm",),
        content_marks={"h": _OBJECTIVE_C, "m": _OBJECTIVE_C},
    ),
    LanguageSpec(
        "cpp",
        extensions=(
            *("cpp", "cc", "cxx", "c++"),
            *("hpp", "hh", "hxx", "h++"),
            *("ipp", "inl", "tpp", "ino"),
        ),
        content_marks={"h": _CPP_HEADER},
        preprocessed=True,
        grammar=_CPP,
    ),
    LanguageSpec("csharp", extensions=("cs", "csx"), grammar=_CSHARP),
    LanguageSpec("cuda", extensions=("cu", "cuh")),
    LanguageSpec("d", extensions=("d",)),
    LanguageSpec("glsl", extensions=("glsl", "vert", "frag")),
    LanguageSpec("hlsl", extensions=("hlsl",)),
    LanguageSpec("wgsl", extensions=("wgsl",)),
)
