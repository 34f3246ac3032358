"""Lisps: every definition is a list whose first word says what it defines."""

from __future__ import annotations

from typing import Final

from harness.chunking.languages.spec import Grammar, Head, Kind, LanguageSpec

_NAME: Final = r"""([^\s()\[\]{}"';`,|]+)"""
# Clojure's ^:private and ^{:doc "…"} before a name.
_METADATA: Final = r"(?:\^(?:\{[^}]*\}|\S+)\s+)*"


def _form(words: str, kind: Kind, *, separator: str = "") -> Head:
    """The head of ``(word name …)``, ``(word (name argument …) …)`` and ``(word 'name …)``."""
    return Head(
        rf"\(\s*(?:[\w.-]+/)?(?:{words})\s+{_METADATA}[('#:|\[]*(?:setf\s+)?"
        rf"(?:[\w.-]+::?(?=[^\s:]))?{_NAME}",
        kind,
        separator=separator,
    )


_CLOJURE: Final = Grammar(
    headed=("list_lit",),
    heads=(
        _form("ns|in-ns", Kind.NAMESPACE),
        _form(
            "defn-?|defmacro-?|definline|defmulti|defmethod|deftest|defspec|defgenerator",
            Kind.FUNCTION,
        ),
        _form("defprotocol|definterface|defrecord|deftype|defstruct", Kind.TYPE),
        _form(r"def[\w+*!?<>=.-]*", Kind.NAME),
    ),
)
_COMMON_LISP: Final = Grammar(
    headed=("list_lit",),
    heads=(
        _form("defpackage|uiop:define-package", Kind.NAMESPACE),
        _form("defclass|defstruct|define-condition|deftype", Kind.TYPE),
        _form("defvar|defparameter|defconstant|defglobal|define-symbol-macro", Kind.NAME),
        _form(r"def(?:un|macro|generic|method|setf|test|ine-[\w-]+|[\w-]+)", Kind.FUNCTION),
    ),
)
_LAMBDA: Final = Head(rf"\(\s*define\s+{_NAME}\s+[(\[](?:case-)?(?:lambda|λ)\b", Kind.FUNCTION)
_SCHEME: Final = Grammar(
    headed=("list",),
    heads=(
        _LAMBDA,
        Head(rf"\(\s*define(?:-public|\*)?\s+\(+{_NAME}", Kind.FUNCTION),
        _form("define-syntax(?:-rule)?|define-macro", Kind.FUNCTION),
        _form("define-record-type", Kind.TYPE),
        Head(r"\(\s*(?:define-library|library|define-module)\s+\(([^()]+)\)", Kind.NAMESPACE),
        _form(r"define[\w*-]*", Kind.NAME),
    ),
)
_RACKET: Final = Grammar(
    headed=("list",),
    heads=(
        _LAMBDA,
        _form(r"define-syntax[\w-]*|define/(?:public|private|override|augment)", Kind.FUNCTION),
        Head(rf"\(\s*define[\w*/-]*\s+\(+{_NAME}", Kind.FUNCTION),
        _form("struct|define-struct|define-record-type", Kind.TYPE),
        _form(r"module[+*]?", Kind.NAMESPACE),
        _form(r"define[\w*/-]*", Kind.NAME),
    ),
)
_ELISP: Final = Grammar(
    functions=("function_definition", "macro_definition"),
    identifiers=("symbol",),
    headed=("list", "special_form"),
    heads=(
        _form(
            r"(?:cl-)?def(?:un|macro|subst|generic|method|advice|alias)\*?|define-[\w-]+"
            r"|ert-deftest|transient-define-[\w-]+",
            Kind.FUNCTION,
        ),
        _form("cl-defstruct|defclass|define-error", Kind.TYPE),
        _form(r"def(?:var|var-local|custom|const|face|group|ine-key)", Kind.NAME),
    ),
)
_FENNEL: Final = Grammar(
    functions=("fn", "lambda"),
    names=("local", "var", "global"),
    identifiers=("symbol",),
    name_holders=("binding",),
    headed=("list",),
    heads=(_form("macro", Kind.FUNCTION),),
)
_JANET: Final = Grammar(
    names=("def", "var"),
    functions=("extra_defs",),
)
_CLARITY: Final = Grammar(
    functions=("public_function", "private_function", "read_only_function"),
    names=("constant_definition", "variable_definition", "mapping_definition"),
    types=("fungible_token_definition", "non_fungible_token_definition"),
    containers=("function_definition", "token_definition"),
    name_holders=("function_signature",),
    headed=("trait_definition",),
    heads=(_form("define-trait", Kind.TYPE),),
)
_YUCK: Final = Grammar(
    headed=("list",),
    heads=(
        _form("defwidget|defwindow", Kind.FUNCTION),
        _form("defvar|defpoll|deflisten", Kind.NAME),
    ),
)

LANGUAGES: Final = (
    LanguageSpec(
        "clojure",
        extensions=("clj", "cljs", "cljc", "cljd", "edn", "boot"),
        interpreters=("bb", "clojure", "clj"),
        grammar=_CLOJURE,
    ),
    LanguageSpec(
        "commonlisp",
        extensions=("lisp", "lsp", "asd", "sexp", "cl"),
        interpreters=("sbcl", "clisp", "ecl"),
        grammar=_COMMON_LISP,
    ),
    LanguageSpec(
        "scheme",
        extensions=("scm", "ss", "sld", "sps", "sch"),
        interpreters=("guile", "chibi-scheme", "gosh"),
        grammar=_SCHEME,
    ),
    LanguageSpec(
        "racket", extensions=("rkt", "rktl", "scrbl"), interpreters=("racket",), grammar=_RACKET
    ),
    LanguageSpec(
        "elisp",
        extensions=("el",),
        file_names=(".emacs", "_emacs", "cask"),
        interpreters=("emacs",),
        grammar=_ELISP,
    ),
    LanguageSpec("fennel", extensions=("fnl",), interpreters=("fennel",), grammar=_FENNEL),
    LanguageSpec("janet", extensions=("janet", "jdn"), interpreters=("janet",), grammar=_JANET),
    LanguageSpec("clarity", extensions=("clar",), grammar=_CLARITY),
    LanguageSpec("yuck", extensions=("yuck",), grammar=_YUCK),
)
