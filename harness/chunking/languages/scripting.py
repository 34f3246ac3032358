"""Interpreted languages; shells have a module of their own."""

from __future__ import annotations

from typing import Final

from harness.chunking.languages.spec import Grammar, Head, Kind, LanguageSpec

_PYTHON: Final = Grammar(
    functions=("function_definition",),
    classes=("class_definition",),
    types=("type_alias_statement",),
    variables=("assignment",),
    wrappers=("decorated_definition", "expression_statement"),
    containers=(
        "if_statement",
        "elif_clause",
        "else_clause",
        "try_statement",
        "except_clause",
        "with_statement",
    ),
    attributes=("assignment",),
)
_RUBY: Final = Grammar(
    functions=("method", "singleton_method"),
    classes=("class",),
    modules=("module",),
    variables=("assignment",),
    containers=("singleton_class", "if", "unless"),
    identifiers=("constant",),
    attributes=("assignment",),
    class_values=("class",),
)
_PHP: Final = Grammar(
    functions=("function_definition", "method_declaration"),
    classes=(
        "class_declaration",
        "interface_declaration",
        "trait_declaration",
        "enum_declaration",
    ),
    names=("const_element",),
    wrappers=("const_declaration",),
    containers=("namespace_definition", "if_statement"),
    identifiers=("name", "variable_name"),
)
_LUA: Final = Grammar(
    functions=("function_declaration",),
    assignments=("assignment_statement",),
    wrappers=("variable_declaration",),
    function_values=("function_definition",),
)

_LUAU: Final = _LUA.extended(Grammar(types=("type_definition",)))
_PERL: Final = Grammar(
    functions=("subroutine_declaration_statement", "method_declaration_statement"),
    classes=("class_statement", "role_statement"),
    modules=("package_statement",),
    headed=("use_statement", "expression_statement"),
    heads=(
        Head(r"use\s+constant\s+(\w+)", Kind.NAME),
        Head(r"our\s+[$@%](\w+)", Kind.NAME),
        Head(r"has\s+[\"']?\+?(\w+)[\"']?\s*=>?", Kind.NAME),  # Moose, Moo
        Head(r"(?:Readonly|const)\s+(?:my\s+|our\s+)?[$@%](\w+)", Kind.NAME),
        Head(r"\*(\w+)\s*=\s*sub\b", Kind.FUNCTION),
    ),
    containers=("phaser_statement", "conditional_statement"),
)
_JULIA_NAME: Final = r"((?:[^\W\d]|@)[\w!]*)"
_JULIA_PATH: Final = r"((?:[^\W\d][\w!]*\.)*(?:[^\W\d][\w!]*|:?\(?[+*/<>=^~|&%÷-]+\)?))"
_JULIA: Final = Grammar(
    modules=("module_definition",),
    headed=(
        *("function_definition", "macro_definition", "assignment", "const_statement"),
        *(
            "struct_definition",
            "abstract_definition",
            "primitive_definition",
            "macrocall_expression",
        ),
    ),
    heads=(
        Head(rf"function\s+{_JULIA_PATH}", Kind.FUNCTION, separator="."),
        Head(rf"macro\s+{_JULIA_NAME}", Kind.FUNCTION),
        Head(rf"(?:@\w+\s+)?(?:mutable\s+)?struct\s+{_JULIA_NAME}", Kind.TYPE),
        Head(rf"(?:abstract|primitive)\s+type\s+{_JULIA_NAME}", Kind.TYPE),
        Head(rf"const\s+{_JULIA_NAME}", Kind.NAME),
        Head(r"@testset\s+\"([^\"\n]+)\"", Kind.NAME),
        Head(
            rf"(?:@inline\s+)?{_JULIA_PATH}(?:\{{[^}}\n]*\}})?\([^=]*\)\s*(?:::[^=\n]*|where[^=\n]*)?=(?!=)",
            Kind.FUNCTION,
            separator=".",
        ),
        Head(rf"{_JULIA_NAME}\s*(?:::[^=\n]*)?=(?!=)", Kind.NAME),
    ),
)
_R_NAME: Final = r"(?:([\w.]+)|[`\"']([^`\"'\n]+)[`\"'])"
_R_ASSIGNED: Final = rf"{_R_NAME}\s*(?:<<?-|:?=)\s*"
_R: Final = Grammar(
    headed=("binary_operator", "call", "argument"),
    heads=(
        Head(rf"{_R_ASSIGNED}(?:function\b|\\)", Kind.FUNCTION),
        Head(rf"{_R_ASSIGNED}(?:R6::)?R6Class\s*\(", Kind.CLASS),
        Head(rf"{_R_ASSIGNED}(?:methods::)?set(?:RefClass|Class)\s*\(", Kind.CLASS),
        Head(r"(?:methods::)?set(?:RefClass|Class|Validity)\s*\(\s*[\"']([\w.]+)", Kind.CLASS),
        Head(
            r"(?:methods::)?set(?:Generic|Method|ReplaceMethod)\s*\(\s*[\"']([^\"'\n]+)",
            Kind.FUNCTION,
        ),
        Head(r"(?:testthat::)?(?:test_that|describe)\s*\(\s*[\"']([^\"'\n]+)", Kind.FUNCTION),
        Head(rf"{_R_NAME}\s*(?:<<?-|:=)", Kind.NAME),
        Head(r"([A-Za-z.][\w.]*)\s*=(?!=)\s*(?=[^,()]*$)", Kind.NAME),
    ),
    containers=("arguments",),
)
_MATLAB: Final = Grammar(
    functions=("function_definition",),
    classes=("class_definition",),
    containers=("methods",),
)
_GDSCRIPT: Final = Grammar(
    functions=("function_definition", "constructor_definition"),
    classes=("class_definition",),
    types=("enum_definition",),
    names=(
        *("class_name_statement", "signal_statement", "const_statement", "variable_statement"),
        *("export_variable_statement", "onready_variable_statement"),
    ),
    attributes=("variable_statement",),
    nameless={"constructor_definition": "_init"},
)
_SQUIRREL: Final = Grammar(
    headed=("function_declaration", "update_expression"),
    heads=(
        Head(r"function\s+([\w:]+)", Kind.FUNCTION, separator="::"),
        Head(r"(?:::)?([\w.]+)\s*<-\s*(?:function\b|@)", Kind.FUNCTION, separator="."),
        Head(r"(?:::)?(\w+)\s*<-", Kind.NAME),
    ),
    classes=("class_declaration",),
    types=("enum_declaration",),
    names=("const_declaration", "local_declaration"),
    containers=("member_declaration",),
    attributes=("local_declaration",),
)
_HACK: Final = Grammar(
    functions=("function_declaration", "method_declaration"),
    classes=("class_declaration", "interface_declaration", "trait_declaration"),
    types=("enum_declaration", "alias_declaration"),
    names=("const_declarator",),
    wrappers=("const_declaration",),
    containers=("member_declarations",),
)
_BSL: Final = Grammar(
    functions=("procedure_definition", "function_definition"),
    names=("var_definition",),
)
_MAGIK: Final = Grammar(
    headed=("method", "procedure", "invoke", "package"),
    heads=(
        Head(r"(?i)(?:_\w+\s+)*_method\s+(\w+)\s*\.\s*(\w+)", Kind.FUNCTION),
        Head(r"(?i)_proc\s*@\s*(\w+)", Kind.FUNCTION),
        Head(r"(?i)def_\w*exemplar\s*\(\s*:(\w+)", Kind.TYPE),
        Head(r"(?i)_package\s+(\w+)", Kind.NAMESPACE),
    ),
    containers=("fragment",),
)
_NETLINX: Final = Grammar(
    functions=("function_definition",),
    names=("declaration",),
    wrappers=("define_function",),
    declarations=("declaration",),
)

