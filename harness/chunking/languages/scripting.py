"""Interpreted languages, shells included."""

from __future__ import annotations

from typing import Final

from harness.chunking.languages.spec import Grammar, LanguageSpec

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
_BASH: Final = Grammar(
    functions=("function_definition",),
    names=("variable_assignment",),
    wrappers=("declaration_command",),
    containers=("if_statement",),
    identifiers=("word", "variable_name"),
)

LANGUAGES: Final = (
    LanguageSpec(
        "python",
        extensions=("py", "pyi", "pyw", "pyx", "pxd", "gyp"),
        file_names=("sconstruct", "wscript"),
        interpreters=("python", "pypy"),
        grammar=_PYTHON,
    ),
    LanguageSpec(
        "ruby",
        extensions=("rb", "rake", "gemspec", "ru", "podspec"),
        file_names=(
            *("gemfile", "rakefile", "podfile"),
            *("vagrantfile", "brewfile", "guardfile"),
        ),
        interpreters=("ruby",),
        grammar=_RUBY,
    ),
    LanguageSpec(
        "php",
        extensions=("php", "phtml", "php5", "php7"),
        interpreters=("php",),
        grammar=_PHP,
    ),
    LanguageSpec("lua", extensions=("lua",), interpreters=("lua",), grammar=_LUA),
    LanguageSpec(
        "bash",
        extensions=("sh", "bash", "zsh", "ksh", "bats"),
        file_names=(".bashrc", ".bash_profile", ".profile", ".zshrc", "pkgbuild"),
        interpreters=("bash", "zsh", "dash", "ksh", "ash", "sh"),
        grammar=_BASH,
    ),
    LanguageSpec("fish", extensions=("fish",), interpreters=("fish",)),
    LanguageSpec("powershell", extensions=("ps1", "psm1", "psd1")),
    LanguageSpec("perl", extensions=("pl", "pm"), interpreters=("perl",)),
    LanguageSpec("luau", extensions=("luau",)),
    LanguageSpec("julia", extensions=("jl",), interpreters=("julia",)),
    LanguageSpec("r", extensions=("r",), interpreters=("Rscript",)),
    LanguageSpec("matlab", extensions=("m",)),
    LanguageSpec("tcl", extensions=("tcl",)),
    LanguageSpec("gdscript", extensions=("gd",)),
    LanguageSpec("vim", extensions=("vim",), file_names=(".vimrc",)),
)
