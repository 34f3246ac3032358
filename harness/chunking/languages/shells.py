"""Shells, and languages whose programs are mostly commands."""

from __future__ import annotations

from typing import Final

from harness.chunking.languages.spec import Grammar, Head, Kind, LanguageSpec

_BASH: Final = Grammar(
    functions=("function_definition",),
    names=("variable_assignment",),
    wrappers=("declaration_command",),
    containers=("if_statement",),
    identifiers=("word", "variable_name"),
)
_TCL: Final = Grammar(
    headed=("procedure", "namespace", "command", "set"),
    heads=(
        Head(r"proc\s+:*([^\s{}]+)", Kind.FUNCTION, separator="::"),
        Head(r"namespace\s+eval\s+:*([^\s{}]+)", Kind.NAMESPACE, separator="::"),
        Head(r"(?:oo::|itcl::)?class\s+(?:create\s+)?:*([^\s{}]+)", Kind.CLASS, separator="::"),
        Head(r"(?:method|typemethod|snit::method)\s+([^\s{}]+)", Kind.FUNCTION),
        Head(r"(constructor|destructor)\b", Kind.FUNCTION),
        Head(r"(?:variable|set)\s+:*([\w:]+)", Kind.NAME),
    ),
    containers=("braced_word",),
)
_VIM: Final = Grammar(
    functions=("function_definition",),
    names=("command_statement",),
    identifiers=("function_declaration",),
    name_holders=("function_declaration",),
    headed=("let_statement", "const_statement", "autocmd_statement"),
    heads=(Head(r"(?:let|const)\s+(?:[gsbwt]:)?([\w#]+)\s*=", Kind.NAME),),
    containers=("if_statement",),
)
_FISH: Final = Grammar(
    functions=("function_definition",),
    headed=("command",),
    heads=(
        Head(r"set\s+(?:-[a-zA-Z]+\s+|--[\w-]+\s+)*([\w]+)\s", Kind.NAME),
        Head(r"(?:abbr|alias)\s+(?:-[\w-]+\s+)*([\w-]+)[\s=]", Kind.NAME),
    ),
    containers=("if_statement",),
)
_POWERSHELL: Final = Grammar(
    functions=("function_statement", "class_method_definition"),
    classes=("class_statement",),
    types=("enum_statement",),
    identifiers=("function_name", "simple_name"),
    headed=("pipeline",),
    heads=(
        Head(r"(?i)\$(?:(?:global|script|env):)?(\w+)\s*=(?!=)", Kind.NAME),
        Head(r"(?i)set-alias\s+(?:-name\s+)?([\w-]+)", Kind.NAME),
        Head(r"(?i)(?:describe|context)\s+[\"']([^\"'\n]+)", Kind.NAME),
        Head(r"(?i)configuration\s+([\w-]+)\s*\{", Kind.NAME),
    ),
)

LANGUAGES: Final = (
    LanguageSpec(
        "bash",
        extensions=("sh", "bash", "zsh", "ksh", "bats", "ebuild", "eclass", "zsh-theme", "command"),
        file_names=(
            *(".bashrc", ".bash_profile", ".bash_aliases", ".bash_login", ".bash_logout"),
            *(".profile", ".zshrc", ".zshenv", ".zprofile", ".zlogin", ".zlogout"),
            *(".kshrc", ".envrc", ".xinitrc", ".xprofile", "bashrc", "zshrc", "kshrc", "pkgbuild"),
            *("apkbuild", "gradlew", "mvnw"),
        ),
        interpreters=(
            "bash",
            "zsh",
            "dash",
            "ksh",
            "mksh",
            "pdksh",
            "ash",
            "sh",
            "bats",
            "rbash",
            "openrc-run",
        ),
        grammar=_BASH,
    ),
    LanguageSpec("fish", extensions=("fish",), interpreters=("fish",), grammar=_FISH),
    LanguageSpec(
        "powershell",
        extensions=("ps1", "psm1", "psd1"),
        interpreters=("pwsh", "powershell"),
        grammar=_POWERSHELL,
    ),
    LanguageSpec(
        "tcl",
        extensions=("tcl", "tk", "itcl", "sdc", "xdc"),
        interpreters=("tclsh", "wish", "expect", "jimsh"),
        grammar=_TCL,
    ),
    LanguageSpec(
        "vim",
        extensions=("vim", "vimrc", "vmb"),
        file_names=(".vimrc", "_vimrc", ".gvimrc", ".exrc", "vimrc", ".nvimrc"),
        interpreters=("vim", "nvim"),
        grammar=_VIM,
    ),
)
