"""Sealed files: what comes back is what went in, or nothing does."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from harness.backup import sealing
from harness.backup.sealing import PIECE_BYTES, Keys, parse_keys
from harness.errors import InvalidSettingError, StoreError

KEYS = Keys((bytes(range(32)),))
HEADER = 17 + 8 + 32
PIECE = PIECE_BYTES + 16


def sealed(tmp_path: Path, content: bytes, keys: Keys = KEYS, context: str = "one/a") -> Path:
    (tmp_path / "plain").write_bytes(content)
    target = tmp_path / "sealed"
    target.unlink(missing_ok=True)
    keys.seal(tmp_path / "plain", target, context)
    return target


def opened(path: Path, keys: Keys = KEYS, context: str = "one/a") -> bytes:
    target = path.with_name("opened")
    target.unlink(missing_ok=True)
    keys.unseal(path, target, context)
    return target.read_bytes()


@pytest.mark.parametrize("size", [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1])
def test_a_file_of_any_size_comes_back(tmp_path: Path, size: int) -> None:
    content = b"source code " * (size // 12) + b"x" * (size % 12)
    path = sealed(tmp_path, content)
    assert path.stat().st_mode & 0o777 == 0o600
    assert b"source code" not in path.read_bytes()
    assert opened(path) == content


def test_the_same_file_is_never_sealed_alike(tmp_path: Path) -> None:
    first = sealed(tmp_path, b"content").read_bytes()
    assert sealed(tmp_path, b"content").read_bytes()[HEADER:] != first[HEADER:]


def test_what_was_changed_cut_or_exchanged_is_refused(tmp_path: Path) -> None:
    path = sealed(tmp_path, bytes(2 * PIECE_BYTES + 9))
    whole = path.read_bytes()
    first, second = whole[HEADER:][:PIECE], whole[HEADER + PIECE :][:PIECE]
    changes = {
        "a bit of the content": whole[:-30] + bytes([whole[-30] ^ 1]) + whole[-29:],
        "a bit of the salt": whole[:30] + bytes([whole[30] ^ 1]) + whole[31:],
        "cut within a piece": whole[:-1],
        "cut between pieces": whole[: HEADER + 2 * PIECE],
        "no pieces": whole[:HEADER],
        "pieces in another order": whole[:HEADER] + second + first + whole[HEADER + 2 * PIECE :],
        "more at the end": whole + b"\0",
    }
    for what, content in changes.items():
        path.write_bytes(content)
        with pytest.raises(StoreError, match="was changed"):
            opened(path)
            pytest.fail(f"{what} was not seen")
    path.write_bytes(whole)
    with pytest.raises(StoreError, match="was changed"):
        opened(path, context="another/a")
    assert len(opened(path)) == 2 * PIECE_BYTES + 9


def test_a_file_that_is_not_sealed_is_refused_with_a_key(tmp_path: Path) -> None:
    (tmp_path / "sealed").write_bytes(
        b'{"schema_version": 3, "files": [], "made": "by an attacker"}'
    )
    with pytest.raises(StoreError, match="is not encrypted"):
        opened(tmp_path / "sealed")


def test_a_key_can_be_replaced(tmp_path: Path) -> None:
    former, new = bytes(32), bytes([7]) * 32
    path = sealed(tmp_path, b"content", Keys((former,)))
    assert opened(path, Keys((new, former))) == b"content"
    with pytest.raises(StoreError, match="another key"):
        opened(path, Keys((new,)))
    assert former.hex() not in repr(Keys((former,)))


def test_keys_are_lines_of_base64() -> None:
    text = [base64.b64encode(bytes([n]) * 32).decode() for n in (1, 2)]
    assert parse_keys("\n".join(text) + "\n").keys == (bytes([1]) * 32, bytes([2]) * 32)
    for wrong in ("", " \n", "short", base64.b64encode(bytes(31)).decode(), "ä" * 44):
        with pytest.raises(InvalidSettingError, match="openssl rand -base64 32") as refused:
            parse_keys(wrong)
        assert not wrong.strip() or wrong.strip() not in str(refused.value)
    assert sealing.SUFFIX == ".sealed"
