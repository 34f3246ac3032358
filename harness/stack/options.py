"""What can be chosen about the local stack, and the defaults."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StackOptions:
    """How a stack is started.

    :param port: of the server and its UI, on 127.0.0.1.
    :param start_timeout_seconds: for the server, and again for the deployments and the worker.
    :param work_pool: the pool that holds the deployments and that the worker polls.
    :param serve: also start the service, `harness serve`.
    :param service_port: of the service; another one is taken where this one is in use, or 0.
    """

    port: int = 4200
    start_timeout_seconds: float = 180.0
    work_pool: str = "harness"
    serve: bool = True
    service_port: int = 4280
