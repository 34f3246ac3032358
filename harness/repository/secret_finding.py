"""Where the secrets of a text are: by the rules, in private keys, in Kubernetes Secrets; also where
the text spells them otherwise.

The one function behind everything that keeps secrets out of the index, of prompts, of records and
of reports (:mod:`harness.repository.credentials`).
"""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterable, Iterator

import re2

from harness.repository.kubernetes_secrets import kubernetes_values
from harness.repository.private_keys import private_keys
from harness.repository.respelt_secrets import respelt_spans
from harness.repository.secret_rules import CompiledRule, rule_set
from harness.repository.stand_ins import (
    entropy,
    is_machine_made,
    is_mixed,
    is_password_word,
    is_stand_in,
)

Span = tuple[int, int]

# What precedes a match in its line may say that it is about something else.
_CHARS_BEFORE = 12


def secret_spans(data: bytes) -> list[Span]:
    """Return where in UTF-8 ``data`` secrets are: ascending, none touching another."""
    return merged([*_as_spelt(data), *respelt_spans(data, _as_spelt)])


def _as_spelt(data: bytes) -> list[Span]:
    found = [*private_keys(data), *kubernetes_values(data)]
    rules = rule_set()
    for rule in rules.tried_on(data):
        found.extend(_by_rule(rule, rules.never, data))
    return found


def merged(spans: Iterable[Span]) -> list[Span]:
    """Join spans that overlap or touch, in order."""
    out: list[Span] = []
    for start, end in sorted(spans):
        if out and start <= out[-1][1]:
            out[-1] = out[-1][0], max(end, out[-1][1])
        else:
            out.append((start, end))
    return out


def _by_rule(compiled: CompiledRule, never: tuple[re2._Regexp, ...], data: bytes) -> Iterator[Span]:
    for match in compiled.regex.finditer(data):
        group = _group(compiled, match)
        before = max(0, match.start() - _CHARS_BEFORE)
        before = max(before, data.rfind(b"\n", before, match.start()) + 1)
        around = any(one.search(data, before, match.end()) for one in compiled.never_around)
        if not around and _is_secret(compiled, never, match[group]):
            yield match.span(group)


def _group(compiled: CompiledRule, match: re2._Match) -> int | str:
    if compiled.rule.group is not None:
        return compiled.rule.group
    taking_part = (at for at in range(1, compiled.regex.groups + 1) if match.start(at) >= 0)
    return next(taking_part, 0)


def _is_secret(compiled: CompiledRule, never: tuple[re2._Regexp, ...], found: bytes) -> bool:
    secret = found.decode("utf-8", "replace")
    rule = compiled.rule
    if not secret or is_stand_in(secret) or entropy(secret) < rule.min_entropy:
        return False
    if rule.typed and any(map(is_password_word, _readings(secret, encoded=rule.encoded))):
        return False
    if rule.random and not is_machine_made(secret):
        return False
    if rule.mixed and not is_machine_made(secret) and not is_mixed(secret):
        return False
    return all(must.search(found) for must in compiled.must) and not any(
        exempt.search(found) for exempt in (*compiled.never, *never)
    )


def _readings(secret: str, *, encoded: bool) -> Iterator[str]:
    yield secret
    if encoded:
        with contextlib.suppress(ValueError):
            yield base64.b64decode(secret, validate=True).decode("utf-8", "replace")
