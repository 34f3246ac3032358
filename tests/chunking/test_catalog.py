"""The declarations of languages hold against the installed grammars and among themselves."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import fields

import pytest
from tree_sitter import Language
from tree_sitter_language_pack import get_language

from harness.chunking.languages.catalog import LANGUAGES, claims
from harness.chunking.languages.spec import Grammar, Kind, LanguageSpec, Rule, Structure

_PARSED = [spec for spec in LANGUAGES.values() if spec.structure is Structure.TREE]
_WITH_DEFINITIONS = [spec for spec in _PARSED if spec.grammar != Grammar()]


def _grammar(spec: LanguageSpec) -> Language:
    return get_language(spec.name)  # type: ignore[arg-type]


def test_every_parsed_language_has_a_grammar() -> None:
    for spec in _PARSED:
        assert _grammar(spec).node_kind_count


@pytest.mark.parametrize("spec", _WITH_DEFINITIONS, ids=lambda spec: spec.name)
def test_declared_node_types_exist_in_the_grammar(spec: LanguageSpec) -> None:
    language, grammar = _grammar(spec), spec.grammar
    known = {language.node_kind_for_id(number) for number in range(language.node_kind_count)}
    declared = {*grammar.roles, *grammar.nameless, *spec.embedded} - {"ERROR"}
    for item in fields(grammar):
        if isinstance(value := getattr(grammar, item.name), tuple) and item.name != "heads":
            declared.update(set(value) - {"ERROR"})
    assert declared <= known
    if grammar.alias_field:
        assert language.field_id_for_name(grammar.alias_field) is not None


@pytest.mark.parametrize("spec", _WITH_DEFINITIONS, ids=lambda spec: spec.name)
def test_details_are_of_declared_roles(spec: LanguageSpec) -> None:
    grammar = spec.grammar
    assert set(grammar.declarations) <= set(grammar.names)
    assert set(grammar.attributes) <= {*grammar.names, *grammar.variables}
    assert set(grammar.bodied) <= set(grammar.classes)
    assert set(grammar.typedefs) <= set(grammar.wrappers)
    assert set(grammar.nameless) <= set(grammar.functions)
    assert bool(grammar.calls) == bool(grammar.defining_calls)
    assert bool(grammar.headed) == bool(grammar.heads)
    assert set(grammar.open_ended) <= {*grammar.functions, *grammar.headed}
    for head in (*grammar.heads, *spec.marks):
        assert re.compile(head.pattern).groups >= 1


def test_embedded_languages_are_declared() -> None:
    for spec in LANGUAGES.values():
        for name in spec.embedded.values():
            assert LANGUAGES[name].structure is Structure.TREE


def test_names_are_in_lower_case() -> None:
    for spec in LANGUAGES.values():
        for name in (*spec.extensions, *spec.file_names, *spec.file_patterns):
            assert name == name.lower()


def test_two_languages_cannot_claim_the_same() -> None:
    specs = [LanguageSpec("a", extensions=("x", "y")), LanguageSpec("b", extensions=("y",))]
    with pytest.raises(ValueError, match="a and b both claim 'y'"):
        claims(specs, lambda spec: spec.extensions)


def test_a_node_type_has_one_role() -> None:
    with pytest.raises(ValueError, match="call is in calls"):
        Grammar(functions=("call",), calls=("call",))


def test_a_dialect_has_what_its_base_has() -> None:
    base = Grammar(functions=("f",), nameless={"f": "new"}, alias_field="as")
    more = Grammar(functions=("g",), containers=("c",), defining_calls={"def": Kind.FUNCTION})
    assert base.extended(more) == Grammar(
        functions=("f", "g"),
        containers=("c",),
        nameless={"f": "new"},
        alias_field="as",
        defining_calls={"def": Kind.FUNCTION},
    )
    assert base.extended(more).roles == {
        "ERROR": Rule.CONTAINER,
        "f": Kind.FUNCTION,
        "g": Kind.FUNCTION,
        "c": Rule.CONTAINER,
    }


def test_declarations_load_no_parser() -> None:
    code = (
        "import sys, harness.chunking.detection;"
        "assert not {'tree_sitter', 'tree_sitter_language_pack', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
