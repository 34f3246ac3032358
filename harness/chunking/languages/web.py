"""What browsers run and show, and the templates it is made from."""

from __future__ import annotations

from typing import Final

from harness.chunking.languages.spec import Grammar, LanguageSpec

_ECMASCRIPT: Final = Grammar(
    functions=(
        "function_declaration",
        "generator_function_declaration",
        "method_definition",
    ),
    classes=("class_declaration", "class"),
    variables=("variable_declarator",),
    assignments=("assignment_expression", "pair"),
    wrappers=(
        "lexical_declaration",
        "variable_declaration",
        "export_statement",
        "expression_statement",
    ),
    containers=("object", "if_statement", "try_statement"),
    attributes=("variable_declarator",),
    function_values=(
        "function_expression",
        "function",
        "generator_function",
        "arrow_function",
    ),
    class_values=("class",),
)
_JAVASCRIPT: Final = _ECMASCRIPT.extended(
    Grammar(names=("field_definition",), attributes=("field_definition",))
)
_TYPESCRIPT: Final = _ECMASCRIPT.extended(
    Grammar(
        functions=("function_signature",),
        classes=("abstract_class_declaration", "interface_declaration"),
        types=("type_alias_declaration", "enum_declaration"),
        modules=("internal_module", "module"),
        names=("abstract_method_signature", "method_signature"),
        variables=("public_field_definition",),
        wrappers=("ambient_declaration",),
        attributes=("public_field_definition",),
    )
)
_CSS: Final = Grammar(names=("keyframes_statement",), identifiers=("keyframes_name",))
_SCSS: Final = _CSS.extended(Grammar(functions=("mixin_statement", "function_statement")))
_MARKUP: Final = Grammar(containers=("element", "script_element", "style_element"))

LANGUAGES: Final = (
    LanguageSpec(
        "javascript",
        extensions=("js", "mjs", "cjs", "jsx", "es6"),
        interpreters=("node",),
        grammar=_JAVASCRIPT,
    ),
    LanguageSpec(
        "typescript",
        extensions=("ts", "mts", "cts"),
        interpreters=("deno", "bun"),
        grammar=_TYPESCRIPT,
    ),
    LanguageSpec("tsx", extensions=("tsx",), grammar=_TYPESCRIPT),
    LanguageSpec("css", extensions=("css",), grammar=_CSS),
    LanguageSpec("scss", extensions=("scss", "less"), grammar=_SCSS),
    LanguageSpec(
        "html",
        extensions=("html", "htm", "xhtml", "jinja", "jinja2", "j2", "hbs", "mustache"),
        embedded={"script_element": "javascript", "style_element": "css"},
        grammar=_MARKUP,
    ),
    LanguageSpec(
        "vue",
        extensions=("vue",),
        embedded={"script_element": "typescript", "style_element": "css"},
        grammar=_MARKUP.extended(Grammar(containers=("template_element",))),
    ),
    LanguageSpec(
        "svelte",
        extensions=("svelte",),
        embedded={"script_element": "typescript", "style_element": "css"},
        grammar=_MARKUP,
    ),
    LanguageSpec("astro", extensions=("astro",)),
    LanguageSpec("heex", extensions=("heex",)),
    LanguageSpec("twig", extensions=("twig",)),
    LanguageSpec("embeddedtemplate", extensions=("erb", "ejs")),
)
