"""``python -m harness.indexer --path DIR``: the same as ``harness index --root DIR``."""

from __future__ import annotations

import sys

from harness.cli.main import main


def arguments_for_index(arguments: list[str]) -> list[str]:
    """Translate the module's ``--path`` to ``--root``; everything else is passed on."""
    translated = ["--root" if argument == "--path" else argument for argument in arguments]
    return ["index", *(a.replace("--path=", "--root=", 1) for a in translated)]


if __name__ == "__main__":
    main(arguments_for_index(sys.argv[1:]))
