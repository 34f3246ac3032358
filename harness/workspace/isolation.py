"""How far this machine lets a command be confined: three levels, tried once each.

``namespaces``
    The command sees a file system of its own with what it needs (:mod:`harness.workspace.visible`),
    no process but its own, and no network but its own loopback.
``landlock+seccomp``
    Where namespaces are forbidden, as in most containers: it shares processes and network with
    everything else, and the kernel refuses what leads there.
``none``
    Limits of time, output, processes, memory and disk only. No command runs, unless the policy says
    that it may.

Landlock and the filter of system calls are there at the first level, too, where the kernel has
them. A level counts as reached when a command was run at it: all of it, or the next one.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import PolicyError
from harness.workspace.confined import landlock, seccomp
from harness.workspace.policy import LEVELS, CommandPolicy, Level
from harness.workspace.visible import View, view

if TYPE_CHECKING:
    from harness.workspace.confined.order import Order

_REMEDIES: dict[Level, str] = {
    "landlock+seccomp": "run Harness on Linux 5.19 or newer with Landlock, or where user "
    "namespaces are allowed; or set HARNESS_COMMAND_ISOLATION=none to run commands with "
    "everything you may do",
    "namespaces": "allow user namespaces (docs/security.md), or set "
    "HARNESS_COMMAND_ISOLATION=landlock+seccomp",
}
SHM_BYTES = 256_000_000
_PROBE_SECONDS = 20.0
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
# Each its own: mounts, processes, network, System V objects, host name.
_NAMESPACES = ("--mount", "--pid", "--fork", "--kill-child", "--net", "--ipc", "--uts")
_PACKAGE_ROOT = Path(__file__).resolve().parents[2]
_START = (
    "import sys; sys.path.append(sys.argv.pop()); "
    "from harness.workspace.confined.supervisor import main; main()"
)
# The command line of the supervisor; its order goes to its standard input.
SUPERVISOR = (sys.executable, "-I", "-S", "-c", _START, str(_PACKAGE_ROOT))


@dataclass(frozen=True, slots=True)
class Isolation:
    """A level, and how it is reached: ``prefix`` is put in front of the supervisor, ``landlock``
    is the kernel's ABI, 0 where there is none. ``reason`` says why it is not a higher level."""

    level: Level
    prefix: tuple[str, ...] = ()
    landlock: int = 0
    reason: str = ""

    @property
    def own_processes(self) -> bool:
        """Whether the command has a PID namespace, which ends with its first process."""
        return self.level == "namespaces"

    def require(self, least: Level) -> None:
        """Refuse to run a command below a level.

        :raises PolicyError: this one is lower; the message has the remedy.
        """
        if LEVELS.index(self.level) < LEVELS.index(least):
            raise PolicyError(
                f"commands must be isolated by {least}, and here is {self.level} "
                f"({self.reason}); {_REMEDIES[least]}"
            )


@functools.cache
def probe_isolation(network: bool = False) -> Isolation:
    """Return the highest level that this machine grants; each is tried by running a command.

    :param network: leave the network as it is.
    """
    if not sys.platform.startswith("linux"):
        return Isolation("none", reason=f"{sys.platform} has neither namespaces nor Landlock")
    abi = landlock.version()
    abi = abi if abi >= landlock.LEAST_VERSION else 0
    reasons = []
    for prefix in _prefixes(network):
        tried = Isolation("namespaces", prefix, abi)
        failure = _try(tried, network)
        if not failure:
            return tried
        reasons.append(f"namespaces: {failure}")
    if abi:
        tried = Isolation("landlock+seccomp", (), abi, reasons[-1] if reasons else "no unshare")
        failure = _try(tried, network)
        if not failure:
            return tried
        reasons.append(f"landlock+seccomp: {failure}")
    else:
        kernel, least = landlock.version(), landlock.LEAST_VERSION
        reasons.append(f"landlock+seccomp: Landlock's ABI is {kernel} and must be {least}")
    return Isolation("none", (), 0, ", ".join(reasons))


def _prefixes(network: bool) -> list[tuple[str, ...]]:
    unshare = shutil.which("unshare")
    if unshare is None:
        return []
    flags = [flag for flag in _NAMESPACES if not (network and flag == "--net")]
    # Root may be allowed to do it directly; anybody else needs a user namespace first.
    # Its privileges are kept for the supervisor, who gives them up for the command.
    mapped = ("--map-current-user", "--keep-caps")
    users = [(), mapped] if os.geteuid() == 0 else [mapped]
    return [(unshare, *user, *flags, "--") for user in users]


