"""Runs one command as its direct parent: a stand-alone script, started with ``python -I -S``.

It imports nothing of Harness, because it is started for every command. Standard input is a
lifeline: when it reaches its end, Harness is done or dead, and so is everything below. The
command's exit code goes as a line to descriptor ``status_fd``. Inside a PID namespace this
process is number 1, so that its end is the end of all; elsewhere it becomes a subreaper, so that
a grandchild that called ``setsid`` stays a descendant and can be found.
"""

from __future__ import annotations

import _thread
import ctypes
import json
import os
import resource
import signal
import struct
import sys

PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
# Landlock's system calls and rights: linux/landlock.h. The numbers are the same on every
# architecture that came after 2011's unified table, x86-64 and arm64 included.
LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446
WRITE_FILE, REFER, TRUNCATE = 1 << 1, 1 << 13, 1 << 14
CHANGE_TREE = sum(1 << bit for bit in range(4, 13))
DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "ptmx")


def landlock_version() -> int:
    """Return the kernel's Landlock ABI, 0 where there is none."""
    if not sys.platform.startswith("linux"):
        return 0
    libc = ctypes.CDLL(None, use_errno=True)
    return max(0, int(libc.syscall(LANDLOCK_CREATE_RULESET, None, 0, 1)))


def confine_writes(folders: list[str]) -> bool:
    """Let this process and its children write below the folders and to harmless devices only.

    Version 1 would refuse every rename between folders, so it is not used.
    """
    version = landlock_version()
    if version < 2:
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    files = WRITE_FILE | (TRUNCATE if version >= 3 else 0)
    tree = files | CHANGE_TREE | REFER
    handled = struct.pack("Q", tree)
    ruleset = libc.syscall(LANDLOCK_CREATE_RULESET, handled, len(handled), 0)
    if ruleset < 0:
        return False
    allowed = [(folder, tree) for folder in [*folders, "/dev/shm"]]  # noqa: S108
    allowed += [(f"/dev/{name}", files) for name in DEVICES] + [("/dev/pts", files)]
    for path, rights in allowed:
        try:
            descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue
        rule = struct.pack("=Qi", rights, descriptor)
        if libc.syscall(LANDLOCK_ADD_RULE, ruleset, 1, rule, 0) < 0:
            return False
        os.close(descriptor)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return False
    return bool(libc.syscall(LANDLOCK_RESTRICT_SELF, ruleset, 0) == 0)


def limit_resources(limits: dict[str, int]) -> None:
    """Lower the soft and hard limits; a limit that is lower already stays."""
    for name, wanted in limits.items():
        kind = getattr(resource, name, None)
        if kind is None:
            continue
        _, hard = resource.getrlimit(kind)
        value = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        try:
            resource.setrlimit(kind, (value, value))
        except (OSError, ValueError):  # pragma: no cover - a platform without this limit
            continue


def run(command: list[str], writable: list[str] | None, limits: dict[str, int]) -> int:
    """Start the command in its own session and wait for it, reaping orphans meanwhile."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    child = os.fork()
    if child == 0:
        try:
            os.setsid()
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            limit_resources(limits)
            if writable is not None and not confine_writes(writable):
                os.write(2, b"harness: the kernel refused to confine writes\n")
                os._exit(126)
            os.execvp(command[0], command)  # noqa: S606 - no shell is wanted here
        except OSError as error:
            os.write(2, f"harness: {command[0]}: {error.strerror}\n".encode())
        finally:
            os._exit(127)

    def end_with_harness() -> None:
        while os.read(0, 1):
            pass
        try:  # noqa: SIM105 - contextlib would cost 5 ms a command
            os.killpg(child, signal.SIGKILL)
        except OSError:
            pass
        os._exit(0)

    _thread.start_new_thread(end_with_harness, ())
    code = 1
    while True:
        pid, status = os.wait()
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def main() -> None:
    """Read the order from the first argument, run it, report, and stay until told to end."""
    for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)
    order = json.loads(sys.argv[1])
    # Ignored signals are inherited through exec; the command must get the defaults.
    os.register_at_fork(
        after_in_child=lambda: [
            signal.signal(name, signal.SIG_DFL)
            for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE)
        ]
    )
    code = run(order["command"], order["writable"], order["limits"])
    os.write(order["status_fd"], f"{code}\n".encode())
    signal.pause()


if __name__ == "__main__":
    main()
