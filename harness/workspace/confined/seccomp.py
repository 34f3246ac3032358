"""A filter of system calls, for what neither a mount namespace nor Landlock covers.

Some calls name what they act on by a number or a pointer that a filter cannot judge; at the level
without namespaces these are left to the supervisor (:mod:`harness.workspace.confined.requests`).
The filter is put together here, without libseccomp: a few dozen rules that only compare numbers,
and one thing less that has to be there.
"""

from __future__ import annotations

import ctypes
import errno
import struct

from harness.workspace.confined.kernel import architecture, call, number

_SET_MODE_FILTER, _NEW_LISTENER, _WAIT_KILLABLE_RECV = 1, 1 << 3, 1 << 5
_ALLOW, _ERRNO, _ASK, _KILL_PROCESS = 0x7FFF0000, 0x00050000, 0x7FC00000, 0x80000000
# Classic BPF: linux/bpf_common.h. The offsets are those of struct seccomp_data.
_LOAD, _AND, _RETURN = 0x20, 0x54, 0x06
_JUMP_EQUAL, _JUMP_ANY = 0x15, 0x45
_OFFSET_NUMBER, _OFFSET_ARCHITECTURE, _OFFSET_ARGUMENTS = 0, 4, 16
_X32_BIT = 0x40000000

AF_UNIX, AF_INET, AF_INET6, AF_NETLINK = 1, 2, 10, 16
_SOCK_TYPES, _SOCK_STREAM, _SOCK_SEQPACKET = 0xF, 1, 5
_NAMESPACE_FLAGS, _NEW_TIME = 0x7E020000, 0x80
_DEVICE_MODES, _CHARACTER, _BLOCK = 0o170000, 0o020000, 0o060000

# How an argument is compared: its index, a mask for its low word, the values, and whether it has
# to be one of them (True) or none of them (False).
Condition = tuple[int, int, tuple[int, ...], bool]
Rule = tuple[str, int, tuple[Condition, ...]]
_WHOLE = 0xFFFFFFFF

# What administers the machine or widens what the kernel lets a process do; most needs a
# capability, and some only one in a user namespace of one's own.
_REFUSED = (
    *("acct", "add_key", "bpf", "chroot", "clock_adjtime", "clock_settime", "delete_module"),
    *("fanotify_init", "finit_module", "fsconfig", "fsmount", "fsopen", "fspick", "init_module"),
    *("ioperm", "iopl", "kexec_file_load", "kexec_load", "keyctl", "mount", "mount_setattr"),
    *("move_mount", "open_by_handle_at", "open_tree", "open_tree_attr", "perf_event_open"),
    *("pivot_root", "quotactl", "quotactl_fd", "reboot", "request_key", "setdomainname"),
    *("sethostname", "setns", "settimeofday", "swapoff", "swapon", "syslog", "umount2"),
    *("userfaultfd", "vhangup"),
)
# io_uring would do by a ring in memory what is refused as a call; clone3 takes its flags by
# pointer, and the C library falls back to clone.
# Pages of memfd_secret that no process maps are counted nowhere, and cannot be swapped.
_ABSENT = ("clone3", "io_uring_enter", "io_uring_register", "io_uring_setup", "memfd_secret")

