"""How software is built, deployed and configured."""

from __future__ import annotations

from typing import Final

from harness.chunking.languages.spec import Content, Grammar, LanguageSpec, Structure

_HCL: Final = Grammar(
    keys=("block", "attribute"),
    containers=("config_file", "body"),
    identifiers=("string_lit",),
)
_MAKE: Final = Grammar(
    keys=("rule",), names=("variable_assignment",), identifiers=("word", "targets")
)

LANGUAGES: Final = (
    LanguageSpec(
        "dockerfile",
        extensions=("dockerfile", "containerfile"),
        file_names=("dockerfile", "containerfile"),
        file_patterns=("dockerfile.*", "containerfile.*"),
        grammar=Grammar(names=("from_instruction",), alias_field="as"),
    ),
    LanguageSpec(
        "make",
        extensions=("mk", "mak"),
        file_names=("makefile", "gnumakefile", "justfile"),
        file_patterns=("makefile.am", "makefile.*.am", "makefile.in", "makefile.*.in"),
        interpreters=("make",),
        grammar=_MAKE,
    ),
    LanguageSpec("cmake", extensions=("cmake",), file_names=("cmakelists.txt",)),
    LanguageSpec("meson", extensions=("meson",), file_names=("meson.build",)),
    LanguageSpec(
        "starlark",
        extensions=("bzl", "star", "bazel"),
        file_names=("build", "build.bazel", "workspace"),
    ),
    LanguageSpec("kconfig", file_names=("kconfig",)),
    LanguageSpec(
        "requirements",
        file_names=("requirements.txt",),
        file_patterns=("requirements*.in",),
        structure=Structure.LINES,
    ),
    LanguageSpec("hcl", extensions=("hcl",), content=Content.DATA, grammar=_HCL),
    LanguageSpec("terraform", extensions=("tf", "tfvars"), content=Content.DATA),
    LanguageSpec("bicep", extensions=("bicep",)),
    LanguageSpec("nix", extensions=("nix",)),
    LanguageSpec("puppet", extensions=("puppet",)),
    LanguageSpec("rego", extensions=("rego",)),
    LanguageSpec("jsonnet", extensions=("jsonnet", "libsonnet")),
    LanguageSpec(
        "gitignore",
        file_names=(".gitignore", ".dockerignore"),
        structure=Structure.LINES,
    ),
    LanguageSpec("gitattributes", file_names=(".gitattributes",), structure=Structure.LINES),
)
