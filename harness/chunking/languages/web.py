"""What browsers run and show, and the templates it is made from."""

from __future__ import annotations

from typing import Final

from harness.chunking.languages.spec import Grammar, Head, Kind, LanguageSpec, Structure

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
    around_modules=(
        *("expression_statement", "variable_declarator", "assignment_expression"),
        "export_statement",
    ),
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
_CSS: Final = Grammar(
    names=("keyframes_statement",),
    identifiers=("keyframes_name",),
    headed=("rule_set", "declaration", "at_rule"),
    heads=(
        Head(r"(--[\w-]+)\s*:", Kind.NAME),
        Head(r"[$@]([\w-]+)\s*:", Kind.NAME),
        Head(
            r"@(?:layer|property|counter-style|container|font-feature-values|font-palette-values)\s+(-{0,2}[\w-]+)",
            Kind.NAME,
        ),
        Head(r"(?<![\"'])[.#%](-?[A-Za-z_][\w-]*)(?=[^\"'\]]*(?:$|\[))", Kind.NAME, several=True),
    ),
    containers=("media_statement", "supports_statement"),
)
_SCSS: Final = _CSS.extended(Grammar(functions=("mixin_statement", "function_statement")))
_MARKUP: Final = Grammar(containers=("element", "script_element", "style_element"))
_QML: Final = _TYPESCRIPT.extended(
    Grammar(
        classes=("ui_inline_component",),
        headed=("ui_binding", "ui_property", "ui_signal"),
        heads=(
            Head(r"id\s*:\s*(\w+)", Kind.NAME),
            Head(r"(?:(?:default|readonly|required)\s+)*property\s+[\w.<>]+\s+(\w+)", Kind.NAME),
            Head(r"signal\s+(\w+)", Kind.NAME),
        ),
        containers=("ui_object_definition", "ui_object_initializer", "ui_annotated_object"),
    )
)

LANGUAGES: Final = (
    LanguageSpec(
        "javascript",
        extensions=("js", "mjs", "cjs", "jsx", "es6", "es", "jsm", "jscad", "wxs", "snap"),
        file_names=("jakefile", ".eslintrc.js"),
        interpreters=(
            "node",
            "nodejs",
            "qjs",
            "d8",
            "zx",
            "gjs",
            "rhino",
            "phantomjs",
            "npx",
            "bunx",
            "osascript",
        ),
        grammar=_JAVASCRIPT,
    ),
    LanguageSpec(
        "typescript",
        extensions=("ts", "mts", "cts"),
        interpreters=("deno", "bun", "ts-node", "tsx"),
        grammar=_TYPESCRIPT,
    ),
    LanguageSpec("tsx", extensions=("tsx",), grammar=_TYPESCRIPT),
    LanguageSpec("qmljs", extensions=("qml",), interpreters=("qml",), grammar=_QML),
    LanguageSpec("qmldir", file_names=("qmldir",), structure=Structure.LINES),
    LanguageSpec("css", extensions=("css", "pcss", "postcss", "wxss"), grammar=_CSS),
    LanguageSpec("scss", extensions=("scss", "less"), grammar=_SCSS),
    LanguageSpec(
        "html",
        extensions=(
            *("html", "htm", "xhtml", "jinja", "jinja2", "j2", "hbs", "mustache", "handlebars"),
            *("njk", "liquid", "cshtml", "razor", "shtml", "jsp", "jspx", "aspx", "ascx", "wxml"),
            *("ftl", "ftlh", "gohtml", "eta", "nunjucks", "gsp"),
        ),
        file_patterns=("*.blade.php",),
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
    LanguageSpec(
        "astro",
        extensions=("astro",),
        embedded={
            "script_element": "typescript",
            "style_element": "css",
            "frontmatter": "typescript",
        },
        grammar=_MARKUP.extended(Grammar(containers=("frontmatter",))),
    ),
    LanguageSpec("heex", extensions=("heex", "leex")),
    LanguageSpec(
        "twig",
        extensions=("twig",),
        grammar=Grammar(
            headed=("statement_directive",),
            heads=(Head(r"\s*\{%[-~]?\s*(?:block|macro)\s+(\w+)", Kind.NAME),),
        ),
    ),
    LanguageSpec("embeddedtemplate", extensions=("erb", "ejs", "rhtml", "ecr", "eex")),
    LanguageSpec("haml", extensions=("haml",), structure=Structure.LINES),
    LanguageSpec("slim", extensions=("slim",), structure=Structure.LINES),
)
