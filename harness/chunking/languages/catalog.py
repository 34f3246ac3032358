"""Every declared language, and which of them claims a name, an extension or an interpreter."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from harness.chunking.languages import (
    c_family,
    compiled,
    contracts,
    data,
    functional,
    hardware,
    infrastructure,
    jvm,
    lined,
    lisps,
    prose,
    schemas,
    scripting,
    shaders,
    shells,
    web,
)
from harness.chunking.languages.spec import LanguageSpec

_ALL: Final[tuple[LanguageSpec, ...]] = (
    *scripting.LANGUAGES,
    *shells.LANGUAGES,
    *web.LANGUAGES,
    *c_family.LANGUAGES,
    *shaders.LANGUAGES,
    *contracts.LANGUAGES,
    *hardware.LANGUAGES,
    *jvm.LANGUAGES,
    *compiled.LANGUAGES,
    *functional.LANGUAGES,
    *lisps.LANGUAGES,
    *schemas.LANGUAGES,
    *data.LANGUAGES,
    *infrastructure.LANGUAGES,
    *lined.LANGUAGES,
    *prose.LANGUAGES,
)


def claims(
    specs: Iterable[LanguageSpec], claimed: Callable[[LanguageSpec], Iterable[str]]
) -> dict[str, LanguageSpec]:
    """Who has what.

    :param claimed: what a language claims.
    :raises ValueError: when two languages claim the same.
    """
    found: dict[str, LanguageSpec] = {}
    for spec in specs:
        for item in claimed(spec):
            if item in found:
                raise ValueError(f"{found[item].name} and {spec.name} both claim {item!r}")
            found[item] = spec
    return found


LANGUAGES: Final = claims(_ALL, lambda spec: (spec.name,))
BY_FILE_NAME: Final = claims(_ALL, lambda spec: spec.file_names)
BY_EXTENSION: Final = claims(_ALL, lambda spec: spec.extensions)
BY_PATTERN: Final = claims(_ALL, lambda spec: spec.file_patterns)
BY_INTERPRETER: Final = claims(_ALL, lambda spec: spec.interpreters)
BY_EXACT_NAME: Final = claims(_ALL, lambda spec: spec.exact_names)
