"""What people call the languages that an index knows: other names, short forms, extensions.

An extension that is not here is looked up among the indexed files, so the table need not have all.
"""

from __future__ import annotations

from harness.folding import fold
from harness.text import encodable

_ALIASES = {
    "ada": "adb ads",
    "asm": "assembly assembler s nasm gas",
    "astro": "",
    "bash": "sh shell zsh ksh shellscript bats",
    "bicep": "",
    "c": "h c99",
    "clojure": "clj cljs cljc edn clojurescript",
    "cmake": "cmakelists",
    "cobol": "cob cbl",
    "commonlisp": "lisp lsp cl common-lisp",
    "cpp": "c++ cc cxx h hpp hh hxx h++ cplusplus ipp inl tpp",
    "csharp": "c# cs csx c-sharp dotnet",
    "css": "stylesheet",
    "csv": "",
    "cuda": "cu cuh",
    "d": "dlang",
    "dart": "flutter",
    "dockerfile": "docker containerfile",
    "embeddedtemplate": "erb html.erb ejs rhtml ecr eex embedded-ruby",
    "elisp": "el emacs-lisp",
    "elixir": "ex exs",
    "elm": "",
    "erlang": "erl hrl",
    "fortran": "f f77 f90 f95 f03 f08 for",
    "fsharp": "f# fs fsx fsi f-sharp",
    "gleam": "",
    "glsl": "vert frag",
    "go": "golang",
    "gomod": "go.mod",
    "graphql": "gql",
    "groovy": "gradle",
    "hare": "ha",
    "haml": "html.haml",
    "haskell": "hs",
    "hcl": "",
    "terraform": "tf tfvars hcl",
    "html": "htm xhtml",
    "ini": "cfg conf config",
    "java": "",
    "javascript": "js jsx mjs cjs node nodejs ecmascript es6",
    "json": "jsonc json5 jsonl ipynb notebook",
    "jsonnet": "libsonnet",
    "julia": "jl",
    "kotlin": "kt kts",
    "latex": "tex sty cls",
    "lua": "",
    "luau": "",
    "make": "makefile mk mak gnumake",
    "markdown": "md mdx mkd mdown",
    "matlab": "octave m",
    "nim": "nims",
    "nix": "",
    "objc": "objective-c objectivec obj-c m mm objective-c++ objc++",
    "ocaml": "ml",
    "ocaml_interface": "mli ocaml",
    "pascal": "pas pp delphi",
    "perl": "pl pm pl5",
    "php": "",
    "powershell": "ps1 psm1 psd1 pwsh",
    "prisma": "",
    "properties": "env dotenv",
    "proto": "protobuf protocol-buffers",
    "purescript": "purs",
    "python": "py py3 python3 pyi pyw pyx cpython",
    "r": "rlang",
    "racket": "rkt",
    "requirements": "",
    "rst": "restructuredtext",
    "ruby": "rb rake gemspec",
    "rust": "rs",
    "scala": "sc sbt",
    "scheme": "scm ss",
    "scss": "sass",
    "slim": "html.slim",
    "solidity": "sol",
    "sql": "ddl dml pgsql psql mysql postgres postgresql sqlite plsql",
    "starlark": "bzl star bazel",
    "svelte": "",
    "swift": "",
    "text": "txt plain plaintext plain-text",
    "toml": "",
    "tsx": "typescript ts react",
    "typescript": "ts mts cts",
    "verilog": "v sv svh vh systemverilog",
    "vhdl": "vhd",
    "vim": "vimscript viml",
    "vue": "vuejs",
    "xml": "xsd xsl xslt svg",
    "yaml": "yml",
    "zig": "",
}
"""Names in the index, and what else they are asked for by; several may have one alias."""


def _spelling(name: str) -> str:
    """A name without what people write or leave out: case, blanks, ``-``, ``_``, a first dot."""
    name = fold(name.strip()).removeprefix("*").removeprefix(".")
    return name.replace(" ", "").replace("-", "").replace("_", "")


def _table() -> dict[str, tuple[str, ...]]:
    table: dict[str, tuple[str, ...]] = {}
    for language, aliases in _ALIASES.items():
        for alias in {_spelling(name) for name in (language, *aliases.split())}:
            table[alias] = (*table.get(alias, ()), language)
    return table


_LANGUAGES = _table()


def is_known(name: str) -> bool:
    """Tell whether a name is in the table.

    :param name: as a person wrote it.
    """
    return _spelling(name) in _LANGUAGES


def languages_called(name: str) -> tuple[str, ...]:
    """The languages of an index that a name may mean, at least one: a name that is not known may
    be that of a language which only the index knows.

    :param name: as a person wrote it, such as ``Python``, ``py``, ``.py``, ``C#``.
    """
    name = encodable(name)
    spelling = _spelling(name)
    return tuple(sorted({*_LANGUAGES.get(spelling, ()), spelling, fold(name.strip())}))


def extension_of(name: str) -> str:
    """The end of a file's name that a name may mean, folded: ``.ino`` for ``ino``.

    :param name: as a person wrote it.
    """
    return "." + fold(name.strip()).removeprefix("*").removeprefix(".")
