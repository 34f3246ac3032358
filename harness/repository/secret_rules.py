"""What a secret looks like: the kept rule set, and what it lacks.

Every rule runs on RE2, whose time grows with the text's length only, whatever is in it. A rule is
tried on a text that holds one of its keywords; all keywords of all rules are looked for at once.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import re2

from harness.repository.rules.own import OWN_RULES
from harness.repository.rules.positions import PLACE_RULES
from harness.repository.rules.rule import SecretRule

_KEPT = "betterleaks.json"

# Where the DFA of a rule with large repetitions outgrows this, RE2 goes on without one, slowly.
_MAX_MEMORY_BYTES = 16 << 20


# Of kept rules, what is no secret after all: keys that only reach a test account.
_NEVER = {"stripe-access-token": (r"^[rs]k_test_",)}


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """A rule with its expressions ready to run on UTF-8."""

    rule: SecretRule
    regex: re2._Regexp
    never: tuple[re2._Regexp, ...]
    must: tuple[re2._Regexp, ...]
    never_around: tuple[re2._Regexp, ...]


class RuleSet:
    """All rules; which of them to try on a text is found in one pass over it.

    :param rules: in the order in which they are tried.
    :param never: expressions of what is a secret by no rule.
    """

    def __init__(self, rules: tuple[SecretRule, ...], never: tuple[str, ...]) -> None:
        self.rules = rules
        self.never = tuple(_compiled(text) for text in never)
        keywords = sorted({word for rule in rules for word in rule.keywords})
        self._by_keyword = [
            tuple(at for at, rule in enumerate(rules) if word in rule.keywords) for word in keywords
        ]
        literal = _options(fold_case=True)
        self._any = re2.compile("|".join(re2.escape(word) for word in keywords), literal)
        self._which = re2.Set.SearchSet(literal)
        for word in keywords:
            self._which.Add(re2.escape(word))
        self._which.Compile()

    def tried_on(self, data: bytes) -> list[CompiledRule]:
        """The rules of which a keyword is in a text, in their order."""
        if self._any.search(data) is None:
            return []
        found = {at for word in self._which.Match(data) or () for at in self._by_keyword[word]}
        return [_compiled_rule(self.rules[at]) for at in sorted(found)]


@cache
def rule_set() -> RuleSet:
    """The rules in use, read once."""
    document = json.loads(files("harness.repository.rules").joinpath(_KEPT).read_bytes())
    kept = tuple(
        SecretRule(
            name=entry["id"],
            regex=entry["regex"],
            keywords=tuple(entry["keywords"]),
            group=entry.get("group"),
            min_entropy=entry.get("entropy", 0.0),
            random=entry.get("random", False),
            never=(*entry.get("never", ()), *_NEVER.get(entry["id"], ())),
            must=tuple(entry.get("must", ())),
        )
        for entry in document["rules"]
    )
    return RuleSet((*kept, *OWN_RULES, *PLACE_RULES), tuple(document["never"]))


@cache
def _compiled_rule(rule: SecretRule) -> CompiledRule:
    return CompiledRule(
        rule,
        _compiled(rule.regex),
        tuple(_compiled(text) for text in rule.never),
        tuple(_compiled(text) for text in rule.must),
        tuple(_compiled(text) for text in rule.never_around),
    )


@cache
def _compiled(regex: str) -> re2._Regexp:
    return re2.compile(regex, _options())


def _options(*, fold_case: bool = False) -> re2.Options:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MAX_MEMORY_BYTES
    options.case_sensitive = not fold_case
    return options
