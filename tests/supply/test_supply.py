"""What an installation brings along may be passed on, and what is withdrawn is seen."""

from __future__ import annotations

import pytest

from tests.supply.licences import Package, packages
from tests.supply.yanked import withdrawn


def test_every_licence_may_be_passed_on() -> None:
    found = packages()
    assert len(found) > 100
    assert [one for one in found if not one.is_allowed] == []


@pytest.mark.parametrize(
    ("licence", "allowed"),
    [
        ("MIT", True),
        ("Apache-2.0 OR BSD-3-Clause", True),
        ("MPL-2.0 AND MIT", True),
        ("AGPL-3.0-only", False),
        ("MIT AND GPL-3.0-or-later", False),
        ("BSD License; Other/Proprietary License", False),
        ("", False),
    ],
)
def test_which_licences_may_be(licence: str, allowed: bool) -> None:
    assert Package("x", "1", licence).is_allowed is allowed


def test_what_is_withdrawn_is_named() -> None:
    kept = {"metadata": {"name": "a", "version": "1"}, "is_yanked": False}
    gone = {"metadata": {"name": "b", "version": "2"}, "is_yanked": True}
    assert withdrawn({"install": [kept, gone]}) == ["b 2"]
