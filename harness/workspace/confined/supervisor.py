"""Runs one command as its direct parent: a stand-alone script, started with ``python -I -S``.

Standard input holds the order, a line of JSON, and is a lifeline then: when it reaches its end,
Harness is done or dead, and so is everything below. The command's exit code goes as a line to
descriptor ``status_fd``, which the command never has. Inside a PID namespace this process is
number 1, so that its end is the end of all; elsewhere it becomes a subreaper, so that a grandchild
that called ``setsid`` stays a descendant and can be found.
"""

from __future__ import annotations

import _thread
import json
import os
import resource
import signal
import socket
import sys

from harness.workspace.confined import landlock, root, seccomp
from harness.workspace.confined.kernel import prctl
from harness.workspace.confined.privileges import drop_privileges, hide_from_peers
from harness.workspace.confined.requests import Requests

# Not typing's, which would cost 20 ms a command.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from harness.workspace.confined.order import Order

_PR_SET_CHILD_SUBREAPER = 36


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


def confine(order: Order) -> int | None:
    """Confine this process, whose next step is the command, for good.

    :returns: the descriptor of what the filter leaves to the supervisor, or None.
    :raises OSError: the kernel refused a step.
    """
    if not order["confined"]:
        return None
    drop_privileges()
    if order["landlock"]:
        landlock.confine(
            order["writable"],
            order["devices"],
            order["readable"],
            tcp=order["network"] or order["own_network"],
            newest=order["landlock"],
        )
    rules = seccomp.baseline(order["families"])
    if order["root"] is None:
        rules += seccomp.without_namespaces(order["landlock"])
    return seccomp.install(rules)


def start(order: Order) -> tuple[int, int | None]:
    """Start the command in its own session.

    :returns: its process, and the descriptor of what the filter leaves to the supervisor, or None.
    """
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        try:
            os.setsid()
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.chdir(order["cwd"])
            limit_resources(order["limits"])
            listener = confine(order)
            socket.send_fds(theirs, [b"."], [] if listener is None else [listener])
            # Nothing is inherited but the three that a command has: a number that another process
            # listens to would be a way out, or a way to report a success.
            os.closerange(3, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
            os.execvp(order["command"][0], order["command"])  # noqa: S606 - no shell is wanted
        except OSError as error:
            os.write(2, f"harness: the command was not started: {error.strerror}\n".encode())
        finally:
            os._exit(126)
    theirs.close()
    _, listeners, _, _ = socket.recv_fds(ours, 1, 1)
    ours.close()
    return child, listeners[0] if listeners else None


def end_with_harness(child: int | None) -> None:
    """Wait for the end of standard input, and then end the command and this process."""
    while os.read(0, 1):
        pass
    if child is not None:
        try:  # noqa: SIM105 - contextlib would cost 5 ms a command
            os.killpg(child, signal.SIGKILL)
        except OSError:
            pass
    os._exit(0)


def run(order: Order) -> int:
    """Run the command to its end, reaping orphans meanwhile, and return its exit code."""
    if order["root"] is not None:
        root.build(**order["root"])
    if order["own_network"]:
        root.raise_loopback()
    if sys.platform.startswith("linux"):
        prctl(_PR_SET_CHILD_SUBREAPER, 1)
        hide_from_peers()
    child, listener = start(order)
    _thread.start_new_thread(end_with_harness, (child,))
    if listener is not None:
        _thread.start_new_thread(Requests(listener, order["writable"]).serve, ())
    while True:
        pid, status = os.wait()
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def main() -> None:
    """Read the order, run it, report, and stay until told to end."""
    for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)
    order: Order = json.loads(_first_line())
    os.set_inheritable(order["status_fd"], False)
    # Ignored signals are inherited through exec; the command must get the defaults.
    os.register_at_fork(
        after_in_child=lambda: [
            signal.signal(name, signal.SIG_DFL)
            for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE)
        ]
    )
    try:
        code = run(order)
    except OSError as error:
        os.write(2, f"harness: the command was not started: {error}\n".encode())
        code = 126
    os.write(order["status_fd"], f"{code}\n".encode())
    end_with_harness(None)


def _first_line() -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        more = os.read(0, 1 << 16)
        if not more:
            os._exit(0)
        line += more
    return line
