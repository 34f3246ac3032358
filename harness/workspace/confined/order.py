"""What the supervisor is told: one JSON document, the first line of its standard input."""

from __future__ import annotations

from typing import TypedDict


class RootOrder(TypedDict):
    """See :func:`harness.workspace.confined.root.build`."""

    shown: list[list[str]]
    writable: list[list[str]]
    links: list[list[str]]
    tmp: str
    shm_bytes: int


class Order(TypedDict):
    """What to run, and how it is confined.

    ``root`` is None without namespaces; ``readable`` is None where reading is not confined by
    Landlock; ``landlock`` is the ABI to use, 0: none; ``families`` are the address families that
    sockets may have, None: any; ``confined`` is False to do without a filter of system calls.
    """

    command: list[str]
    cwd: str
    status_fd: int
    limits: dict[str, int]
    root: RootOrder | None
    own_network: bool
    network: bool
    landlock: int
    writable: list[str]
    devices: list[str]
    readable: list[str] | None
    families: list[int] | None
    confined: bool