LANGUAGES: Final = (
    LanguageSpec(
        "python",
        extensions=(
            "py",
            "pyi",
            "pyw",
            "py3",
            "pyx",
            "pxd",
            "pxi",
            "gyp",
            "gypi",
            "wsgi",
            "xsh",
            "smk",
            "pyde",
        ),
        file_names=("sconstruct", "sconscript", "wscript", "snakefile", ".pythonrc"),
        interpreters=(
            *("python", "pythonw", "pypy", "ipython", "jython", "micropython", "pytest", "xonsh"),
            *("uv", "pipx", "sage", "snakemake"),
        ),
        grammar=_PYTHON,
    ),
    LanguageSpec(
        "ruby",
        extensions=(
            "rb",
            "rake",
            "gemspec",
            "ru",
            "podspec",
            "jbuilder",
            "builder",
            "thor",
            "rbw",
            "rbi",
            "rabl",
        ),
        file_names=(
            *("gemfile", "rakefile", "podfile", "vagrantfile", "brewfile", "guardfile"),
            *("capfile", "fastfile", "appfile", "deliverfile", "matchfile", "snapfile"),
            *("berksfile", "cheffile", "puppetfile", "dangerfile", "thorfile", "steepfile"),
            *(".irbrc", ".pryrc", ".simplecov", "buildfile", "gymfile", "scanfile", "pluginfile"),
        ),
        interpreters=("ruby", "jruby", "rake", "macruby", "rbx"),
        grammar=_RUBY,
    ),
    LanguageSpec(
        "php",
        extensions=("php", "phtml", "phps", "php3", "php4", "php5", "php7", "php8", "ctp"),
        interpreters=("php",),
        grammar=_PHP,
    ),
    LanguageSpec("hack", extensions=("hack", "hck", "hhi"), interpreters=("hhvm",), grammar=_HACK),
    LanguageSpec(
        "lua",
        extensions=("lua", "rockspec", "nse", "wlua"),
        file_names=(".luacheckrc",),
        interpreters=("lua", "luajit", "texlua"),
        grammar=_LUA,
    ),
    LanguageSpec("luau", extensions=("luau",), interpreters=("luau", "lune"), grammar=_LUAU),
    LanguageSpec(
        "perl",
        extensions=("pl", "pm", "t", "psgi", "perl", "ph", "plx"),
        file_names=("makefile.pl", "build.pl", "cpanfile", "latexmkrc", ".latexmkrc", "rexfile"),
        interpreters=("perl", "cperl"),
        grammar=_PERL,
    ),
    LanguageSpec("julia", extensions=("jl",), interpreters=("julia",), grammar=_JULIA),
    LanguageSpec(
        "r",
        extensions=("r", "rsx"),
        file_names=(".rprofile",),
        interpreters=("rscript", "r", "littler"),
        grammar=_R,
    ),
    LanguageSpec("matlab", extensions=("m",), interpreters=("octave", "matlab"), grammar=_MATLAB),
    LanguageSpec("gdscript", extensions=("gd",), grammar=_GDSCRIPT),
    LanguageSpec("squirrel", extensions=("nut",), interpreters=("sq",), grammar=_SQUIRREL),
    LanguageSpec("bsl", extensions=("bsl", "os"), interpreters=("oscript",), grammar=_BSL),
    LanguageSpec("magik", extensions=("magik",), grammar=_MAGIK),
    LanguageSpec("netlinx", extensions=("axs", "axi"), grammar=_NETLINX),
)
