"""Landlock: which files, ports, sockets and processes the command may reach.

What each version of the kernel's interface (ABI) adds is in its ``landlock.rst``: 2 renames
between folders, 3 truncation, 4 TCP, 5 ioctl on devices, 6 abstract sockets and signals.
"""

from __future__ import annotations

import ctypes
import os
import struct

from harness.workspace.confined.kernel import call

# Version 1 would refuse every rename between folders, so it is not used.
LEAST_VERSION = 2
NETWORK_VERSION, SCOPE_VERSION = 4, 6
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_CHANGE_TREE = sum(1 << bit for bit in range(4, 13))
_REFER, _TRUNCATE = 1 << 13, 1 << 14
_TCP = 0b11
_SCOPES = 0b11
_PATH_BENEATH = 1


def version() -> int:
    """Return the kernel's Landlock ABI, 0 where there is none."""
    try:
        return call("landlock_create_ruleset", None, 0, 1)
    except OSError:
        return 0


def confine(
    writable: list[str],
    devices: list[str],
    readable: list[str] | None,
    *,
    tcp: bool,
    newest: int,
) -> None:
    """Confine this process and its children for good; ``no_new_privs`` has to be set.

    :param writable: folders that may be changed, and read.
    :param devices: files and folders whose files may be read and written.
    :param readable: files and folders that may be read; None: reading is not confined.
    :param tcp: leave TCP as it is.
    :param newest: the ABI to use, at least 2 and no more than the kernel's.
    :raises OSError: the kernel refused.
    """
    reading = 0 if readable is None else _EXECUTE | _READ_FILE | _READ_DIR
    files = _WRITE_FILE | (_TRUNCATE if newest >= 3 else 0) | (reading & (_EXECUTE | _READ_FILE))
    tree = files | reading | _CHANGE_TREE | _REFER
    attributes = struct.pack(
        "=QQQ",
        tree,
        _TCP if newest >= NETWORK_VERSION and not tcp else 0,
        _SCOPES if newest >= SCOPE_VERSION else 0,
    )
    # An older kernel knows fewer fields; a newer one takes fewer for zeros.
    size = 24 if newest >= SCOPE_VERSION else 16 if newest >= NETWORK_VERSION else 8
    ruleset = call("landlock_create_ruleset", ctypes.create_string_buffer(attributes), size, 0)
    allowed = [(path, tree) for path in writable]
    allowed += [(path, files) for path in devices]
    allowed += [(path, reading) for path in readable or ()]
    for path, rights in allowed:
        _allow(ruleset, path, rights)
    call("landlock_restrict_self", ruleset, 0)
    os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # what is not there needs no permission
    if not os.path.isdir(path):  # noqa: PTH112 - pathlib would cost 5 ms a command
        rights &= _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE
    try:
        if rights:
            rule = struct.pack("=Qi", rights, descriptor)
            call("landlock_add_rule", ruleset, _PATH_BENEATH, ctypes.create_string_buffer(rule), 0)
    finally:
        os.close(descriptor)
