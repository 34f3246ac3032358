"""The form of a language's declaration.

A language is one :class:`LanguageSpec` in the ``LANGUAGES`` of a module of this package: how its
files are recognised, what they hold, and which nodes of its tree-sitter grammar define
something. Nothing else in the chunker knows a language by its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field, fields
from enum import Enum
from typing import Any, Final


class Kind(Enum):
    """What a definition is."""

    FUNCTION = "function"
    METHOD = "method"  # never in a grammar: a function inside a class, or with a receiver
    CLASS = "class"  # a type whose members are definitions, too
    TYPE = "type"  # a type without such members
    MODULE = "module"
    NAMESPACE = "namespace"  # a module whose own name is not a definition: many files share it
    EXTENSION = "extension"  # adds members to a type defined elsewhere (Rust's ``impl``)
    NAME = "name"  # constant, variable, macro or prototype: a name with nothing inside
    KEY = "key"  # of a data file
    SECTION = "section"  # of prose


class Rule(Enum):
    """What to do with a node that is not always, or not itself, a definition."""

    VARIABLE = "variable"
    ASSIGNMENT = "assignment"
    CALL = "call"
    HEADED = "headed"
    WRAPPER = "wrapper"
    CONTAINER = "container"


Role = Kind | Rule

_ROLE_OF_FIELD: Final[dict[str, Role]] = {
    "functions": Kind.FUNCTION,
    "classes": Kind.CLASS,
    "types": Kind.TYPE,
    "modules": Kind.MODULE,
    "namespaces": Kind.NAMESPACE,
    "extensions": Kind.EXTENSION,
    "names": Kind.NAME,
    "keys": Kind.KEY,
    "variables": Rule.VARIABLE,
    "assignments": Rule.ASSIGNMENT,
    "calls": Rule.CALL,
    "headed": Rule.HEADED,
    "wrappers": Rule.WRAPPER,
    "containers": Rule.CONTAINER,
}


@dataclass(frozen=True, slots=True)
class Head:
    """How the text of a node that defines something begins, for grammars that do not say so.

    :param pattern: matched at the beginning of the node's text, of which only some hundred
        characters are looked at; its groups that matched are the parts of the name.
    :param separator: between further parts inside a group.
    :param several: the pattern is searched for instead, up to the first brace, and every match
        is a name (CSS selectors).
    :param labels: how many of the last parts are names; of one it is only the last.
    """

    pattern: str
    kind: Kind
    _: KW_ONLY
    separator: str = ""
    several: bool = False
    labels: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Grammar:
    """What the node types of a tree-sitter grammar mean; a type has at most one role."""

    # Definitions of the Kind of the same name.
    functions: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()

    # ``name = value``: a function or a class if the value is one, else a name.
    variables: tuple[str, ...] = ()
    # The same, but defines nothing unless the value is a function or a class, or the target is
    # exported (JavaScript's ``exports.name``, ``Type.prototype.name``).
    assignments: tuple[str, ...] = ()
    # Values that are functions, and values that are classes.
    function_values: tuple[str, ...] = ()
    class_values: tuple[str, ...] = ()

    # Calls that define what is called in their arguments, if ``defining_calls`` has their name.
    calls: tuple[str, ...] = ()
    defining_calls: Mapping[str, Kind] = field(default_factory=dict)

    # Nodes that define what the first of ``heads`` says that matches their text, or nothing.
    headed: tuple[str, ...] = ()
    heads: tuple[Head, ...] = ()

    # Nodes around a definition that belong to it (decorators, ``export``).
    wrappers: tuple[str, ...] = ()
    # Those of ``wrappers`` that also define the names in their declarators (C).
    typedefs: tuple[str, ...] = ()
    # Nodes that define nothing themselves but may hold definitions.
    containers: tuple[str, ...] = ()
    # Nodes that may hold a function around a whole module (module_functions); what is in it is at
    # the top level.
    around_modules: tuple[str, ...] = ()
    # Nodes that belong to the sibling below, beside comments and COMMON_ATTACHED.
    attached: tuple[str, ...] = ()

    # Nodes that are a definition's name where the grammar has no field ``name``, beside
    # COMMON_IDENTIFIERS.
    identifiers: tuple[str, ...] = ()
    # Nodes between a definition and the node that is its name.
    name_holders: tuple[str, ...] = ()
    # The names of functions that have none of their own (constructors).
    nameless: Mapping[str, str] = field(default_factory=dict)
    # The field that holds the name of ``names``; one without it defines nothing.
    alias_field: str = ""
    # Those of ``names`` whose names are in declarators (C, Java).
    declarations: tuple[str, ...] = ()

    # Definitions without an end of their own: they go on up to the next one beside them (labels).
    open_ended: tuple[str, ...] = ()
    # Nodes that carry on the definition beside them (a body that is no child of its function).
    continued: tuple[str, ...] = ()

    # Those of ``names`` and ``variables`` that are mere attributes when inside a class: there
    # only names in capitals, constants, count.
    attributes: tuple[str, ...] = ()
    # Those of ``classes`` that are only mentioned, not defined, when they have no body.
    bodied: tuple[str, ...] = ()

    roles: Mapping[str, Role] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # What a grammar could not make sense of may hold definitions that it could.
        roles: dict[str, Role] = {} if "ERROR" in self.headed else {"ERROR": Rule.CONTAINER}
        for name, role in _ROLE_OF_FIELD.items():
            for node_type in getattr(self, name):
                if node_type in roles:
                    raise ValueError(f"{node_type} is in {name} and has a role already")
                roles[node_type] = role
        object.__setattr__(self, "roles", roles)

    def extended(self, more: Grammar) -> Grammar:
        """This grammar with what ``more`` adds to it: a dialect."""
        declared = [item.name for item in fields(self) if item.init]
        return Grammar(
            **{name: _joined(getattr(self, name), getattr(more, name)) for name in declared}
        )


def _joined(first: Any, second: Any) -> Any:
    if isinstance(first, tuple):
        return first + second
    return {**first, **second} if isinstance(first, Mapping) else second or first


COMMON_IDENTIFIERS: Final = frozenset(
    {
        "identifier",
        "simple_identifier",
        "type_identifier",
        "field_identifier",
        "property_identifier",
    }
)
COMMON_ATTACHED: Final = frozenset(
    {
        "attribute_item",
        "attribute_list",
        "decorator",
        "annotation",
        "access_specifier",
    }
)
# Endings of the types of nodes that only hold the members of the definition around them.
BODY_ENDINGS: Final = (
    "_body",
    "_block",
    "_list",
    "block",
    "body",
    "body_statement",
    "_members",
    "_declarations",
)


class Structure(Enum):
    """What a file is cut along."""

    TREE = "tree"
    HEADINGS = "headings"
    LINES = "lines"  # the grammar tells nothing useful for chunks, or is slower than it is worth


class Content(Enum):
    """What a chunk is called when no definition makes up most of it."""

    CODE = "code"
    DATA = "data"
    PROSE = "prose"


@dataclass(frozen=True, slots=True)
class LanguageSpec:
    """All that is known about a language.

    :param name: the language's name in the index, and its grammar's in
        ``tree_sitter_language_pack``.
    :param extensions: without the dot, in lower case. Those that several languages use are
        decided by :mod:`harness.chunking.languages.disputed` first.
    :param file_names: whole names, in lower case; they take precedence over extensions.
    :param file_patterns: for names that no extension decides, as of :mod:`fnmatch`.
    :param interpreters: commands in a ``#!`` line, in lower case, without version.
    :param exact_names: whole names that mean this language only as written (``BUILD``).
    :param marks: what single lines define, beside what the tree tells or without one.
    :param preprocessed: has C's macros and conditions, which disturb the parser.
    :param blanked: a pattern of words that structure nothing but derail the grammar; the parser
        sees blanks in their place.
    :param embedded: elements whose raw text is in another language, and that language.
    """

    name: str
    _: KW_ONLY
    extensions: tuple[str, ...] = ()
    file_names: tuple[str, ...] = ()
    file_patterns: tuple[str, ...] = ()
    interpreters: tuple[str, ...] = ()
    exact_names: tuple[str, ...] = ()
    marks: tuple[Head, ...] = ()
    structure: Structure = Structure.TREE
    content: Content = Content.CODE
    preprocessed: bool = False
    blanked: str = ""
    embedded: Mapping[str, str] = field(default_factory=dict)
    grammar: Grammar = field(default_factory=Grammar)
