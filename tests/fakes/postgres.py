"""A real Postgres server of our own, reached through a socket in a folder: no port, no password."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Debian has the programs of each version in a folder that is not on PATH.
_PLACES = (*os.environ.get("PATH", "").split(os.pathsep), "/usr/lib/postgresql/*/bin")
USER = "prefect"


def programs() -> Path | None:
    """The folder with ``initdb`` and ``pg_ctl``, None where Postgres is not installed."""
    for place in _PLACES:
        for folder in sorted(Path("/").glob(place.lstrip("/")), reverse=True):
            if (folder / "initdb").exists() and (folder / "pg_ctl").exists():
                return (folder / "initdb").resolve().parent
    return None


@contextmanager
def server(folder: Path) -> Iterator[Path]:
    """Run a server.

    :param folder: with its programs.
    :returns: the folder with its socket, which is the ``host`` of an address.
    """
    # Short: the path of a socket may have 107 bytes. Not below pytest's folder, which only its
    # owner may enter: Postgres refuses to run as root.
    home = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    user: dict[str, int | str] = {}
    if os.geteuid() == 0:
        user = {"user": "nobody", "group": "nogroup"}
        shutil.chown(home, **user)  # type: ignore[call-overload]
    data = home / "data"

    def run(program: str, *arguments: str) -> None:
        subprocess.run(
            [folder / program, "-D", data, *arguments],
            check=True, cwd=home, stdout=subprocess.DEVNULL, timeout=250, **user,  # type: ignore[call-overload]
        )  # fmt: skip

    try:
        run("initdb", "--username", USER, "--auth=trust", "--no-sync", "--locale=C", "-E", "UTF8")
        options = f"-c listen_addresses= -c unix_socket_directories={home} -c fsync=off"
        run("pg_ctl", "-w", "-t", "240", "-l", str(home / "log"), "-o", options, "start")
        try:
            yield home
        finally:
            run("pg_ctl", "-w", "-t", "240", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(home, ignore_errors=True)