def _try(isolation: Isolation, network: bool) -> str:
    """Run ``true`` at a level; return why that failed, empty when it did not."""
    with tempfile.TemporaryDirectory(prefix="harness-probe-") as name:
        tree, scratch = (Path(os.path.realpath(name)) / part for part in ("tree", "scratch"))
        tree.mkdir()
        scratch.mkdir()
        reader, writer = os.pipe()
        policy = CommandPolicy(network=network)
        order = order_for(isolation, ["/bin/sh", "-c", "true"], tree, scratch, policy, writer)
        try:
            done = subprocess.Popen(
                [*isolation.prefix, *SUPERVISOR],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=(writer,),
                start_new_session=True,
            )
        except OSError as error:
            os.close(reader)
            return error.strerror or "cannot be started"
        finally:
            os.close(writer)
        with os.fdopen(reader, "rb") as status, done:
            assert done.stdin is not None  # noqa: S101 - asked for above
            assert done.stderr is not None  # noqa: S101
            # It ends without having read where the kernel refuses what comes before that.
            with contextlib.suppress(BrokenPipeError):
                done.stdin.write(encoded(order))
                done.stdin.flush()
            if not select.select([status], [], [], _PROBE_SECONDS)[0]:
                os.killpg(done.pid, signal.SIGKILL)
            code = status.readline().strip()
            with contextlib.suppress(BrokenPipeError):
                done.stdin.close()
            said = done.stderr.read(2000).decode(errors="replace").strip()
    return "" if code == b"0" else said.rpartition("\n")[2].removeprefix("harness: ") or "refused"


def encoded(order: Order) -> bytes:
    """Return what the supervisor reads first: not an argument, whose length is limited and which
    every user of the machine can see."""
    return json.dumps(order).encode() + b"\n"


def order_for(
    isolation: Isolation,
    command: Sequence[str],
    cwd: Path,
    scratch: Path,
    policy: CommandPolicy,
    status_fd: int,
    *,
    readable: Sequence[Path] = (),
    stands_for: Path | None = None,
) -> Order:
    """Put together what the supervisor is told; see
    :class:`harness.workspace.confined.order.Order`.

    :param readable: what is shown besides, whatever is hidden.
    :param stands_for: where the copy is seen as well: the user's folder, which is not there
        otherwise, so that what was installed from it finds the copy.
    """
    namespaces = isolation.level == "namespaces"
    confined = isolation.level != "none"
    seen = View((), ())
    if confined:
        hidden = [Path(path) for path in policy.hidden]
        seen = view(policy.environment, hidden, readable)
    order: Order = {
        "command": list(command),
        "cwd": str(cwd),
        "status_fd": status_fd,
        "limits": {
            "RLIMIT_CORE": 0,
            "RLIMIT_FSIZE": policy.max_file_bytes,
            "RLIMIT_AS": policy.max_memory_bytes,
            # Counts all threads of the user, hence far above max_processes.
            "RLIMIT_NPROC": 8192 + policy.max_processes,
        },
        "root": None,
        "own_network": namespaces and not policy.network,
        "network": policy.network,
        "landlock": isolation.landlock,
        "writable": [str(cwd), str(scratch)],
        "devices": [f"/dev/{name}" for name in _DEVICES],
        "readable": None,
        "families": None,
        "confined": confined,
    }
    if namespaces:
        order["root"] = {
            "shown": [list(pair) for pair in seen.shown],
            "writable": [[str(path), str(path)] for path in (cwd, scratch)]
            + ([[str(cwd), str(stands_for)]] if stands_for is not None else []),
            "links": [list(pair) for pair in seen.links],
            "tmp": str(own_tmp(scratch)),
            "shm_bytes": SHM_BYTES,
        }
        order["writable"] += ["/tmp", "/dev/shm"]  # noqa: S108 - the command's own
        order["devices"] += ["/dev/pts", "/dev/ptmx"]
    elif confined:
        order["readable"] = [real for real, _ in seen.shown] + ["/proc"]
    if confined:
        order["families"] = families(isolation, network=policy.network)
    return order


def families(isolation: Isolation, *, network: bool) -> list[int]:
    """Return the address families that a command's sockets may have.

    Sockets by path lead to whatever serves one on this machine, unless the command sees only its
    own files; abstract ones belong to a network, and Landlock keeps them apart since ABI 6.
    """
    internet = [seccomp.AF_INET, seccomp.AF_INET6, seccomp.AF_NETLINK]
    if isolation.level != "namespaces":
        return internet if network else []
    alone = not network or isolation.landlock >= landlock.SCOPE_VERSION
    return [seccomp.AF_UNIX, *internet] if alone else internet


def own_tmp(scratch: Path) -> Path:
    """Return the folder that commands have for ``/tmp``; what else has its name is removed."""
    folder = scratch / "tmp"
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        folder.unlink()
    folder.mkdir(exist_ok=True)
    folder.chmod(0o1777)
    return folder
