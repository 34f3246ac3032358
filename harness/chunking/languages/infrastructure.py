"""How software is built, deployed and configured."""

from __future__ import annotations

from typing import Final

from harness.chunking.languages.spec import Content, Grammar, Head, Kind, LanguageSpec, Structure

_HCL: Final = Grammar(
    keys=("attribute",),
    headed=("block",),
    heads=(
        # As it is referred to: "aws_x.name", "data.aws_x.name", "module.name".
        Head(r"resource\s+\"?([\w-]+)\"?\s+\"?([\w-]+)", Kind.TYPE, labels=2),
        Head(r"([\w-]+)\s+\"?([\w./-]+)\"?\s+\"?([\w./-]+)\"?\s*\{", Kind.TYPE, labels=2),
        Head(r"(provider)\s+\"?([\w-]+)", Kind.KEY),
        Head(r"([\w-]+)\s+\"?([\w./-]+)\"?\s*\{", Kind.TYPE),
        Head(r"(locals)\s*\{", Kind.NAMESPACE),
        Head(r"([\w-]+)\s*\{", Kind.KEY),
    ),
    containers=("config_file", "body"),
    identifiers=("string_lit",),
)
_MAKE: Final = Grammar(
    keys=("rule",), names=("variable_assignment",), identifiers=("word", "targets")
)

_CMAKE_NAME: Final = r"\(\s*\"?([^\s\"()]+)"
_CMAKE: Final = Grammar(
    headed=("function_def", "macro_def", "normal_command"),
    heads=(
        Head(rf"(?i)(?:function|macro)\s*{_CMAKE_NAME}", Kind.FUNCTION),
        Head(
            r"(?i)add_(?:library|executable|custom_target)\s*\(\s*\"?([^\s\"()]+)",
            Kind.TYPE,
        ),
        Head(r"(?i)add_test\s*\(\s*(?:NAME\s+)?\"?([^\s\"()]+)", Kind.NAME),
        Head(rf"(?i)(?:set|option|project)\s*{_CMAKE_NAME}", Kind.NAME),
        Head(rf"(?i)(?:fetchcontent_declare|externalproject_add)\s*{_CMAKE_NAME}", Kind.NAME),
    ),
    containers=("if_condition", "body"),
)
_MESON: Final = Grammar(
    headed=("operatorunit", "normal_command"),
    heads=(
        Head(r"(\w+)\s*\+?=(?!=)", Kind.NAME),
        Head(
            r"(?:project|executable|library|static_library|shared_library|shared_module"
            r"|both_libraries|custom_target|run_target|test|benchmark|option)\s*\(\s*'([^'\n]+)'",
            Kind.NAME,
        ),
    ),
    containers=("if_condition", "if_command"),
)
_STARLARK: Final = Grammar(
    functions=("function_definition",),
    variables=("assignment",),
    wrappers=("expression_statement",),
    headed=("call",),
    heads=(Head(r"[\w.]+\s*\(\s*(?:[^()]*?[,\s])??name\s*=\s*[\"']([^\"'\n]+)[\"']", Kind.TYPE),),
    containers=("if_statement", "else_clause"),
)
_GN: Final = Grammar(
    headed=("primary_expression",),
    heads=(
        Head(r"template\s*\(\s*\"([^\"\n]+)\"", Kind.FUNCTION),
        Head(r"(?!import\b)\w+\s*\(\s*\"([^\"\n]+)\"\s*\)", Kind.TYPE),
    ),
    containers=("if_statement",),
    continued=("primary_expression",),
)
_NINJA: Final = Grammar(
    functions=("rule",),
    names=("let", "pool"),
    headed=("build",),
    heads=(Head(r"build\s+([^\s:|]+)", Kind.NAME),),
)
_KCONFIG: Final = Grammar(
    types=("config", "menuconfig"),
    containers=("if", "menu", "choice", "comment_entry"),
)
_BICEP: Final = Grammar(
    functions=("user_defined_function",),
    types=("resource_declaration", "module_declaration", "type_declaration"),
    names=("parameter_declaration", "variable_declaration", "output_declaration"),
    attached=("decorators",),
)
_NIX: Final = Grammar(
    headed=("binding",),
    heads=(
        Head(r"\"?([\w'.-]+)\"?\s*=\s*(?:\{[^{}=]*\}\s*:|\w+\s*:(?!/))", Kind.FUNCTION),
        Head(r"\"?([\w'-]+)\"?\s*=\s*(?:rec\s*)?\{", Kind.KEY),
        Head(r"\"?((?:[\w'-]+\.)*[\w'-]+)\"?\s*=", Kind.NAME),
    ),
    containers=(
        *("function_expression", "let_expression", "binding_set", "attrset_expression"),
        *("rec_attrset_expression", "with_expression", "apply_expression"),
        "parenthesized_expression",
    ),
)
_PUPPET: Final = Grammar(
    classes=("class_definition",),
    functions=("defined_resource_type", "function_declaration"),
    types=("type_declaration",),
    identifiers=("class_identifier",),
    headed=("node_definition",),
    heads=(Head(r"node\s+[\"'/]?([^\s\"'/{,]+)", Kind.TYPE),),
)
_REGO: Final = Grammar(
    functions=("rule",),
    identifiers=("rule_head", "var"),
    name_holders=("rule_head",),
    containers=("module", "policy"),
)
_JSONNET: Final = Grammar(
    headed=("bind", "member"),
    heads=(
        Head(r"(?:local\s+)?(\w+)\s*(?:=\s*function\s*)?\([^)]*\)\s*:{0,3}=?", Kind.FUNCTION),
        Head(r"(?:local\s+)?[\"']?([\w-]+)[\"']?\s*\+?(?:=|:{1,3})", Kind.NAME),
    ),
    containers=("local_bind", "object"),
)
_BITBAKE: Final = Grammar(
    functions=(
        *("function_definition", "anonymous_python_function", "python_function_definition"),
    ),
    names=("variable_assignment",),
)

