"""Which port of the loopback address can be used."""

from __future__ import annotations

import random
import socket

from harness.errors import StackError
from harness.stack.environment import HOST

_CHOSEN_FROM = range(10_000, 30_000)
"""Systems give connections and servers without a port of their own one from 32,768 (Linux) or
49,152 (RFC 6335) on, and Kubernetes opens those from 30,000 on at its nodes."""

_TRIES = 100


def free_port() -> int:
    """A port that is free now, and that no system gives to a connection meanwhile; another program
    may still ask for just this one before the caller does."""
    # The system's: whoever seeds Python's generator would be given the same ports each time.
    for port in (*random.SystemRandom().sample(_CHOSEN_FROM, _TRIES), 0):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise StackError(f"no port of {HOST} is free; end programs that listen on it")


def port_or_free(port: int) -> int:
    """This port, or another one where it cannot be used, or is 0."""
    if port == 0:
        return free_port()
    try:
        check_port(port)
    except StackError:
        return free_port()
    return port


def check_port(port: int) -> None:
    """Refuse a port that another program listens on. Binding alone does not notice that on macOS.

    :raises StackError: it is taken, or this account may not use it; names the option.
    """
    taken = StackError(
        f"port {port} on {HOST} is in use by another program; choose another one with --port "
        "or HARNESS_PORT"
    )
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        if probe.connect_ex((HOST, port)) == 0:
            raise taken
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except PermissionError:
            raise StackError(
                f"port {port} may not be used by this account; choose one above 1023 with --port "
                "or HARNESS_PORT"
            ) from None
        except OSError:
            raise taken from None
