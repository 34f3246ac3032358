"""What an installation brings along may be passed on, and what is withdrawn is seen."""

from __future__ import annotations

import pytest

from tests.supply import advisories
from tests.supply.advisories import Audit, read
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


LOOKED_UP = {"name": "a", "version": "1", "vulns": []}
SKIPPED = {"name": "b", "skip_reason": "Dependency not found"}
BAD = {"name": "c", "version": "2", "vulns": [{"id": "CVE-1", "fix_versions": ["3"]}]}


@pytest.mark.parametrize(
    ("dependencies", "code", "said"),
    [
        pytest.param([LOOKED_UP], 0, "no known vulnerabilities in 1 packages", id="nothing"),
        pytest.param([LOOKED_UP, SKIPPED], 2, "does not have it: b", id="one-is-missing"),
        pytest.param([SKIPPED], 2, "no known vulnerabilities in 0 packages", id="all-are"),
        pytest.param([], 2, "in 0 packages", id="none-asked"),
        pytest.param([SKIPPED, BAD], 1, "vulnerable: c 2: CVE-1, mended in 3", id="vulnerable"),
    ],
)
def test_what_is_not_looked_up_is_no_pass(
    dependencies: list[dict[str, object]], code: int, said: str
) -> None:
    found = read({"dependencies": dependencies})
    assert (found.exit_code, said in "\n".join(found.lines())) == (code, True)


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        pytest.param(["cannot connect"], 2, id="no-index"),
        pytest.param([Audit((), (), 1)], 2, id="no-advisories"),
        pytest.param([Audit(("urllib3",), (), 1), "cannot connect"], 2, id="index-gone"),
        pytest.param([Audit(("urllib3",), (), 1), Audit((), (), 90)], 0, id="clean"),
    ],
)
def test_an_index_without_advisories_is_no_pass(
    answers: list[Audit | str], code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(advisories, "ask", lambda *asked: answers.pop(0))
    assert (advisories.main(), answers) == (code, [])
