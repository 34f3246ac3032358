"""Decides on system calls that the filter leaves to the supervisor.

Without namespaces a command shares the user's files and processes. Landlock does not cover modes,
owners and times of files, and only since version 6 signals; a filter cannot read a path or tell a
process of the command from another. So the kernel asks here, and the call waits.

A change of a file is made *here*, on the descriptor that was checked, and never left to the
command, which could meanwhile put another path in its memory. A signal is only let through: its
target is a number, which cannot change any more.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import select
import struct

from harness.workspace.confined.kernel import call, number
from harness.workspace.confined.seccomp import FILE_REQUESTS, PROCESS_ARGUMENT, PROCESS_REQUESTS

# linux/seccomp.h: _IOWR('!', 0, struct seccomp_notif) and so on.
_RECEIVE, _SEND, _IS_VALID = 0xC0502100, 0xC0182101, 0x40082102
_CONTINUE = 1
_REQUEST = "=QIIiIQ6Q"
_AT_FDCWD, _AT_SYMLINK_NOFOLLOW, _AT_EMPTY_PATH = -100, 0x100, 0x1000
_MAX_PATH_BYTES = 4096
# Which argument holds the folder, the path, the flags; None: there is none.
_PLACES: dict[str, tuple[int | None, int | None, int | None]] = {
    "chmod": (None, 0, None),
    "chown": (None, 0, None),
    "fchmod": (0, None, None),
    "fchmodat": (0, 1, None),
    "fchmodat2": (0, 1, 3),
    "fchown": (0, None, None),
    "fchownat": (0, 1, 4),
    "futimesat": (0, 1, None),
    "lchown": (None, 0, None),
    "utime": (None, 0, None),
    "utimensat": (0, 1, 3),
    "utimes": (None, 0, None),
}


class Requests:
    """What the filter of one command leaves to decide.

    :param listener: the descriptor that :func:`harness.workspace.confined.seccomp.install` gave.
    :param writable: folders, without symbolic links, in which the command may change files.
    """

    def __init__(self, listener: int, writable: list[str]) -> None:
        self._listener = listener
        self._writable = tuple(f"{path.rstrip('/')}/" for path in writable)
        self._names = {number(name): name for name in (*FILE_REQUESTS, *PROCESS_REQUESTS)}
        self._names.pop(None, None)

    def serve(self) -> None:
        """Answer until no process with the filter is left."""
        poll = select.poll()
        poll.register(self._listener, select.POLLIN)
        while True:
            for _, events in poll.poll():
                if not events & select.POLLIN:
                    return
                request = bytearray(80)
                try:
                    fcntl.ioctl(self._listener, _RECEIVE, request)
                except OSError:
                    continue  # the process was killed while it waited
                identity, pid, _, call_number, _, _, *arguments = struct.unpack(_REQUEST, request)
                code, flags = self._answer(identity, pid, call_number, arguments)
                answer = struct.pack("=QqiI", identity, 0, -code, flags)
                try:
                    fcntl.ioctl(self._listener, _SEND, answer)
                except OSError:
                    continue

    def _answer(
        self, identity: int, pid: int, call_number: int, arguments: list[int]
    ) -> tuple[int, int]:
        """Return an error's number and flags; 0 and 0: the call succeeds and nothing else is
        done."""
        name = self._names.get(call_number, "")
        try:
            if name in PROCESS_REQUESTS:
                target = _signed(arguments[PROCESS_ARGUMENT.get(name, 0)])
                return (0, _CONTINUE) if _is_ours(target) else (errno.EPERM, 0)
            if name in _PLACES:
                self._change_file(identity, pid, name, arguments)
                return 0, 0
        except OSError as error:
            return error.errno or errno.EPERM, 0
        except (ValueError, OverflowError):
            return errno.EINVAL, 0
        return errno.EPERM, 0

    def _change_file(self, identity: int, pid: int, name: str, arguments: list[int]) -> None:
        memory = os.open(f"/proc/{pid}/mem", os.O_RDONLY | os.O_CLOEXEC)
        try:
            target = _open_target(memory, pid, name, arguments)
            try:
                real = os.readlink(f"/proc/self/fd/{target}")  # noqa: PTH115
                if not f"{real}/".startswith(self._writable):
                    raise OSError(errno.EPERM, "outside")
                # Still the process that asked, whose memory was read: its number was not reused.
                fcntl.ioctl(self._listener, _IS_VALID, struct.pack("=Q", identity))
                _change(memory, target, name, arguments)
            finally:
                os.close(target)
        finally:
            os.close(memory)


def _open_target(memory: int, pid: int, name: str, arguments: list[int]) -> int:
    """Return a descriptor (``O_PATH``) of what a call names, as the calling process sees it."""
    folder_at, path_at, flags_at = _PLACES[name]
    flags = arguments[flags_at] if flags_at is not None else 0
    follow = name != "lchown" and not flags & _AT_SYMLINK_NOFOLLOW
    folder = _signed(arguments[folder_at]) if folder_at is not None else _AT_FDCWD
    path = b""
    if path_at is not None and arguments[path_at]:
        path = _string(memory, arguments[path_at])
        if not path and not flags & _AT_EMPTY_PATH:
            raise OSError(errno.ENOENT, "no path")
    for own, theirs in ((b"/proc/self/", b"/proc/%d/"), (b"/dev/fd/", b"/proc/%d/fd/")):
        if path.startswith(own):
            path = theirs % pid + path[len(own) :]
    start = f"/proc/{pid}/cwd" if folder == _AT_FDCWD else f"/proc/{pid}/fd/{folder}"
    if not path:
        return _open(start)
    options = os.O_PATH | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    if path.startswith(b"/"):
        return os.open(path, options)
    base = _open(start)
    try:
        return os.open(path, options, dir_fd=base)
    finally:
        os.close(base)


def _open(path: str) -> int:
    try:
        return os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        raise OSError(errno.EBADF, "no such descriptor") from None


def _change(memory: int, target: int, name: str, arguments: list[int]) -> None:
    where = f"/proc/self/fd/{target}".encode()
    after_path = (_PLACES[name][1] or 0) + 1
    if "chmod" in name:
        os.chmod(where, arguments[after_path] & 0o7777)  # noqa: PTH101
    elif "chown" in name:
        # Nothing but what is so already: a new owner would take a privilege.
        user, group = (_signed(value) for value in arguments[after_path : after_path + 2])
        if user not in (-1, os.geteuid()) or group not in (-1, os.getegid()):
            raise OSError(errno.EPERM, "not the owner's to give")
    else:
        times = _times(memory, name, arguments[after_path])
        call("utimensat", _AT_FDCWD, ctypes.c_char_p(where), times, 0)


def _times(memory: int, name: str, address: int) -> ctypes.Array[ctypes.c_char] | None:
    """Return access and modification time as two ``timespec``; None: now."""
    if not address:
        return None
    size = 16 if name == "utime" else 32
    data = os.pread(memory, size, address)
    if len(data) < size:
        raise OSError(errno.EFAULT, "times")
    if name == "utime":
        accessed, modified = struct.unpack("=qq", data)
        data = struct.pack("=qqqq", accessed, 0, modified, 0)
    elif name != "utimensat":
        seconds, micros, seconds2, micros2 = struct.unpack("=qqqq", data)
        data = struct.pack("=qqqq", seconds, micros * 1000, seconds2, micros2 * 1000)
    return ctypes.create_string_buffer(data, 32)


def _string(memory: int, address: int) -> bytes:
    text, end, _ = os.pread(memory, _MAX_PATH_BYTES, address).partition(b"\0")
    if not end:
        raise OSError(errno.ENAMETOOLONG, "path")
    return text


def _signed(argument: int) -> int:
    low = argument & 0xFFFFFFFF
    return low - (1 << 32) if low & 0x80000000 else low


def _is_ours(target: int) -> bool:
    """Tell whether a process, or all of a process group (negative), was started by the command."""
    if target == -1:
        return False  # everybody
    if target > 0:
        named = [target] if _parents(target) else []
    else:
        members = [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208
        named = [pid for pid in members if _parents(pid)[1:] == (-target,)]
    if not named:
        raise OSError(errno.ESRCH, "no such process")
    return all(_descends(pid) for pid in named)


def _descends(pid: int) -> bool:
    """The supervisor is a subreaper: whatever the command starts stays below it."""
    here = os.getpid()
    if pid == here:
        return False
    while pid > 1:
        pid = (_parents(pid) or (0,))[0]
        if pid == here:
            return True
    return False


def _parents(pid: int) -> tuple[int, ...]:
    """Return a process's parent and group, nothing when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return ()
    return int(fields[1]), int(fields[2])