# Objects of the user that have no path: shared memory, semaphores, queues.
_OUTSIDE_OBJECTS = (
    *("mq_open", "mq_unlink", "msgctl", "msgget", "msgrcv", "msgsnd"),
    *("semctl", "semget", "semop", "semtimedop", "shmat", "shmctl", "shmget"),
)
_EXTENDED_ATTRIBUTES = (
    *("file_setattr", "fremovexattr", "fsetxattr", "lremovexattr", "lsetxattr"),
    *("removexattr", "removexattrat", "setxattr", "setxattrat"),
)
# Requests to a file system change flags, keys and whole subvolumes through a descriptor that was
# opened for reading, and Landlock does not see them. By the kind of request, ioctl(2)'s second
# byte: ext4 and all that took over its flags, versions, btrfs with clones, f2fs, bcachefs, XFS.
_REQUEST_KIND = 0xFF00
_FILE_SYSTEM_KINDS = (0x6600, 0x7600, 0x9400, 0xF500, 0xBC00, 0x5800)
FILE_REQUESTS = (
    *("chmod", "chown", "fchmod", "fchmodat", "fchmodat2", "fchown", "fchownat"),
    *("futimesat", "lchown", "utime", "utimensat", "utimes"),
)
_SIGNALS = ("kill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "tgkill", "tkill")
_SCHEDULING = ("sched_setaffinity", "sched_setattr", "sched_setparam", "sched_setscheduler")
# Each takes the process in its first argument, but for these.
PROCESS_ARGUMENT = {"setpriority": 1, "ioprio_set": 1}
PROCESS_REQUESTS = (*_SIGNALS, *_SCHEDULING, "prlimit64", "setpriority", "ioprio_set")


def baseline(families: list[int] | None) -> list[Rule]:
    """Return what holds at every level that confines commands.

    :param families: the address families that sockets may have; None: any.
    """
    refused = _ERRNO | errno.EPERM
    rules: list[Rule] = [(name, refused, ()) for name in _REFUSED]
    rules += [(name, _ERRNO | errno.ENOSYS, ()) for name in _ABSENT]
    rules += [
        ("unshare", refused, ((0, _NAMESPACE_FLAGS | _NEW_TIME, (0,), False),)),
        ("clone", refused, ((0, _NAMESPACE_FLAGS, (0,), False),)),
        ("mknod", refused, ((1, _DEVICE_MODES, (_CHARACTER, _BLOCK), True),)),
        ("mknodat", refused, ((2, _DEVICE_MODES, (_CHARACTER, _BLOCK), True),)),
        # TIOCSTI and TIOCLINUX type into a terminal.
        ("ioctl", refused, ((1, _WHOLE, (0x5412, 0x541C), True),)),
    ]
    if families is not None:
        rules.append(("socket", refused, ((0, _WHOLE, tuple(families), False),)))
        if AF_UNIX not in families:
            # Datagram sockets of a pair can still be sent elsewhere, streams cannot.
            pairs = (_SOCK_STREAM, _SOCK_SEQPACKET)
            rules.append(("socketpair", refused, ((1, _SOCK_TYPES, pairs, False),)))
    return rules


def without_namespaces(landlock: int) -> list[Rule]:
    """Return what is needed besides where the command shares the user's processes and files.

    :param landlock: the Landlock ABI in use; what it covers is not repeated here.
    """
    refused = _ERRNO | errno.EPERM
    rules: list[Rule] = [(name, refused, ()) for name in _OUTSIDE_OBJECTS]
    rules += [(name, _ERRNO | errno.EOPNOTSUPP, ()) for name in _EXTENDED_ATTRIBUTES]
    kinds = (1, _REQUEST_KIND, _FILE_SYSTEM_KINDS, True)
    # As where a file system has none of them: programs then do without.
    rules.append(("ioctl", _ERRNO | errno.ENOTTY, (kinds,)))
    rules += [(name, _ASK, ()) for name in FILE_REQUESTS]
    somebody = (0, _WHOLE, (0,), False)
    rules += [(name, _ASK, (somebody,)) for name in _SCHEDULING]
    rules += [("prlimit64", _ASK, (somebody,))]
    for name, process in (("setpriority", 0), ("ioprio_set", 1)):
        rules.append((name, refused, ((0, _WHOLE, (process,), False),)))
        rules.append((name, _ASK, ((1, _WHOLE, (0,), False),)))
    if landlock < 3:
        rules.append(("truncate", refused, ()))
    if landlock < 6:
        rules += [(name, _ASK, (somebody,)) for name in _SIGNALS]
        rules += [
            ("pidfd_send_signal", _ERRNO | errno.ENOSYS, ()),
            # Whom a descriptor signals: F_SETOWN and F_SETOWN_EX, FIOSETOWN and SIOCSPGRP.
            ("fcntl", refused, ((1, _WHOLE, (8, 15), True),)),
            ("ioctl", refused, ((1, _WHOLE, (0x8901, 0x8902), True),)),
        ]
    return rules


def install(rules: list[Rule]) -> int | None:
    """Filter the system calls of this process and its children for good; ``no_new_privs`` has to
    be set.

    :returns: the descriptor on which the supervisor gets what the filter leaves to it; None: the
        rules leave nothing to it.
    :raises OSError: the kernel refused, or the architecture is not known.
    """
    program = assemble(rules)
    asks = any(action == _ASK for _, action, _ in rules)
    flags = _NEW_LISTENER | _WAIT_KILLABLE_RECV if asks else 0
    code = ctypes.create_string_buffer(program, len(program))
    described = struct.pack("@HP", len(program) // 8, ctypes.addressof(code))
    result = call("seccomp", _SET_MODE_FILTER, flags, ctypes.create_string_buffer(described))
    return result if asks else None


def assemble(rules: list[Rule]) -> bytes:
    """Return the program: the first rule that fits decides, and what none fits is allowed.

    :raises OSError: the architecture is not known.
    """
    known = architecture()
    if not known:
        raise OSError(errno.ENOSYS, "seccomp: not an architecture that is known")
    program = [
        struct.pack("=HBBI", _LOAD, 0, 0, _OFFSET_ARCHITECTURE),
        struct.pack("=HBBI", _JUMP_EQUAL, 1, 0, known),
        struct.pack("=HBBI", _RETURN, 0, 0, _KILL_PROCESS),
        struct.pack("=HBBI", _LOAD, 0, 0, _OFFSET_NUMBER),
        # x86-64 only: the same calls once more, under other numbers.
        struct.pack("=HBBI", _JUMP_ANY, 0, 1, _X32_BIT),
        struct.pack("=HBBI", _RETURN, 0, 0, _KILL_PROCESS),
    ]
    for name, action, conditions in rules:
        wanted = number(name)
        if wanted is not None:
            program += _assemble_rule(wanted, action, conditions)
    program.append(struct.pack("=HBBI", _RETURN, 0, 0, _ALLOW))
    return b"".join(program)


def _assemble_rule(wanted: int, action: int, conditions: tuple[Condition, ...]) -> list[bytes]:
    # From the end: each jump then knows how far its target is.
    code = [struct.pack("=HBBI", _RETURN, 0, 0, action)]
    for index, mask, values, one_of in reversed(conditions):
        checks: list[bytes] = []
        for left, value in enumerate(reversed(values)):
            met, unmet = (left, 0) if one_of else (len(code) + left, 0)
            if one_of and not left:
                unmet = len(code)
            checks.insert(0, struct.pack("=HBBI", _JUMP_EQUAL, met, unmet, value))
        load = [struct.pack("=HBBI", _LOAD, 0, 0, _OFFSET_ARGUMENTS + 8 * index)]
        if mask != _WHOLE:
            load.append(struct.pack("=HBBI", _AND, 0, 0, mask))
        code = [*load, *checks, *code]
    # The number is loaded anew: a condition may have replaced it.
    return [
        struct.pack("=HBBI", _LOAD, 0, 0, _OFFSET_NUMBER),
        struct.pack("=HBBI", _JUMP_EQUAL, 0, len(code), wanted),
        *code,
    ]
