"""Tokens: random, stored as hashes, shown once.

The file is a list of them as JSON, private to its owner; on Kubernetes it is a mounted Secret,
which nobody writes from here. A token is 256 random bits, so that one round of SHA-256 is enough:
there is nothing to guess that a slow hash would protect.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from filelock import FileLock

from harness.errors import InvalidSettingError, UsageError
from harness.files import open_regular, private_folder, write_atomically
from harness.service.callers import Caller, Grant, Scope

PREFIX = "harness_"
"""Begins every token, so that scanners for secrets can recognise one."""

_MAX_FILE_BYTES = 4_000_000
_NAME = re.compile(r"[\w.@ -]{1,100}")
_DURATION = re.compile(r"(\d{1,5})([hdwy])")
_SECONDS = {"h": 3_600, "d": 86_400, "w": 7 * 86_400, "y": 365 * 86_400}
_CHECKED_EVERY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it is kept: ``hash`` is SHA-256 of it in hexadecimal digits, ``created`` and
    ``expires`` are seconds since 1970, None for one that never expires."""

    id: str
    name: str
    hash: str
    scope: Scope
    repos: tuple[str, ...]
    created: float
    expires: float | None = None

    def is_valid(self, now: float) -> bool:
        """Whether it has not expired."""
        return self.expires is None or now < self.expires

    def caller(self) -> Caller:
        """Whom it stands for."""
        return Caller(self.name, (Grant(self.scope, self.repos),))


class Tokens:
    """The tokens of a file. Changes are seen within a second, so that a token that was revoked is
    refused without a restart.

    :param path: the file; a missing one has no tokens.
    :param clock: seconds since 1970.
    """

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        self.path = path
        self._clock = clock
        self._by_id: dict[str, Token] = {}
        self._stamp: tuple[int, int, int] | None = None
        self._looked = float("-inf")

    def create(
        self, name: str, scope: Scope, repos: tuple[str, ...] = ("*",), expires: str = ""
    ) -> tuple[str, Token]:
        """Make a token and keep its hash.

        :param expires: how long it is valid: ``12h``, ``90d``, ``8w``, ``1y``; empty: for ever.
        :returns: the token, which cannot be had again, and what is kept of it.
        :raises UsageError: the name is taken or unusable, or the duration has another form.
        :raises OSError: the file cannot be written.
        """
        if not _NAME.fullmatch(name):
            raise UsageError("a token's name has letters, digits and . @ - _ only, at most 100")
        now = self._clock()
        until = now + _duration(expires) if expires else None
        identity = secrets.token_hex(6)
        text = f"{PREFIX}{identity}_{secrets.token_urlsafe(32)}"
        token = Token(identity, name, _hash(text), scope, repos or ("*",), now, until)
        with self._writing() as lock, lock:
            tokens = self._read()
            if any(one.name == name and one.is_valid(now) for one in tokens):
                raise UsageError(f"there is a token called {name!r}; revoke it or choose a name")
            self._write([*(one for one in tokens if one.name != name), token])
        return text, token

    def is_valid(self, token: Token) -> bool:
        """Whether a token has not expired."""
        return token.is_valid(self._clock())

    def listing(self) -> list[Token]:
        """All tokens, sorted by name."""
        return sorted(self._read(), key=lambda token: token.name)

    def revoke(self, name_or_id: str) -> Token:
        """Remove a token.

        :raises UsageError: there is none of this name or id.
        """
        with self._writing() as lock, lock:
            tokens = self._read()
            gone = next((one for one in tokens if name_or_id in (one.name, one.id)), None)
            if gone is None:
                known = ", ".join(sorted(one.name for one in tokens)) or "none"
                raise UsageError(f"there is no token {name_or_id!r}; there are: {known}")
            self._write([one for one in tokens if one is not gone])
        return gone

    def find(self, text: str) -> Caller | None:
        """Whom a token stands for; None when it is unknown or has expired.

        :raises InvalidSettingError: the file cannot be read; then nobody is let in.
        """
        identity = text.removeprefix(PREFIX).partition("_")[0]
        self._refresh()
        token = self._by_id.get(identity)
        # The same work for an unknown id, so that the time says nothing.
        expected = token.hash if token else "0" * 64
        if not hmac.compare_digest(_hash(text), expected) or token is None:
            return None
        return token.caller() if token.is_valid(self._clock()) else None

    def _refresh(self) -> None:
        now = time.monotonic()
        if now - self._looked < _CHECKED_EVERY_SECONDS:
            return
        try:
            status = self.path.stat()
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
        except OSError:
            stamp = None
        if stamp is None:
            self._by_id = {}
        elif stamp != self._stamp:
            self._by_id = {token.id: token for token in self._read()}
        self._stamp = stamp
        self._looked = now

    def _writing(self) -> FileLock:
        private_folder(self.path.parent)
        return FileLock(self.path.with_name(f".{self.path.name}.lock"), mode=0o600)

    def _read(self) -> list[Token]:
        try:
            # A mounted Secret is a symbolic link that Kubernetes replaces.
            with open_regular(self.path.resolve()) or _no_file() as file:
                content = file.read(_MAX_FILE_BYTES + 1)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise InvalidSettingError(f"{self.path}: {error.strerror}; check its owner") from None
        try:
            if len(content) > _MAX_FILE_BYTES:
                raise ValueError("too large")
            return [_token(entry) for entry in json.loads(content)]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise InvalidSettingError(
                f"{self.path} is no list of tokens; restore it, or remove it and make new ones"
            ) from None

    def _write(self, tokens: list[Token]) -> None:
        text = json.dumps([asdict(token) for token in tokens], indent=1)
        write_atomically(self.path, text, durable=True)
        self._looked = float("-inf")


def _no_file() -> Any:
    raise InvalidSettingError("the file of the tokens is a folder or a device")


def _token(entry: dict[str, Any]) -> Token:
    token = Token(**entry)
    if not all(isinstance(one, str) for one in (token.id, token.name, token.hash, *token.repos)):
        raise TypeError
    if not token.hash.isascii() or not isinstance(token.repos, list):
        raise ValueError
    if not isinstance(token.created, int | float):
        raise TypeError
    if token.expires is not None and not isinstance(token.expires, int | float):
        raise TypeError
    return replace(token, scope=Scope(token.scope), repos=tuple(token.repos))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _duration(text: str) -> float:
    match = _DURATION.fullmatch(text.strip())
    if match is None or not int(match[1]):
        raise UsageError(f"{text!r} is no duration; write 12h, 90d, 8w or 1y")
    return float(int(match[1]) * _SECONDS[match[2]])
