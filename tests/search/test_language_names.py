"""Names of languages as people write them, and that none of the chunker's is missing."""

from __future__ import annotations

import pytest

from harness.chunking.languages.catalog import LANGUAGES
from harness.search.language_names import is_known, languages_called


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("Python", "python"),
        ("py", "python"),
        (".PY", "python"),
        (" py ", "python"),
        ("*.py", "python"),
        ("ts", "typescript"),
        ("TypeScript", "tsx"),
        ("js", "javascript"),
        ("jsx", "javascript"),
        ("c++", "cpp"),
        ("C", "c"),
        ("C#", "csharp"),
        ("c-sharp", "csharp"),
        ("F#", "fsharp"),
        ("golang", "go"),
        ("yml", "yaml"),
        ("shell", "bash"),
        ("Objective-C", "objc"),
        ("objective c", "objc"),
        ("Emacs Lisp", "elisp"),
        ("docker", "dockerfile"),
        ("Makefile", "make"),
        ("tf", "terraform"),
        ("erb", "embeddedtemplate"),
        (".html.erb", "embeddedtemplate"),
        ("plain text", "text"),
        ("ocaml interface", "ocaml_interface"),
        ("h", "cpp"),
        ("ｐｙｔｈｏｎ", "python"),
    ],
)
def test_names_of_languages(name: str, language: str) -> None:
    assert language in languages_called(name)


@pytest.mark.parametrize("name", ["klingon", "", "\0", "x" * 10_000])
def test_a_name_that_is_not_known_stands_for_itself(name: str) -> None:
    assert languages_called(name) == (name,)
    assert not is_known(name)


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_every_language_is_called_by_its_name(language: str) -> None:
    assert language in languages_called(language)
    assert language in languages_called(language.upper())
