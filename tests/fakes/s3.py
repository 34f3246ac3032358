"""Object storage over real HTTP on loopback: moto's server, which knows what boto3 sends."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def server() -> Iterator[str]:
    """Run one; skips the test where the extra is not installed.

    :returns: its address.
    """
    import pytest

    pytest.importorskip("boto3", reason="the extra s3 is not installed")
    moto = pytest.importorskip("moto.server", reason="moto is not installed")
    running: Any = moto.ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    running.start()
    try:
        host, port = running.get_host_and_port()
        endpoint = f"http://{host}:{port}"
        # Buckets belong to the process, so those of another test would still be here.
        reset = urllib.request.Request(f"{endpoint}/moto-api/reset", method="POST")
        urllib.request.urlopen(reset).close()
        yield endpoint
    finally:
        running.stop()
