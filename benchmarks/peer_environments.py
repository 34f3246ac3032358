"""The programs that :mod:`benchmarks.peers` compares with: each in an environment of its own,
installed once from the package index that pip is configured for, never into ours."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.corpora import CACHE


@dataclass(frozen=True, slots=True)
class Peer:
    """What to install, and the program of the environment that is run. ``needs`` is a statement
    that a suitable Python can carry out."""

    name: str
    packages: tuple[str, ...]
    program: str
    needs: str = "pass"


SEMBLE = Peer("semble", ("semble==0.7.0", "tokenizers"), "python")
COCOINDEX = Peer(
    "cocoindex-code",
    ("cocoindex-code==0.2.42",),
    "ccc",
    # Not every Python is built with it.
    needs="import sqlite3; sqlite3.Connection.enable_load_extension",
)


def installed(peer: Peer, cache: Path = CACHE) -> Path | None:
    """The program of a peer, installed unless it is there; None where pip cannot, which says why.

    :param cache: folder that keeps the environments.
    """
    folder = cache / "peers" / peer.name
    program = folder / "bin" / peer.program
    done = folder / ".installed"
    if done.exists():
        return program
    pythons = (sys.executable, "/usr/bin/python3")
    python = next((one for one in pythons if _can(one, peer.needs)), None)
    if python is None:
        print(f"{peer.name} is left out: no Python here can do `{peer.needs}`", file=sys.stderr)
        return None
    pip = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", *peer.packages]
    for command in ([python, "-m", "venv", "--clear", folder], pip):
        if subprocess.run(command, check=False).returncode:
            print(f"{peer.name} is left out: it cannot be installed", file=sys.stderr)
            return None
    done.touch()
    return program


def _can(python: str, statement: str) -> bool:
    try:
        return not subprocess.run(
            [python, "-c", statement], check=False, capture_output=True
        ).returncode
    except OSError:
        return False
