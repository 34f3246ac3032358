"""Who may use the local Prefect server: its password, and the file that lets Prefect's own
command line use it.

Loopback keeps out other machines, not other accounts of this one: whoever can start a flow run can
run code as the server's owner. The password is kept across restarts, so that a browser that has
logged in stays logged in.
"""

from __future__ import annotations

import os
import secrets
import tomllib

from harness.files import open_regular, write_atomically
from harness.stack.environment import api_url
from harness.stack.state import Layout, StackState

_USER = "harness"
_PROFILE = "harness"
_SECRET_BYTES = 32
# Mode bits of group and others.
_OTHERS = 0o077
_LOOPBACK_NAMES = ("127.0.0.1", "localhost")


def auth_string_to_start(layout: Layout) -> str:
    """``user:password`` for a server that is about to start: the one of the last start, or a new
    one when there is none, or when somebody else may have read it."""
    kept = _kept(layout)
    return kept or f"{_USER}:{secrets.token_urlsafe(_SECRET_BYTES)}"


def write_profile(layout: Layout, state: StackState) -> None:
    """Write the profile through which ``prefect`` finds a stack, for its owner only.

    :raises OSError: the disk is full or the folder cannot be written.
    """
    lines = (
        "# Written by `harness up`; PREFECT_PROFILES_PATH names this file to Prefect.",
        f'active = "{_PROFILE}"',
        "",
        f"[profiles.{_PROFILE}]",
        f'PREFECT_API_URL = "{api_url(state.port)}"',
        f'PREFECT_API_AUTH_STRING = "{state.auth_string}"',
    )
    write_atomically(layout.profile_file, "\n".join(lines) + "\n")


def auth_string_for(url: str, state: StackState | None) -> str | None:
    """``user:password`` of a server if it is the local one, else None: no other server is shown it.

    :param url: of an API.
    :param state: the local stack, None when there is none.
    """
    if state is None:
        return None
    own = {api_url(state.port, host) for host in _LOOPBACK_NAMES}
    return state.auth_string if url.rstrip("/") in own else None


def _kept(layout: Layout) -> str | None:
    try:
        file = open_regular(layout.profile_file)
        if file is None:
            return None
        with file:
            if os.fstat(file.fileno()).st_mode & _OTHERS:
                return None
            document = tomllib.load(file)
        kept = document["profiles"][_PROFILE]["PREFECT_API_AUTH_STRING"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    user, _, password = str(kept).partition(":")
    # What follows is written into a file and an environment as it is.
    usable = user == _USER and len(password) >= _SECRET_BYTES and password.isascii()
    return str(kept) if usable and password.replace("-", "").replace("_", "").isalnum() else None
