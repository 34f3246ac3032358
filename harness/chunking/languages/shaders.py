"""Programs for graphics processors."""

from __future__ import annotations

from typing import Final

from harness.chunking.languages.spec import Grammar, Head, Kind, LanguageSpec

_C_LIKE: Final = Grammar(
    functions=("function_definition",),
    classes=("struct_specifier",),
    names=("declaration", "preproc_def", "preproc_function_def"),
    containers=("preproc_if", "preproc_ifdef", "preproc_else", "preproc_elif"),
    declarations=("declaration",),
    attributes=("declaration",),
    bodied=("struct_specifier",),
)
_HLSL: Final = _C_LIKE.extended(
    Grammar(
        classes=("class_specifier",),
        namespaces=("namespace_definition",),
        wrappers=("template_declaration",),
        bodied=("class_specifier",),
    )
)
_WGSL: Final = Grammar(
    functions=("function_declaration",),
    types=("struct_declaration", "type_alias_declaration"),
    names=("global_variable_declaration", "global_constant_declaration"),
    identifiers=("variable_declaration",),
    name_holders=("variable_declaration", "variable_identifier_declaration"),
    # The grammar is older than ``const``, ``override`` and ``alias``.
    headed=("ERROR",),
    heads=(Head(r"(?:const|override|alias)\s+(\w+)", Kind.NAME),),
)

LANGUAGES: Final = (
    LanguageSpec(
        "glsl",
        extensions=(
            *("glsl", "vert", "frag", "geom", "comp", "tesc", "tese"),
            *("rgen", "rchit", "rahit", "rmiss", "rint", "rcall"),
            *("fsh", "vs", "glslv", "glslf"),
        ),
        preprocessed=True,
        grammar=_C_LIKE,
    ),
    LanguageSpec(
        "hlsl",
        extensions=("hlsl", "hlsli", "fx", "fxh", "usf", "ush", "cginc", "compute"),
        preprocessed=True,
        grammar=_HLSL,
    ),
    LanguageSpec("wgsl", extensions=("wgsl",), grammar=_WGSL),
)
