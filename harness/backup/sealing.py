"""Encryption of a backup's files: AES-256-GCM in pieces, so that a file of any size needs little
memory and a cut, reordered or exchanged file is refused.

A sealed file is a header (magic, key id, salt) and pieces of :data:`PIECE_BYTES` with a tag each.
Every file has a key of its own, derived from the salt by HKDF-SHA-256, so the nonces may count from
0; the last byte of a nonce marks the last piece (the STREAM construction of Hoang, Reyhanitabar,
Rogaway and Vizár, "Online authenticated-encryption and its nonce-reuse misuse-resistance", 2015).
Header and context, which is the backup's and the file's name, are authenticated with each piece.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from harness.errors import InvalidSettingError, StoreError
from harness.files import new_private

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SUFFIX = ".sealed"
PIECE_BYTES = 1 << 20
_MAGIC = b"harness-sealed-1\n"
_ID_BYTES, _SALT_BYTES, _TAG_BYTES, _KEY_BYTES = 8, 32, 16, 32
_HEADER_BYTES = len(_MAGIC) + _ID_BYTES + _SALT_BYTES
_HOW = "make one with `openssl rand -base64 32`"


@dataclass(frozen=True, slots=True)
class Keys:
    """The first key seals; all of them open, so that a key can be replaced.

    :param keys: 32 bytes each, at least one.
    :param setting: the variable that they are from, for messages.
    """

    keys: tuple[bytes, ...] = field(repr=False)
    setting: str = "HARNESS_BACKUP_KEY"

    def seal(self, source: Path, target: Path, context: str) -> None:
        """Encrypt a file into a new private one, durable on return."""
        header = _MAGIC + _key_id(self.keys[0]) + os.urandom(_SALT_BYTES)
        cipher = _cipher(self.keys[0], header)
        bound = header + context.encode()
        with source.open("rb") as plain, new_private(target) as sealed:
            sealed.write(header)
            for number, piece, last in _pieces(plain, PIECE_BYTES):
                sealed.write(cipher.encrypt(_nonce(number, last), piece, bound))

    def unseal(self, source: Path, target: Path, context: str) -> None:
        """Decrypt a file into a new private one; what was written before an error is not to be
        used.

        :raises StoreError: another key, or a file that was changed, cut or exchanged.
        """
        from cryptography.exceptions import InvalidTag

        with source.open("rb") as sealed, new_private(target, durable=False) as plain:
            header = sealed.read(_HEADER_BYTES)
            if len(header) != _HEADER_BYTES or not header.startswith(_MAGIC):
                raise StoreError(
                    f"{context} is not encrypted, though {self.setting} or its file is set; "
                    "unset it only if you trust this file"
                )
            cipher = _cipher(self._matching(header, context), header)
            bound = header + context.encode()
            try:
                for number, piece, last in _pieces(sealed, PIECE_BYTES + _TAG_BYTES):
                    plain.write(cipher.decrypt(_nonce(number, last), piece, bound))
            except InvalidTag:
                raise StoreError(
                    f"{context} was changed after it was encrypted; choose another one"
                ) from None

    @staticmethod
    def sealed_bytes(plain_bytes: int) -> int:
        """Size of a file of this size when it is sealed."""
        pieces = max(1, -(-plain_bytes // PIECE_BYTES))
        return _HEADER_BYTES + plain_bytes + pieces * _TAG_BYTES

    def _matching(self, header: bytes, context: str) -> bytes:
        wanted = header[len(_MAGIC) :][:_ID_BYTES]
        for key in self.keys:
            if _key_id(key) == wanted:
                return key
        raise StoreError(
            f"{context} was encrypted with another key ({wanted.hex()}); add that key as a further "
            f"line of {self.setting}_FILE"
        )


def parse_keys(text: str, setting: str = "HARNESS_BACKUP_KEY") -> Keys:
    """Read keys, one a line, base64 of 32 bytes each.

    :param setting: the variable that they are from.
    :raises InvalidSettingError: there is none, or one is anything else; it is not shown.
    """
    keys = []
    for number, line in enumerate(text.split(), 1):
        try:
            key = base64.b64decode(line, validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if len(key) != _KEY_BYTES:
            raise InvalidSettingError(
                f"key {number} of {setting} is not base64 of 32 bytes; {_HOW}"
            )
        keys.append(key)
    if not keys:
        raise InvalidSettingError(f"{setting} is empty; {_HOW}")
    return Keys(tuple(keys), setting)


def _pieces(file: BinaryIO, size: int) -> Iterator[tuple[int, bytes, bool]]:
    """Number, content, and whether it is the last; an empty file has one empty piece."""
    number, piece = 0, file.read(size)
    while True:
        following = file.read(size)
        yield number, piece, not following
        if not following:
            return
        number, piece = number + 1, following


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


def _cipher(key: bytes, header: bytes) -> AESGCM:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(_derived(key, header[-_SALT_BYTES:], b"harness backup file", _KEY_BYTES))


def _key_id(key: bytes) -> bytes:
    return _derived(key, b"", b"harness backup key id", _ID_BYTES)


def _derived(key: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=info).derive(key)
