"""Tokens: shown once, kept as hashes, refused when revoked or expired."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from harness.errors import InvalidSettingError, UsageError
from harness.service.callers import Caller, Grant, Scope
from harness.service.tokens import PREFIX, Tokens


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "service" / "tokens.json"


def test_a_token_stands_for_its_name_scope_and_repositories(file: Path) -> None:
    text, _ = Tokens(file).create("ci", Scope.ASK, ("web", "team/*"))
    caller = Caller("ci", (Grant(Scope.ASK, ("web", "team/*")),))
    assert Tokens(file).find(text) == caller
    assert text.startswith(PREFIX)


def test_the_file_is_private_and_holds_no_token(file: Path) -> None:
    text, token = Tokens(file).create("ci", Scope.READ)
    content = file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert text not in content
    assert text.removeprefix(f"{PREFIX}{token.id}_") not in content


def test_another_secret_for_a_known_id_is_refused(file: Path) -> None:
    tokens = Tokens(file)
    text, _ = tokens.create("ci", Scope.ADMIN)
    for wrong in (
        text[:-1],
        text + "x",
        text[:-1] + ("a" if text[-1] != "a" else "b"),
        "",
        "\ud83d",
    ):
        assert tokens.find(wrong) is None


def test_what_is_revoked_elsewhere_is_refused_here(file: Path) -> None:
    tokens = Tokens(file)
    text, token = tokens.create("ci", Scope.READ)
    kept, _ = tokens.create("other", Scope.READ)
    assert tokens.find(text)
    tokens.revoke(token.id)
    assert tokens.find(text) is None
    assert tokens.find(kept)
    assert [one.name for one in tokens.listing()] == ["other"]


def test_an_expired_token_is_refused_and_its_name_is_free(file: Path) -> None:
    clock = Clock()
    tokens = Tokens(file, clock=clock)
    text, _ = tokens.create("ci", Scope.READ, expires="2h")
    clock.now += 2 * 3600 - 1
    assert tokens.find(text)
    clock.now += 1
    assert tokens.find(text) is None
    assert tokens.create("ci", Scope.READ)


@pytest.mark.parametrize(
    ("name", "expires"),
    [
        pytest.param("ci", "", id="taken"),
        pytest.param("", "", id="no-name"),
        pytest.param("a\nb", "", id="two-lines"),
        pytest.param("new", "soon", id="no-duration"),
        pytest.param("new", "0d", id="no-time-at-all"),
        pytest.param("new", "999999d", id="too-long"),
    ],
)
def test_what_cannot_be_a_token_is_refused(file: Path, name: str, expires: str) -> None:
    tokens = Tokens(file)
    tokens.create("ci", Scope.READ)
    with pytest.raises(UsageError):
        tokens.create(name, Scope.READ, expires=expires)
    assert len(tokens.listing()) == 1


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{}",
        "[1]",
        '[{"id": "a"}]',
        "[" * 100_000,
        '[{"id":1,"name":"a","hash":"","scope":"root"}]',
    ],
    ids=["empty", "no-list", "no-token", "half", "deep", "unknown-scope"],
)
def test_a_damaged_file_lets_nobody_in(file: Path, content: str) -> None:
    file.parent.mkdir()
    file.write_text(content)
    if content == "{}":
        assert Tokens(file).find("harness_a_b") is None
        return
    with pytest.raises(InvalidSettingError, match="no list of tokens"):
        Tokens(file).find("harness_a_b")


def test_a_mounted_secret_is_a_link(file: Path, tmp_path: Path) -> None:
    text, _ = Tokens(file).create("ci", Scope.READ)
    link = tmp_path / "mounted.json"
    link.symlink_to(file)
    assert Tokens(link).find(text)
    assert json.loads(file.read_text())[0]["scope"] == "read"
