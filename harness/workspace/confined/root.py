"""Builds what a command sees of the file system, in the mount namespace of this process.

The root is an empty file system in memory. What is shown is put into it (bind mounts, all but the
workspace read-only), with an own ``/proc``, ``/tmp`` and ``/dev``; the former root is then let go,
so that what is not shown does not exist: home, ``/run`` with its sockets, other repositories.
Paths are walked from descriptor to descriptor without following a link, because an earlier
command may have left links in the folders that it could write.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import socket
import struct

from harness.workspace.confined.kernel import call

_AT_FDCWD, _AT_EMPTY_PATH, _AT_RECURSIVE, _NOFOLLOW = -100, 0x1000, 0x8000, 0x100
_OPEN_TREE_CLONE = 1
_MOVE_FROM_EMPTY, _MOVE_TO_EMPTY = 0x04, 0x40
_ATTR_RDONLY, _ATTR_NOSUID, _ATTR_NODEV, _ATTR_NOEXEC = 1, 2, 4, 8
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_NOEXEC = 1, 2, 4, 8
_MNT_DETACH = 2
_NODES = ("null", "zero", "full", "random", "urandom", "tty")
_DEV_LINKS = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
    "ptmx": "pts/ptmx",
}
_FOLDER = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# A mount of its own, whether it shows a folder, and where it goes.
_Place = tuple[int, bool, str]


def build(
    shown: list[list[str]],
    writable: list[list[str]],
    links: list[list[str]],
    tmp: str,
    shm_bytes: int,
) -> None:
    """Replace the root of this process; the working directory is then ``/``.

    :param shown: pairs of what is shown and where, read-only.
    :param writable: the same for what may be written.
    :param links: pairs of where a symbolic link is, and its text.
    :param tmp: the folder that becomes ``/tmp``; whatever is in the way in it is removed.
    :param shm_bytes: how much ``/dev/shm`` holds.
    :raises OSError: the kernel refused a step.
    """
    # The first process of a PID namespace: never that of the machine or its container by mistake.
    if os.getpid() != 1:
        raise OSError(errno.EPERM, "no namespace of its own")
    places: list[_Place] = []
    for source, where in shown:
        try:
            places.append((*_clone(source, read_only=True), where))
        except (FileNotFoundError, PermissionError):
            continue  # less is shown, never more
    places += [(*_clone(source, read_only=False), where) for source, where in writable]
    nodes = [(name, _clone_node(f"/dev/{name}")) for name in _NODES]
    own_tmp = _clone(tmp, read_only=False)[0]
    # Any folder will do: what it holds is seen again through the clones.
    _mount("tmpfs", tmp, _MS_NOSUID | _MS_NODEV, "mode=0755,size=1m")
    root = os.open(tmp, _FOLDER)
    try:
        _put(own_tmp, _folder(root, "tmp"))
        for name in ("proc", "dev/pts", "dev/shm", "run", "var", "home"):
            os.close(_folder(root, name))
        _mount("proc", f"{tmp}/proc", _MS_RDONLY | _MS_NOSUID | _MS_NODEV | _MS_NOEXEC)
        _mount("devpts", f"{tmp}/dev/pts", _MS_NOSUID | _MS_NOEXEC, "newinstance,ptmxmode=0666")
        shm = f"{tmp}/dev/shm"  # noqa: S108 - in the new root
        _mount("tmpfs", shm, _MS_NOSUID | _MS_NODEV, f"mode=1777,size={shm_bytes}")
        for name, node in nodes:
            _put(node, _file(root, f"dev/{name}"))
        for name, text in _DEV_LINKS.items():
            os.symlink(text, f"dev/{name}", dir_fd=root)
        for where, text in links:
            parent, _, name = where.strip("/").rpartition("/")
            folder = _folder(root, parent)
            os.symlink(text, name, dir_fd=folder)
            os.close(folder)
        for clone, is_folder, where in sorted(places, key=lambda place: place[2].count("/")):
            _show(clone, is_folder, root, where)
        # Last: a workspace may lie below one of them.
        for name, target in (("var/tmp", "/tmp"), ("var/run", "/run")):  # noqa: S108
            with contextlib.suppress(FileExistsError):
                os.symlink(target, name, dir_fd=root)
        os.fchdir(root)
    finally:
        os.close(root)
    # The former root comes to lie on the new one and is taken away: pivot_root(2), NOTES.
    call("pivot_root", ctypes.c_char_p(b"."), ctypes.c_char_p(b"."))
    call("umount2", ctypes.c_char_p(b"."), _MNT_DETACH)
    os.chdir("/")
    _set_attributes(_AT_FDCWD, "/", _ATTR_RDONLY | _ATTR_NOSUID | _ATTR_NODEV, 0)


def raise_loopback() -> None:
    """Switch on the loopback of a new network namespace, so that tests can talk to themselves.

    :raises OSError: the kernel refused.
    """
    get_flags, set_flags, up = 0x8913, 0x8914, 1  # SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plain:
        data = fcntl.ioctl(plain, get_flags, struct.pack("16sh22x", b"lo", 0))
        flags = struct.unpack_from("16sh", data)[1] | up
        fcntl.ioctl(plain, set_flags, struct.pack("16sh22x", b"lo", flags))


def _clone(source: str, *, read_only: bool) -> tuple[int, bool]:
    """Return a mount of its own that shows a file or folder, and whether it is a folder."""
    flags = _OPEN_TREE_CLONE | os.O_CLOEXEC | _AT_RECURSIVE | _NOFOLLOW
    clone = call("open_tree", _AT_FDCWD, ctypes.c_char_p(os.fsencode(source)), flags)
    attributes = _ATTR_NOSUID | _ATTR_NODEV | (_ATTR_RDONLY if read_only else 0)
    _set_attributes(clone, "", attributes, _AT_EMPTY_PATH | _AT_RECURSIVE)
    return clone, os.path.isdir(source)  # noqa: PTH112 - pathlib would cost 5 ms a command


def _clone_node(path: str) -> int:
    flags = _OPEN_TREE_CLONE | os.O_CLOEXEC
    clone = call("open_tree", _AT_FDCWD, ctypes.c_char_p(os.fsencode(path)), flags)
    # Read-only is about the node's mode and times, which root would own; devices can be written.
    attributes = _ATTR_NOSUID | _ATTR_NOEXEC | _ATTR_RDONLY
    _set_attributes(clone, "", attributes, _AT_EMPTY_PATH)
    return clone


def _set_attributes(folder: int, path: str, attributes: int, flags: int) -> None:
    wanted = ctypes.create_string_buffer(struct.pack("=QQQQ", attributes, 0, 0, 0), 32)
    call("mount_setattr", folder, ctypes.c_char_p(path.encode()), flags, wanted, 32)


def _mount(kind: str, where: str, flags: int, options: str = "") -> None:
    call(
        "mount",
        ctypes.c_char_p(kind.encode()),
        ctypes.c_char_p(os.fsencode(where)),
        ctypes.c_char_p(kind.encode()),
        flags,
        ctypes.c_char_p(options.encode()),
    )


def _show(clone: int, is_folder: bool, root: int, where: str) -> None:
    try:
        _put(clone, _folder(root, where) if is_folder else _file(root, where))
    except OSError as error:
        os.close(clone)
        # Something that a command left in the workspace is in the way: less is shown, never more.
        if error.errno not in (errno.ENOTDIR, errno.ELOOP, errno.EROFS, errno.EEXIST):
            raise


def _put(clone: int, target: int) -> None:
    empty = ctypes.c_char_p(b"")
    try:
        call("move_mount", clone, empty, target, empty, _MOVE_FROM_EMPTY | _MOVE_TO_EMPTY)
    finally:
        os.close(target)
    os.close(clone)


def _folder(root: int, path: str) -> int:
    """Return a descriptor of a folder below the root; what is missing is made.

    :raises OSError: a link or a file is in the way (``ENOTDIR``), other than in ``/tmp``.
    """
    parts = [part for part in path.split("/") if part]
    folder = os.dup(root)
    for depth, name in enumerate(parts):
        try:
            inner = os.open(name, _FOLDER, dir_fd=folder)
        except FileNotFoundError:
            inner = _made(folder, name)
        except NotADirectoryError:
            if parts[0] != "tmp" or depth == 0:
                os.close(folder)
                raise
            os.unlink(name, dir_fd=folder)
            inner = _made(folder, name)
        os.close(folder)
        folder = inner
    return folder


def _made(folder: int, name: str) -> int:
    try:
        os.mkdir(name, 0o755, dir_fd=folder)
        return os.open(name, _FOLDER, dir_fd=folder)
    except OSError:
        os.close(folder)
        raise


def _file(root: int, path: str) -> int:
    parent, _, name = path.strip("/").rpartition("/")
    folder = _folder(root, parent)
    try:
        flags = os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        os.close(os.open(name, flags, 0o644, dir_fd=folder))
        return os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    finally:
        os.close(folder)
