"""Gives up for good whatever root, or a user namespace, would allow a command."""

from __future__ import annotations

import ctypes
import errno
import struct

from harness.workspace.confined.kernel import call, prctl

_PR_SET_DUMPABLE, _PR_CAPBSET_DROP, _PR_SET_SECUREBITS = 4, 24, 28
_PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 38, 47, 4
# linux/securebits.h: no rights by being root, by changing the user or as ambient ones; all locked.
_SECUREBITS = 0b1110_1111
_CAPABILITY_VERSION_3 = 0x20080522


def hide_from_peers() -> None:
    """Keep processes of the same user from reading this one's memory and descriptors.

    :raises OSError: the kernel refused.
    """
    prctl(_PR_SET_DUMPABLE, 0)


def drop_privileges() -> None:
    """Give up every capability, also for programs that are started from now on.

    :raises OSError: some would be left.
    """
    prctl(_PR_SET_NO_NEW_PRIVS, 1)
    _tolerating(errno.EPERM, _PR_SET_SECUREBITS, _SECUREBITS)
    for capability in range(64):
        # EINVAL: the kernel has fewer. EPERM: not ours to drop, and then not ours to gain either,
        # because no new privileges are given.
        _tolerating(errno.EPERM, _PR_CAPBSET_DROP, capability)
    _tolerating(errno.EINVAL, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    header = ctypes.create_string_buffer(struct.pack("=Ii", _CAPABILITY_VERSION_3, 0))
    call("capset", header, ctypes.create_string_buffer(24))
    left = ctypes.create_string_buffer(24)
    call("capget", header, left)
    if any(left.raw[:24]):
        raise OSError(errno.EPERM, "capabilities are left")


def _tolerating(expected: int, option: int, *values: int) -> None:
    try:
        prctl(option, *values)
    except OSError as error:
        if error.errno not in (expected, errno.EINVAL):
            raise
