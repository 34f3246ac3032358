"""The official ``ollama`` package, imported so that no variable of the environment can break it.

``ollama/__init__.py`` makes a client of its own at once, from the environment: with
``ALL_PROXY=socks5://…``, an address in ``OLLAMA_HOST`` that we report in words, or a lost
``SSL_CERT_FILE`` the import itself would fail. That client is never used.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

_READ_AT_IMPORT = {"OLLAMA_HOST", "SSL_CERT_FILE", "SSL_CERT_DIR"}


@contextmanager
def _without_its_variables() -> Iterator[None]:
    hidden = {
        name: value
        for name, value in os.environ.items()
        if name in _READ_AT_IMPORT or name.lower().endswith("_proxy")
    }
    for name in hidden:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(hidden)


with _without_its_variables():
    import ollama

__all__ = ["ollama"]
