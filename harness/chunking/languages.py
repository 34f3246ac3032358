"""Which language a file is in: by its name, its extension, its ``#!`` line."""

from __future__ import annotations

import re
from typing import Final

_NAMES: Final = {
    "dockerfile": "dockerfile",
    "containerfile": "dockerfile",
    "makefile": "make",
    "gnumakefile": "make",
    "justfile": "make",
    "cmakelists.txt": "cmake",
    "gemfile": "ruby",
    "rakefile": "ruby",
    "podfile": "ruby",
    "vagrantfile": "ruby",
    "brewfile": "ruby",
    "guardfile": "ruby",
    "jenkinsfile": "groovy",
    "go.mod": "gomod",
    "go.sum": "gosum",
    "build": "starlark",
    "build.bazel": "starlark",
    "workspace": "starlark",
    "meson.build": "meson",
    "requirements.txt": "requirements",
    "pipfile": "toml",
    "cargo.lock": "toml",
    "poetry.lock": "toml",
    "uv.lock": "toml",
    "composer.lock": "json",
    "yarn.lock": "yaml",
    "sconstruct": "python",
    "wscript": "python",
    ".bashrc": "bash",
    ".bash_profile": "bash",
    ".profile": "bash",
    ".zshrc": "bash",
    ".env": "properties",
    ".editorconfig": "ini",
    ".gitconfig": "ini",
    ".gitignore": "gitignore",
    ".dockerignore": "gitignore",
    ".gitattributes": "gitattributes",
    ".babelrc": "json",
    ".eslintrc": "json",
    ".prettierrc": "yaml",
    ".clang-format": "yaml",
    ".vimrc": "vim",
    "pkgbuild": "bash",
    "kconfig": "kconfig",
    "readme": "markdown",
    "changelog": "markdown",
}

_EXTENSIONS: Final = {
    language: extensions.split()
    for language, extensions in {
        "python": "py pyi pyw pyx pxd gyp",
        "javascript": "js mjs cjs jsx es6",
        "typescript": "ts mts cts",
        "tsx": "tsx",
        "go": "go",
        "rust": "rs",
        "java": "java",
        "c": "c h",
        "cpp": "cpp cc cxx c++ hpp hh hxx h++ ipp inl tpp ino",
        "cuda": "cu cuh",
        "csharp": "cs csx",
        "ruby": "rb rake gemspec ru podspec",
        "php": "php phtml php5 php7",
        "kotlin": "kt kts",
        "swift": "swift",
        "scala": "scala sc sbt",
        "bash": "sh bash zsh ksh bats",
        "fish": "fish",
        "sql": "sql ddl dml pgsql psql",
        "html": "html htm xhtml jinja jinja2 j2 hbs mustache",
        "css": "css",
        "scss": "scss less",
        "yaml": "yaml yml",
        "toml": "toml",
        "json": "json jsonc json5 ipynb geojson webmanifest avsc",
        "jsonnet": "jsonnet libsonnet",
        "dockerfile": "dockerfile containerfile",
        "markdown": "md markdown mdx mkd mdown",
        "rst": "rst",
        "vue": "vue",
        "svelte": "svelte",
        "astro": "astro",
        "lua": "lua",
        "luau": "luau",
        "elixir": "ex exs",
        "heex": "heex",
        "erlang": "erl hrl",
        "haskell": "hs",
        "ocaml": "ml",
        "ocaml_interface": "mli",
        "fsharp": "fs fsx",
        "zig": "zig",
        "nim": "nim",
        "d": "d",
        "dart": "dart",
        "julia": "jl",
        "r": "r",
        "matlab": "m",
        "objc": "mm",
        "perl": "pl pm",
        "groovy": "groovy gradle",
        "clojure": "clj cljs cljc edn",
        "commonlisp": "lisp lsp cl",
        "scheme": "scm ss",
        "racket": "rkt",
        "elisp": "el",
        "elm": "elm",
        "purescript": "purs",
        "hcl": "hcl",
        "terraform": "tf tfvars",
        "bicep": "bicep",
        "nix": "nix",
        "cmake": "cmake",
        "make": "mk mak",
        "meson": "meson",
        "starlark": "bzl star bazel",
        "graphql": "graphql gql",
        "proto": "proto",
        "thrift": "thrift",
        "prisma": "prisma",
        "solidity": "sol",
        "powershell": "ps1 psm1 psd1",
        "vim": "vim",
        "tcl": "tcl",
        "pascal": "pas pp",
        "fortran": "f90 f95 f03 f08",
        "ada": "adb ads",
        "cobol": "cob cbl",
        "verilog": "v sv svh vh",
        "vhdl": "vhd vhdl",
        "asm": "asm s",
        "glsl": "glsl vert frag",
        "hlsl": "hlsl",
        "wgsl": "wgsl",
        "xml": "xml xsd xsl xslt svg plist csproj props targets pom wsdl",
        "ini": "ini cfg conf",
        "properties": "properties env",
        "latex": "tex sty cls",
        "bibtex": "bib",
        "typst": "typ",
        "org": "org",
        "gleam": "gleam",
        "hare": "ha",
        "odin": "odin",
        "gdscript": "gd",
        "puppet": "puppet",
        "rego": "rego",
        "kdl": "kdl",
        "ron": "ron",
        "twig": "twig",
        "embeddedtemplate": "erb ejs",
        "csv": "csv",
        "tsv": "tsv",
        "text": "txt text log",
        "po": "po pot",
        "pem": "pem crt key",
    }.items()
}
_BY_EXTENSION: Final = {
    extension: language for language, extensions in _EXTENSIONS.items() for extension in extensions
}

