"""Names that become paths."""

from __future__ import annotations

import pytest

from harness.errors import UnsafeNameError
from harness.names import path_name
from harness.store.collection_names import collection_name


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../x", "a/b", "/etc", "a\\b", "a\0b", "a\nb", ".hidden", "x" * 300, None, 7],
)
def test_what_could_lead_elsewhere_is_refused(name: object) -> None:
    with pytest.raises(UnsafeNameError, match="cannot be the name of a thing; nothing was touched"):
        path_name(name, "a thing")


@pytest.mark.parametrize("name", ["a", "flask", "20260101T000000Z-2", "größe", "a..b"])
def test_plain_names_stay_as_they_are(name: str) -> None:
    assert path_name(name, "a thing") == name


@pytest.mark.parametrize("name", ["harness-0123456789abcdef", "harness-catalog"])
def test_collections_have_names_of_one_form(name: str) -> None:
    assert collection_name(name) == name
    for wrong in (f"{name}x", f"../{name}", f"{name}/..", name.upper(), f"{name}\n"):
        with pytest.raises(UnsafeNameError):
            collection_name(wrong)