LANGUAGES: Final = (
    LanguageSpec(
        "dockerfile",
        extensions=("dockerfile", "containerfile"),
        file_names=("dockerfile", "containerfile"),
        file_patterns=("dockerfile.*", "containerfile.*", "dockerfile-*", "*.dockerfile.*"),
        grammar=Grammar(names=("from_instruction",), alias_field="as"),
    ),
    LanguageSpec(
        "make",
        extensions=("mk", "mak", "make", "mkfile"),
        file_names=(
            "makefile",
            "gnumakefile",
            "bsdmakefile",
            "makefrag",
            "mkfile",
            "kbuild",
        ),
        file_patterns=(
            *("makefile.am", "makefile.*.am", "makefile.in", "makefile.*.in"),
            *("makefile.*", "makefile-*", "gnumakefile.*"),
        ),
        interpreters=("make", "gmake", "bmake"),
        grammar=_MAKE,
    ),
    LanguageSpec("cmake", extensions=("cmake",), file_names=("cmakelists.txt",), grammar=_CMAKE),
    LanguageSpec(
        "meson",
        extensions=("meson",),
        file_names=("meson.build", "meson_options.txt", "meson.options"),
        grammar=_MESON,
    ),
    LanguageSpec(
        "starlark",
        extensions=("bzl", "star", "bazel", "starlark", "sky", "bxl"),
        file_names=(
            *("build.bazel", "workspace.bazel", "module.bazel", "workspace.bzlmod"),
            *("repo.bazel", "tiltfile"),
        ),
        exact_names=("BUILD", "WORKSPACE", "BUCK", "TARGETS"),
        file_patterns=("tiltfile.*",),
        grammar=_STARLARK,
    ),
    LanguageSpec("gn", extensions=("gn", "gni"), grammar=_GN),
    LanguageSpec("ninja", extensions=("ninja",), grammar=_NINJA),
    LanguageSpec(
        "kconfig",
        file_names=("kconfig",),
        file_patterns=("kconfig.*", "kconfig-*"),
        grammar=_KCONFIG,
    ),
    LanguageSpec("bitbake", extensions=("bb", "bbappend", "bbclass"), grammar=_BITBAKE),
    LanguageSpec(
        "requirements",
        file_names=("requirements.txt", "constraints.txt"),
        file_patterns=("requirements*.in", "requirements*.txt", "constraints*.txt"),
        structure=Structure.LINES,
    ),
    LanguageSpec(
        "hcl",
        extensions=("hcl", "nomad", "tofu"),
        file_names=(".terraform.lock.hcl",),
        content=Content.DATA,
        grammar=_HCL,
    ),
    LanguageSpec("terraform", extensions=("tf", "tfvars"), content=Content.DATA, grammar=_HCL),
    LanguageSpec("bicep", extensions=("bicep", "bicepparam"), grammar=_BICEP),
    LanguageSpec(
        "nix",
        extensions=("nix",),
        interpreters=("nix",),
        grammar=_NIX,
    ),
    LanguageSpec("puppet", extensions=("pp", "puppet"), interpreters=("puppet",), grammar=_PUPPET),
    LanguageSpec("rego", extensions=("rego",), grammar=_REGO),
    LanguageSpec("jsonnet", extensions=("jsonnet", "libsonnet"), grammar=_JSONNET),
    LanguageSpec(
        "gitignore",
        file_names=(
            *(".gitignore", ".dockerignore", ".npmignore", ".eslintignore", ".prettierignore"),
            *(".helmignore", ".gcloudignore", ".ignore", ".rgignore", ".hgignore"),
            *(".stylelintignore", ".vscodeignore", ".cfignore", ".slugignore"),
        ),
        structure=Structure.LINES,
    ),
    LanguageSpec("gitattributes", file_names=(".gitattributes",), structure=Structure.LINES),
    LanguageSpec(
        "pymanifest",
        file_names=("manifest.in",),
        structure=Structure.LINES,
    ),
    LanguageSpec("udev", structure=Structure.LINES),
)