_INTERPRETERS: Final = (
    ("python", "python"),
    ("pypy", "python"),
    ("node", "javascript"),
    ("deno", "typescript"),
    ("bun", "typescript"),
    ("ruby", "ruby"),
    ("perl", "perl"),
    ("php", "php"),
    ("lua", "lua"),
    ("fish", "fish"),
    ("elixir", "elixir"),
    ("escript", "erlang"),
    ("Rscript", "r"),
    ("julia", "julia"),
    ("groovy", "groovy"),
    ("make", "make"),
    ("bash", "bash"),
    ("zsh", "bash"),
    ("dash", "bash"),
    ("ksh", "bash"),
    ("ash", "bash"),
    ("sh", "bash"),
)
_CPP_HEADER = re.compile(
    r"^\s*(?:class\s+\w+|namespace\s+\w+|template\s*<|using\s+\w+|(?:public|private|protected)\s*:"
    r"|#\s*include\s*<(?:string|vector|memory|map|iostream|cstdint|utility|functional|algorithm)>)",
    re.MULTILINE,
)
_OBJC = re.compile(r"^\s*(?:@interface|@implementation|@protocol|#import\b)", re.MULTILINE)


def detect_language(path: str, text: str = "") -> str:
    """The language of a file; ``text`` when unknown.

    :param path: only its last part is used.
    :param text: the content; its first line decides for scripts without an extension, and C++
        and Objective-C headers are told from C by it.
    """
    name = path.rpartition("/")[2].lower()
    language = _NAMES.get(name)
    if language is not None:
        return language
    _, dot, extension = name.rpartition(".")
    if dot:
        language = _BY_EXTENSION.get(extension)
        if language in ("c", "matlab") and extension in ("h", "m"):
            return _by_content(extension, text)
        if language is not None:
            return language
    if name.startswith(("dockerfile.", "containerfile.")):
        return "dockerfile"
    if name.startswith(("makefile.", "requirements")) and extension in ("am", "in", "txt"):
        return "make" if name.startswith("makefile") else "requirements"
    if text.startswith(("#!", "\ufeff#!")):
        return _by_shebang(text[:200].partition("\n")[0])
    return "text"


def _by_content(extension: str, text: str) -> str:
    head = text[:20_000]
    if _OBJC.search(head):
        return "objc"
    if extension == "m":
        return "matlab"
    return "cpp" if _CPP_HEADER.search(head) else "c"


def _by_shebang(line: str) -> str:
    words = line.lstrip("\ufeff")[2:].split()
    for word in words:
        command = word.rpartition("/")[2]
        if command == "env" or command.startswith("-") or "=" in command:
            continue
        for prefix, language in _INTERPRETERS:
            if command.startswith(prefix):
                return language
        break
    return "text"
